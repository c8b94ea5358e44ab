"""Banks of skeletons, and what is kept out of them."""

from __future__ import annotations

import itertools
import os
from collections import Counter

import numpy as np
import pytest
from fuzzing import CHANGES, FUZZ, changed
from hypothesis import given

from jaxsym.expr import parse
from jaxsym.nesymres import Bank, Exclusion, Prior, generate_bank, load_test_set
from jaxsym.nesymres.skeletons.decontamination import signatures
from jaxsym.nesymres.skeletons.sampling import Skeleton, sample_skeletons
from jaxsym.nesymres.vocabulary import from_ids, to_expression


@pytest.fixture(scope="module")
def bank():
    return generate_bank(Prior(), 500, seed=3)


def test_skeletons_are_distinct_and_reproducible(bank):
    assert len({row.tobytes() for row in bank.tokens}) == len(bank) == 500
    again = generate_bank(Prior(), 100, seed=3)
    assert np.array_equal(again.tokens, bank.tokens[:100])


def test_counts_tell_how_often_the_prior_drew_a_skeleton():
    prior = Prior(weights={"add": 1.0, "mul": 1.0}, fewest=1, most=2, variables=1, constants=0)
    bank = generate_bank(prior, 5, seed=1)
    drawn = Counter(s.tokens for s in itertools.islice(sample_skeletons(prior, 1), 4096))
    assert [drawn[from_ids(row)] for row in bank.tokens] == bank.counts.tolist()
    assert bank.counts.max() > 100


def test_a_file_gives_the_same_bank(bank, tmp_path):
    bank.save(tmp_path / "bank.npz")
    read = Bank.load(tmp_path / "bank.npz")
    assert read.fingerprint == bank.fingerprint and read.about == bank.about
    assert (tmp_path / "bank.npz").stat().st_size < 15 * len(bank)


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    with pytest.raises(ValueError, match="expected tokens, columns, counts and about"):
        Bank.load(tmp_path / "other.npz")


@pytest.mark.parametrize("part", ["nothing", "a record that is no object", "tokens of text"])
def test_arrays_that_are_no_bank_are_refused(part, bank, tmp_path):
    arrays = {name: getattr(bank, name) for name in ("tokens", "columns", "counts")}
    arrays["about"] = np.array('{"prior": {}, "excluded": []}')
    match part:
        case "nothing":
            arrays["columns"] = arrays["columns"][:0]
        case "a record that is no object":
            arrays["about"] = np.array("[1]")
        case "tokens of text":
            arrays["tokens"] = arrays["tokens"].astype(str)
    np.savez(tmp_path / "bank.npz", **arrays)
    with pytest.raises(ValueError, match=r"bank\.npz: "):
        Bank.load(tmp_path / "bank.npz")


def test_a_damaged_bank_is_refused_in_one_line(bank, tmp_path):
    path = tmp_path / "bank.npz"
    Bank(bank.tokens[:50], bank.columns[:50], bank.counts[:50], bank.about).save(path)
    whole = path.read_bytes()

    @FUZZ
    @given(CHANGES)
    def check(changes):
        path.write_bytes(changed(whole, changes))
        try:
            Bank.load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)

    check()


def test_a_full_disk_leaves_the_bank_that_was_there(bank, tmp_path, monkeypatch):
    path = tmp_path / "bank.npz"
    bank.save(path)

    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        bank.save(path)
    assert os.listdir(tmp_path) == ["bank.npz"] and len(Bank.load(path)) == len(bank)


def test_split_parts_are_disjoint(bank):
    learned, held_out = bank.split(50)
    assert len(learned) == 450 and len(held_out) == 50
    rows = {row.tobytes() for row in learned.tokens}
    assert not rows & {row.tobytes() for row in held_out.tokens}
    with pytest.raises(ValueError, match="held_out=500"):
        bank.split(500)


def test_excluded_equations_do_not_come(bank):
    names = ["x_1", "x_2", "x_3"]
    mine = [(to_expression(from_ids(row), names), names) for row in bank.tokens[:20]]
    soose = [(e.expression, e.variables) for e in load_test_set("soose")]
    exclusion = Exclusion({"soose": soose, "mine": mine})
    clean = generate_bank(Prior(), 500, seed=3, exclude=exclusion)
    assert clean.about["excluded"] == ["soose", "mine"]
    kept = {row.tobytes() for row in clean.tokens}
    assert not kept & {row.tobytes() for row in bank.tokens[:20]}


def test_exclusion_is_blind_to_names_constants_and_spelling():
    exclusion = Exclusion({"mine": [(parse("sin(x_1)**2*x_2"), ["x_1", "x_2"])]})

    def refused(tokens, bare=None):
        skeleton = Skeleton(tuple(tokens.split()), tuple((bare or tokens).split()), 3)
        return not exclusion.keep([skeleton])

    assert refused("mul x_3 pow sin x_2 2") and refused("mul x_2 pow sin x_5 2")
    assert refused("mul c mul x_1 pow sin x_2 2", "mul x_1 pow sin x_2 2")
    # equal in value alone
    assert refused("mul x_2 add 1 mul -1 pow cos x_1 2")
    assert not refused("mul x_2 pow sin x_1 3")


def test_values_without_finite_numbers_are_not_compared():
    undefined = ("ln", "mul", "-1", "pow", "x_1", "2")
    assert signatures([undefined, ("x_1",)])[0] is None


def test_an_exhausted_prior_is_told():
    prior = Prior(weights={"add": 1.0}, fewest=1, most=1, variables=1, constants=0)
    with pytest.raises(ValueError, match="hardly more than 1 distinct"):
        generate_bank(prior, 100)
