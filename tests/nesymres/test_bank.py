"""Banks of skeletons, and what is kept out of them."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

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
