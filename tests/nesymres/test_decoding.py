"""Beam search and sampling: grammar, probabilities, best ones."""

from __future__ import annotations

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.nesymres import CONFIGS, NeSymReS, decode
from jaxsym.nesymres.model.decoding import allowed_next
from jaxsym.nesymres.model.transformer import init_params
from jaxsym.nesymres.vocabulary import (
    END,
    ID,
    SIZE,
    VARIABLES,
    arity_table,
    from_ids,
    to_expression,
)

CONFIG = replace(
    CONFIGS["small"], width=16, heads=2, inducing=3, seeds=2, latent_layers=1, decoder_layers=1,
    feedforward=16, length=7,
)  # fmt: skip
MODEL = NeSymReS(CONFIG)
apply, next_tokens = jax.jit(MODEL.apply), jax.jit(allowed_next)


@pytest.fixture(scope="module")
def params():
    # larger weights than at the start, so that probabilities differ
    return jax.tree.map(lambda a: 3 * a, init_params(MODEL, jax.random.key(0)))


def table(count=1):
    X = jax.random.normal(jax.random.key(5), (count, 8, 3))
    return X, X.sum(-1), jnp.ones((count, 8), bool)


def tokens_allowed(*names):
    allowed = np.zeros((1, SIZE), bool)
    allowed[0, [ID[name] for name in names]] = True
    return allowed


FEW = tokens_allowed("x_1", "c", "sin", "add")


def run(params, beam, sample=False, seed=0, allowed=FEW, tables=None):
    X, y, mask = table() if tables is None else tables
    key = jax.random.key(seed)
    return decode(MODEL, params, X, y, mask, allowed, key, beam=beam, sample=sample)


def log_probability(params, tokens):
    """Of a whole equation, by all its prefixes at once, among what the grammar allows."""
    logits = apply(params, *table(), jnp.asarray(tokens)[None, :-1])[0]
    wanted, varied, total = 1, False, 0.0
    for position, token in enumerate(tokens[1:].tolist()):
        if token == 0:
            break
        room = jnp.array(CONFIG.length - 1 - position)
        may = next_tokens(jnp.array(wanted), jnp.array(varied), room, FEW[0])
        total += float(jax.nn.log_softmax(jnp.where(may, logits[position], -jnp.inf))[token])
        varied |= token == ID["x_1"]
        wanted += max(int(arity_table()[token]), 0) - 1 if token != ID["end"] else 0
    return total


def every_equation():
    """All equations of the few tokens that fit, by brute force."""
    for length in range(1, CONFIG.length - 1):
        for tokens in itertools.product(("x_1", "c", "sin", "add"), repeat=length):
            wanted = 1
            for place, token in enumerate(tokens):
                wanted += {"sin": 0, "add": 1}.get(token, -1)
                if wanted == 0 and place + 1 < length:
                    break
            else:
                if wanted == 0 and "x_1" in tokens:
                    yield tokens


def test_a_wide_beam_finds_the_most_probable_equations(params):
    found = run(params, beam=32)
    equations = list(every_equation())
    ids = np.zeros((len(equations), CONFIG.length), np.int64)
    for row, tokens in enumerate(equations):
        ids[row, : len(tokens) + 2] = [ID["start"], *(ID[t] for t in tokens), ID["end"]]
    scores = {tuple(row): log_probability(params, row) for row in ids}
    assert np.isclose(np.exp(list(scores.values())).sum(), 1, atol=1e-3)
    best = sorted(scores.values(), reverse=True)[:3]
    np.testing.assert_allclose(found.log_probability[0, :3], best, atol=5e-3)
    for row, score in zip(np.asarray(found.tokens[0]), found.log_probability[0], strict=True):
        assert np.isclose(scores[tuple(row)], score, atol=5e-3)


def test_every_candidate_is_an_equation_of_allowed_tokens(params):
    every = tokens_allowed(*(token for token in ID if token not in ("x_4", "x_5", "x_6")))
    for beam, sample in ((32, False), (2000, True)):
        found = run(params, beam=beam, sample=sample, allowed=every)
        for row in np.asarray(found.tokens[0]):
            tokens = from_ids(row)
            expression = to_expression(tokens, VARIABLES[:3])
            assert set(expression.variables) & set(VARIABLES[:3])


def test_samples_come_by_their_probability(params):
    found = run(params, beam=2000, sample=True)
    rows, counts = np.unique(np.asarray(found.tokens[0]), axis=0, return_counts=True)
    for row, count in zip(rows, counts, strict=True):
        if count > 100:
            expected = 2000 * np.exp(log_probability(params, row))
            assert abs(count - expected) < 5 * np.sqrt(expected)
    assert counts.max() > 100


def test_tables_do_not_meet(params):
    X, y, mask = table(3)
    allowed = np.repeat(FEW, 3, 0)
    together = run(params, 32, allowed=allowed, tables=(X, y, mask))
    for t in range(3):
        alone = run(params, 32, tables=(X[t : t + 1], y[t : t + 1], mask[t : t + 1]))
        np.testing.assert_allclose(
            together.log_probability[t], alone.log_probability[0], rtol=1e-3, atol=1e-4
        )


def test_it_ends_as_soon_as_all_equations_have(params):
    only = tokens_allowed("x_1")
    found = run(params, beam=32, allowed=only)
    assert int(found.steps) == 2
    assert from_ids(np.asarray(found.tokens[0, 0])) == ("x_1",)
    assert np.isneginf(np.asarray(found.log_probability[0, 1:])).all()


def test_equations_are_no_longer_than_asked(params):
    X, y, mask = table()
    longest = {}
    for most in (CONFIG.length, 5):
        found = decode(MODEL, params, X, y, mask, FEW, jax.random.key(0), most, beam=8)
        written = np.asarray(found.tokens)[np.isfinite(found.log_probability)]
        assert len(written) > 1 and np.all((written == END).any(1))
        longest[most] = int((written == END).argmax(1).max()) + 1
    assert longest == {CONFIG.length: CONFIG.length, 5: 5}
