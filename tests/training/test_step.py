"""One step: its update, its skips, and optimizers that ask for the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.training import init_state, make_step, minibatch, step_keys


def square(params, batch, key):
    return jnp.mean((params - batch) ** 2), {"batch": jnp.mean(batch)}


def test_sgd_step_is_the_closed_form():
    optimizer = optax.sgd(0.1)
    state = init_state(jnp.array([1.0, 2.0]), optimizer, jax.random.key(0))
    new, metrics = jax.jit(make_step(square, optimizer))(state, jnp.array([3.0, 2.0]))
    np.testing.assert_allclose(new.params, [1.2, 2.0], rtol=1e-6)
    assert float(metrics["loss"]) == 2.0 and float(metrics["batch"]) == 2.5
    assert int(new.step) == 1 and int(new.skipped) == 0


@pytest.mark.nans
@pytest.mark.parametrize(
    ("loss", "start"),
    [
        (lambda w, batch, key: (w * jnp.nan, {}), 1.0),  # the loss
        (lambda w, batch, key: (jnp.sqrt(w), {}), 0.0),  # the gradient alone
        (lambda w, batch, key: (-w * 1e38, {}), 3e38),  # the update alone: it overflows
    ],
)
def test_non_finite_steps_change_nothing_but_the_counts(loss, start):
    optimizer = optax.sgd(1.0, momentum=0.9)
    state = init_state(jnp.float32(start), optimizer, jax.random.key(0))
    new, _ = make_step(loss, optimizer)(state, None)
    assert float(new.params) == float(np.float32(start))
    jax.tree.map(np.testing.assert_array_equal, new.opt_state, state.opt_state)
    assert int(new.step) == 1 and int(new.skipped) == 1


def test_vmapped_over_seeds_agrees_with_a_loop():
    optimizer = optax.adam(0.1)
    step = make_step(
        lambda w, x, key: (jnp.sum((w - jax.random.normal(key, (3,))) ** 2), {}), optimizer
    )
    keys = jax.random.split(jax.random.key(0), 4)
    make = lambda key: init_state(jax.random.normal(key, (3,)), optimizer, key)  # noqa: E731
    together, metrics = jax.vmap(step, (0, None))(jax.vmap(make)(keys), None)
    for k in range(4):
        alone, expected = step(make(keys[k]), None)
        np.testing.assert_allclose(together.params[k], alone.params, rtol=1e-6)
        np.testing.assert_allclose(metrics["loss"][k], expected["loss"], rtol=1e-6)


def test_keys_depend_on_seed_and_step_alone():
    state = init_state(jnp.zeros(()), optax.sgd(1.0), jax.random.key(3))

    def drawn(state):
        return [jax.random.key_data(key).tolist() for key in step_keys(state)]

    batch_key, loss_key = drawn(state)
    assert batch_key != loss_key
    assert drawn(state._replace(params=jnp.ones(()), skipped=state.skipped + 5)) == drawn(state)
    assert drawn(state._replace(step=state.step + 1))[0] != batch_key


def test_plateau_schedule_sees_the_loss():
    optimizer = optax.chain(
        optax.sgd(1.0), optax.contrib.reduce_on_plateau(factor=0.5, patience=2, cooldown=0)
    )
    step = make_step(lambda w, x, key: (1.0 + 0.0 * w, {}), optimizer)
    state = init_state(jnp.zeros(()), optimizer, jax.random.key(0))
    for _ in range(4):
        state, _ = step(state, None)
    assert float(state.opt_state[1].scale) == 0.5


def test_one_cycle_is_the_closed_form():
    """`optax.cosine_onecycle_schedule` has torch's values, at 30 % and 100 % of the steps."""
    steps, peak = 1000, 1e-3
    schedule = optax.cosine_onecycle_schedule(steps, peak, final_div_factor=1e5)
    k = np.arange(steps + 1)
    first, last = peak / 25, peak / 25 / 1e5
    up = peak + (first - peak) * (1 + np.cos(np.pi * k / 300)) / 2
    down = last + (peak - last) * (1 + np.cos(np.pi * (k - 300) / 700)) / 2
    np.testing.assert_allclose(
        jax.vmap(schedule)(k), np.where(k <= 300, up, down), rtol=1e-4, atol=1e-9
    )


def test_minibatch_takes_the_same_rows_of_every_array():
    data = {"a": jnp.arange(50), "b": 2.0 * jnp.arange(50)}
    batch = minibatch(1000)(jax.random.key(0), 0, data)
    np.testing.assert_array_equal(2 * batch["a"], batch["b"])
    assert len(set(batch["a"].tolist())) == 50
    with pytest.raises(ValueError, match="size is 0; expected at least 1"):
        minibatch(0)


@pytest.mark.nans
def test_entries_that_are_not_finite_count_as_zero():
    def loss(w, x, key):
        return jnp.sum(jnp.sqrt(w) * x), {}

    optimizer = optax.sgd(1.0)
    step = jax.jit(make_step(loss, optimizer, skip="entries"))
    state = init_state(jnp.array([0.0, 4.0]), optimizer, jax.random.key(0))
    new, metrics = step(state, jnp.ones(2))
    assert new.params.tolist() == [0.0, 3.75] and float(metrics["loss"]) == 2.0
    assert int(new.step) == 1 and int(new.skipped) == 0
    new, _ = step(state, jnp.array([jnp.nan, 1.0]))
    assert int(new.skipped) == 1 and np.isfinite(new.params).all()
    with pytest.raises(ValueError, match="unknown skip 'entry'"):
        make_step(loss, optimizer, skip="entry")
