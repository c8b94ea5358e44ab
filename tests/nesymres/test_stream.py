"""Examples made on the device."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr import evaluate
from jaxsym.nesymres import Prior, StreamConfig, draw_examples, generate_bank, on_device
from jaxsym.nesymres.model.bits import to_bits
from jaxsym.nesymres.pretraining.examples import _draw_constants, _draw_points
from jaxsym.nesymres.pretraining.programs import _side_by_side, to_program
from jaxsym.nesymres.vocabulary import VARIABLES, from_ids, to_expression, to_ids

NAMES = list(VARIABLES[:3])


@pytest.fixture(scope="module")
def bank():
    return on_device(generate_bank(Prior(), 400))


CONFIG = StreamConfig(points=50, support="mixed")
draw = jax.jit(draw_examples, static_argnums=(2, 3, 4))


@pytest.fixture(scope="module")
def batch(bank):
    return draw(jax.random.key(1), bank, 64, CONFIG, 3)


def truth(batch, row):
    """Values by the expression language in float64."""
    tokens = from_ids(np.asarray(batch.tokens[row]))
    constants = np.asarray(batch.constants[row], float)[: tokens.count("c")]
    expression = to_expression(tokens, NAMES).with_constants(constants)
    return expression.evaluate(np.asarray(batch.X[row], float), NAMES)


def test_values_are_those_of_the_expressions(batch):
    close = kept = 0
    for row in range(64):
        mask = np.asarray(batch.mask[row])
        if mask.any():
            kept += 1
            expected = truth(batch, row)[mask]
            close += np.allclose(np.asarray(batch.y[row])[mask], expected, rtol=1e-2, atol=1e-2)
    assert kept > 45 and close >= kept - 4  # functions of huge numbers are chaotic in float32


def test_a_batch_depends_on_its_key_alone(bank, batch):
    again, other = (draw(jax.random.key(seed), bank, 64, CONFIG, 3) for seed in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(again, batch, strict=True))
    assert not np.array_equal(other.X, batch.X)


def test_skeletons_come_as_often_as_the_prior_drew_them_or_alike():
    weights = dict.fromkeys(("add", "mul", "sin", "cos", "exp"), 1.0)
    prior = Prior(weights=weights, fewest=1, most=1, variables=1, constants=0)
    bank = replace(generate_bank(prior, 5), counts=np.array([8, 0, 4, 0, 4], np.int32))
    for uniform, share in ((False, bank.counts / 16), (True, np.full(5, 1 / 5))):
        config = StreamConfig(points=1, fewest=1, uniform=uniform)
        tokens = np.asarray(draw(jax.random.key(0), on_device(bank), 4000, config, 1).tokens)
        found = [np.mean((tokens == row).all(1)) for row in bank.tokens]
        np.testing.assert_allclose(found, share, atol=0.04)


def test_jit_gives_what_eager_gives(bank):
    ids, constants = bank.tokens[:5].astype(jnp.int32), jnp.ones((5, 8))
    eager = to_program(ids, constants, 3)
    jitted = jax.jit(to_program, static_argnums=2)(ids, constants, 3)
    for one, other in zip(jax.tree.leaves(eager), jax.tree.leaves(jitted), strict=True):
        assert np.array_equal(one, other)


def test_masked_and_rejected_points_are_zero(batch):
    y, mask = np.asarray(batch.y), np.asarray(batch.mask)
    assert np.isfinite(y).all() and np.all(y[~mask] == 0) and np.all(np.abs(y) <= 5e4)
    rejected = np.asarray(batch.tokens[:, 0]) == 0
    assert not mask[rejected].any() and mask[~rejected].any(1).all()


def test_points_lie_in_their_support_and_unused_columns_are_zero():
    columns = jnp.tile(jnp.array([1, 2, 3]), 100)

    def points(support):
        config = StreamConfig(points=100, support=support)
        return np.asarray(_draw_points(jax.random.key(0), 300, 3, columns, config))

    X = points("fixed")
    assert np.abs(X).max() <= 10 and X[..., 0].min() < -9.9 and X[..., 0].max() > 9.9
    assert np.array_equal((X != 0).any(1).sum(1), columns)
    narrow = points("random")[..., 0]
    widths = narrow.max(1) - narrow.min(1)
    assert widths.min() < 2 and abs(widths.mean() - 20 / 3) < 1


def test_constants_come_from_their_ranges():
    ids = jnp.asarray(np.stack([to_ids("add c mul c x_1".split(), 12)] * 500))
    config = StreamConfig(terms=(-2.0, -1.0), factors=(3.0, 4.0))
    constants = np.asarray(_draw_constants(jax.random.key(0), ids, config))
    assert constants[:, 0].min() >= -2 and constants[:, 0].max() <= -1
    assert constants[:, 1].min() >= 3 and constants[:, 1].max() <= 4


def test_both_ways_of_evaluation_agree(bank):
    constants = jnp.full((40, 8), 1.5)
    program = to_program(bank.tokens[:40].astype(jnp.int32), constants, 3)
    X = jax.random.uniform(jax.random.key(0), (40, 30, 3), minval=0.5, maxval=1.5)
    one, other = jax.jit(evaluate)(program, X), jax.jit(_side_by_side)(program, X)
    same = np.isclose(one, other, rtol=1e-4) | ~np.isfinite(one)
    assert same.mean() > 0.99


def test_programs_of_leaves_and_of_ids_without_ends():
    ids = np.stack([to_ids(("x_2",), 6), to_ids(("c",), 6), to_ids(("-3",), 6)])
    program = to_program(jnp.asarray(ids), jnp.full((3, 1), 0.5), 2)
    values = evaluate(program, jnp.array([[1.0, 2.0]]))
    assert values.tolist() == [[2.0], [0.5], [-3.0]]
    bare = jnp.asarray(ids[:, 1:])
    assert evaluate(to_program(bare, jnp.full((3, 1), 0.5), 2), jnp.ones((1, 2))).shape == (3, 1)


@pytest.mark.parametrize(("width", "kind"), [(16, np.uint16), (32, np.uint32)])
def test_bits_are_those_of_ieee(width, kind):
    x = np.array([0.0, -0.0, 1.0, -1.5, 1e-6, 65504.0, 3.14159, -1e-3, 2.0**-15], np.float32)
    stored = x.astype(np.float16 if width == 16 else np.float32).view(kind)
    expected = [[1 if (v >> p) & 1 else -1 for p in range(width)][::-1] for v in stored.tolist()]
    assert np.array_equal(to_bits(jnp.asarray(x), width), expected)


def test_32_bits_tell_tiny_and_huge_numbers_apart():
    x = jnp.array([1e-30, 1e-20, 1e-6, 4e3, 7e4, 1e20, 1e30])
    assert len({row.tobytes() for row in np.asarray(to_bits(x, 32))}) == 7


@pytest.mark.parametrize(
    "options", [{"fewest": 0}, {"points": 5}, {"support": "wide"}, {"usable": 0.0}]
)
def test_bad_streams(options):
    with pytest.raises(ValueError, match="expected"):
        StreamConfig(**options)
