"""Losses, training of several seeds in one program, and the network read as formulas."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from jaxsym.simulate import mechanical, variable_names
from jaxsym.syrenets import (
    Architecture,
    Batch,
    Options,
    Selected,
    SymbolicNetwork,
    Weights,
    formula_value,
    harden,
    mean_squared_error,
    network_terms,
    read_out,
    train_network,
)
from jaxsym.syrenets.network.losses import complementary

SMALL = Architecture(inputs=4, heads=3, layers=2, hidden=8, latent=4, head_hidden=6)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def data():
    return mechanical("cart-pole").sample(jax.random.key(0), 1200)


@pytest.fixture(scope="module")
def trained(data):
    return train_network(
        Batch(*data), seeds=[0, 1], architecture=SMALL, steps=500, learning_rate=3e-3
    )


def test_training_lowers_the_error_of_every_seed(trained, data):
    assert (trained.mse < 0.3 * np.var(data.tau)).all() and trained.steps == 500
    assert trained.mse[0] != trained.mse[1]
    error = mean_squared_error(
        trained.network, trained.seed(0), Batch(*(jnp.float32(v[:1024]) for v in data))
    )
    np.testing.assert_allclose(error, trained.mse[0], rtol=1e-3)


def test_a_cosine_comes_to_rest(data):
    met = []

    def look(event, errors):
        met.append(np.array(event.state.params["params"]["autoencoder"]["encoder_0"]))

    train_network(
        Batch(*data),
        seeds=[0],
        architecture=SMALL,
        steps=1500,
        learning_rate=3e-3,
        patience=None,
        callback=look,
    )
    before, after = (np.abs(b - a).mean() for a, b in itertools.pairwise(met))
    assert 0 < after < before / 2


def test_bad_training_data(data):
    with pytest.raises(ValueError, match="has 6 inputs; expected 4"):
        train_network(Batch(*data), seeds=[0], architecture=Architecture(inputs=6), steps=1)
    with pytest.raises(ValueError, match="seeds is empty"):
        train_network(Batch(*data), seeds=[], steps=1)


def test_the_complementary_loss_by_loops():
    p, gate = RNG.dirichlet(np.ones(7), size=(2, 3)), RNG.uniform(size=(2, 3))
    selected = Selected(jnp.zeros(()), jnp.asarray(p), jnp.asarray(gate), *jnp.zeros((2,)))
    expected, q = 0.0, gate[..., None] * p
    for layer in q:
        for j, own in enumerate(layer):
            expected += 0.5 * -np.sum(own * np.log(own))
            expected -= 0.25 * sum(-np.sum(o * np.log(own)) for i, o in enumerate(layer) if i != j)
    found = complementary(selected, Weights(1.0, 0.5, 0.25))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_readout_is_exact_to_rounding(trained, data):
    x = np.concatenate([data.q, data.qd], axis=1)[:64]
    params = trained.seed(0)
    reading = read_out(trained.network, params, x)
    selected = trained.network.apply(params, jnp.asarray(x, jnp.float32))
    expected = formula_value(SMALL, selected.weights, jnp.asarray(x, jnp.float32))
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(reading.jax())(jnp.asarray(x)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    replacements, formula = reading.sympy()
    values = dict(zip(map(sympy.Symbol, variable_names(2)), x[0].tolist(), strict=True))
    for symbol, definition in replacements:
        values[symbol] = definition.subs(values)
    assert float(formula.subs(values)) == pytest.approx(found[0], rel=1e-10)


def test_pruning_shortens_the_formula(trained, data):
    x = np.concatenate([data.q, data.qd], axis=1)[:64]
    whole = read_out(trained.network, trained.seed(0), x)
    short = read_out(trained.network, trained.seed(0), x, threshold=0.2)
    assert 0 < short.complexity < 0.5 * whole.complexity
    written = short.expression()
    assert set(written.variables) <= set(variable_names(2))
    with jax.enable_x64(True):
        by_parts = np.asarray(short.jax()(jnp.asarray(x)))
    np.testing.assert_allclose(written.evaluate(x, variable_names(2)), by_parts, rtol=1e-9)


def test_hardening_gives_the_exact_equation(trained, data):
    hardened = harden(trained.network, trained.seed(0), data, Options())
    assert hardened is not None and hardened.fit.error(data) < 1e-20
    terms = set(hardened.fit.library.expressions)
    assert set(map(str, terms)) == {"qd1**2", "qd2**2", "qd1*qd2*cos(q2)", "cos(q2)"}
    own, _ = network_terms(trained.network, trained.seed(0), data)
    assert hardened.own == (terms <= set(own.expressions))


def test_seeds_together_are_seeds_alone(data):
    options = {"architecture": SMALL, "steps": 20, "learning_rate": 3e-3}
    batch = Batch(*data)
    both = train_network(batch, seeds=[3, 4], **options)
    alone = train_network(batch, seeds=[4], **options)
    np.testing.assert_allclose(both.mse[1], alone.mse[0], rtol=1e-2)
    assert isinstance(both.network, SymbolicNetwork)
