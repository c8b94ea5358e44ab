"""Penalties are what their formulas say, and push networks where they promise to."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.taps import collect, tap
from jaxsym.training import (
    bending,
    interactions,
    l1,
    live_outputs,
    normal_kl,
    ramp,
    slopes_l1,
    use_entropy,
)

READ = jnp.array([[1.0], [0.1]])  # the first output is the cheaper one
X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)


def test_the_divergence_is_that_of_samples():
    mean, log_variance = jnp.array([0.3, -1.2]), jnp.array([0.5, -0.7])
    noise = jax.random.normal(jax.random.key(0), (200_000, 2))
    codes = mean + jnp.exp(log_variance / 2) * noise
    own = -0.5 * (noise**2 + log_variance)
    sampled = jnp.mean(own + 0.5 * codes**2)
    np.testing.assert_allclose(normal_kl(mean, log_variance), sampled, rtol=0.02)


def test_bending_and_interactions_are_sums_of_second_derivatives():
    hessian = jnp.array([[1.0, 0.5, 0.0], [0.5, -2.0, 0.25], [0.0, 0.25, 0.0]])
    function = lambda x: 0.5 * jnp.einsum("...i,ij,...j->...", x, hessian, x)[..., None]  # noqa: E731
    rows = jnp.zeros((2000, 3))
    mixed = 2 * (0.5**2 + 0.25**2) * 2  # twice the sum over ordered pairs
    key = jax.random.key(1)
    np.testing.assert_allclose(interactions(function, rows, key, draws=8), mixed, rtol=0.1)
    trace = float(jnp.trace(hessian))
    np.testing.assert_allclose(bending(function, rows, key), trace**2 + mixed, rtol=0.1)


def test_entropy_counts_outputs_whatever_their_size():
    rows = jnp.asarray(X)
    np.testing.assert_allclose(use_entropy(rows), use_entropy(7.0 * rows), rtol=1e-5)
    assert float(use_entropy(rows)) > 1.0
    assert float(use_entropy(rows * jnp.array([1.0, 1e-3, 1e-3]))) < 1e-3
    assert live_outputs(rows * jnp.array([1.0, 1e-3, 0.5])).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("penalty", "kept"),
    [
        (lambda calls: l1(calls.outputs) + slopes_l1(calls.slopes), (1, 1)),
        (lambda calls: slopes_l1(calls.slopes), (None, 1)),
    ],
)
def test_penalties_on_a_tap_leave_what_is_needed(penalty, kept):
    """A linear part with three inputs and two outputs, of which one each is needed."""

    def model(params, x):
        y = tap("part", lambda x: x @ params["part"], x)
        return y @ READ

    def loss(params):
        value, (calls,) = collect("part", model, params, X)
        return jnp.mean((value[:, 0] - 2.0 * X[:, 1]) ** 2) + 0.05 * penalty(calls)

    params = {"part": jax.random.normal(jax.random.key(0), (3, 2))}
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, 1500))

    def step(state, _):
        params, inner = state
        change, inner = optimizer.update(jax.grad(loss)(params), inner)
        return (optax.apply_updates(params, change), inner), None

    (params, _), _ = jax.jit(
        lambda p: jax.lax.scan(step, (p, optimizer.init(p)), None, length=1500)
    )(params)
    weights = jnp.abs(params["part"] @ READ)[:, 0]
    assert int(jnp.argmax(weights)) == kept[1]
    assert float(jnp.max(weights.at[kept[1]].set(0.0))) < 0.05 * float(weights[kept[1]])
    if kept[0] is not None:
        assert int(live_outputs(jnp.asarray(X) @ params["part"]).sum()) == kept[0]


def test_a_ramp_is_nothing_first_and_whole_at_the_end():
    schedule = ramp(1000, 3.0)
    values = jax.vmap(schedule)(jnp.array([0, 100, 300, 500, 1000]))
    np.testing.assert_allclose(values, [0.0, 0.0, 1.5, 3.0, 3.0], atol=1e-6)
    with pytest.raises(ValueError, match="start and end are 0.5 and 0.5"):
        ramp(10, 1.0, start=0.5)
