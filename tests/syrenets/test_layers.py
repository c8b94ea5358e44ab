"""Candidates, autoencoder, selection and the network, piece by piece."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.syrenets import (
    Architecture,
    Autoencoder,
    Candidates,
    SymbolicNetwork,
    entmax,
    formula_value,
)
from jaxsym.syrenets.network.autoencoder import autoencode, first_gram

SMALL = Architecture(inputs=4, heads=3, layers=2, hidden=8, latent=5, head_hidden=6)
RNG = np.random.default_rng(0)


def test_the_papers_candidates():
    assert Candidates(16).count == 304
    u = RNG.normal(size=(7, 3)).astype(np.float32)
    a, b, c = u.T
    expected = [a + a, a + b, a + c, b + b, b + c, c + c, a * a, a * b, a * c, b * b, b * c, c * c]
    expected += [np.sin(a), np.sin(b), np.sin(c), np.cos(a), np.cos(b), np.cos(c)]
    np.testing.assert_allclose(Candidates(3).values(u), np.stack(expected, axis=1), rtol=1e-5)


@pytest.mark.parametrize("operators", [("add", "mul", "sin", "cos"), ("sub", "exp", "mul", "max")])
def test_weighted_candidates_are_the_sum_of_weights_times_values(operators):
    candidates = Candidates(4, operators)
    u, weights = RNG.normal(size=(6, 4)), RNG.normal(size=(2, candidates.count))
    u, weights = jnp.asarray(u, jnp.float32), jnp.asarray(weights, jnp.float32)
    expected = candidates.values(u) @ weights.T
    np.testing.assert_allclose(candidates.weighted(weights, u), expected, rtol=1e-4, atol=1e-5)
    assert len(candidates.rows) == candidates.count
    both_orders = sum(name == "sub" for name, _ in candidates.rows)
    assert both_orders == (16 if "sub" in operators else 0)


@pytest.mark.parametrize(("names", "part"), [(("plus",), "unknown operator"), ((), "empty")])
def test_bad_operators(names, part):
    with pytest.raises(ValueError, match=part):
        Candidates(2, names)
    with pytest.raises(ValueError, match="takes 4 arguments"):
        Candidates(2, ("if_greater",))


def test_the_contraction_is_the_norm_of_the_jacobian(x64):
    module = Autoencoder(entries=20, hidden=7, latent=3)
    encoder, decoder = module.apply(module.init(jax.random.key(0)))
    encoder = jax.tree.map(lambda leaf: leaf.astype(float) + 0.1, encoder)
    v = jnp.asarray(RNG.normal(size=(5, 20)))

    def in_closed_form(encoder):
        return autoencode(encoder, decoder, v, first_gram(encoder))[2]

    def by_jacobian(encoder):
        gram = first_gram(encoder)

        def code(row):
            return autoencode(encoder, decoder, row[None], gram)[0][0]

        return jnp.mean(jnp.sum(jax.vmap(jax.jacrev(code))(v) ** 2, axis=(1, 2)))

    np.testing.assert_allclose(in_closed_form(encoder), by_jacobian(encoder), rtol=1e-12)
    ours, theirs = (
        jax.grad(lambda e, f=f: jnp.sin(f(e)))(encoder) for f in (in_closed_form, by_jacobian)
    )
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_entmax_is_a_distribution_with_zeros_and_its_own_derivative(x64):
    logits = jnp.asarray(RNG.normal(size=(3, 10)) * 3)
    p = entmax(logits)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0, rtol=1e-12)
    assert (p == 0).any() and (p >= 0).all()
    threshold = logits / 2 - jnp.sqrt(p)
    for row, kept in zip(threshold, p > 0, strict=True):
        np.testing.assert_allclose(row[kept], row[kept][0], atol=1e-7)
    slopes = jax.jacfwd(entmax)(logits[0])
    for k in range(10):
        h = 1e-5 * np.eye(10)[k]
        difference = (entmax(logits[0] + h) - entmax(logits[0] - h)) / 2e-5
        np.testing.assert_allclose(slopes[:, k], difference, atol=1e-6)


def made(architecture=SMALL, seed=0):
    network = SymbolicNetwork(architecture)
    x = jnp.asarray(RNG.normal(size=(16, architecture.inputs)), jnp.float32)
    return network, network.init(jax.random.key(seed), x), x


def test_no_order_of_samples_changes_the_selection():
    network, params, x = made()
    selected, turned = network.apply(params, x), network.apply(params, x[::-1])
    for ours, theirs in zip(selected, turned, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(selected.probability.sum(axis=-1), 1.0, rtol=1e-5)
    assert ((selected.gate > 0) & (selected.gate < 1)).all()


def test_the_formula_by_hand():
    """Equations 5, 8 and 9 for one state, in plain loops."""
    network, params, x = made()
    weights = np.asarray(network.apply(params, x).weights)
    state, outputs = np.asarray(x[3]), np.zeros(SMALL.heads)
    functions = {"add": np.add, "mul": np.multiply, "sin": np.sin, "cos": np.cos}
    for rows in weights:
        u = np.concatenate([state, outputs])
        values = [functions[n](*(u[p] for p in places)) for n, places in SMALL.candidates.rows]
        outputs = np.array([sum(w * v for w, v in zip(row, values, strict=True)) for row in rows])
    np.testing.assert_allclose(formula_value(SMALL, weights, x)[3], outputs.sum(), rtol=1e-4)


def test_scales_train_like_a_layer_of_constant_inputs():
    """A row's sum under Adam against the V weights of the row, each moved by Adam."""
    count, optimizer = 50, optax.adam(1e-3)

    def run(weights, total):
        state = optimizer.init(weights)
        for target in (3.0, 5.0, -2.0, 4.0):
            slope = jax.grad(lambda w, target=target: (total(w) - target) ** 2)(weights)
            updates, state = optimizer.update(slope, state)
            weights = optax.apply_updates(weights, updates)
        return total(weights)

    dense = run(jnp.zeros(count), jnp.sum)
    kept = run(jnp.zeros(()), lambda moved: count * moved)
    np.testing.assert_allclose(dense, kept, rtol=1e-5)


def test_entmax_selects_few():
    architecture = Architecture(inputs=4, heads=3, layers=2, selection="entmax", temperature=0.3)
    network, params, x = made(architecture)
    probability = network.apply(params, x).probability
    assert (probability == 0).mean() > 0.5


@pytest.mark.parametrize(
    ("option", "part"),
    [({"heads": 0}, "heads is 0"), ({"selection": "sofmax"}, "did you mean 'softmax'")],
)
def test_bad_architectures(option, part):
    with pytest.raises(ValueError, match=part):
        Architecture(**option)
