"""The loop: bits, chunks, limits, interruptions and errors."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.training import (
    DivergedError,
    init_state,
    interrupt_flag,
    make_step,
    minibatch,
    parallel,
    steps_for,
    train,
)

OPTIMIZER = optax.adam(1e-2)


def loss(params, batch, key):
    """A small network with noise on its input, so that bits depend on key, data and order."""
    x = batch["x"] + 0.1 * jax.random.normal(key, batch["x"].shape)
    hidden = jnp.tanh(x @ params["w"] + params["b"][None])
    error = jnp.mean((hidden.sum(-1) - batch["y"]) ** 2)
    return error, {"norm": jnp.sum(params["w"] ** 2)}


STEP = make_step(loss, OPTIMIZER)
BATCH = minibatch(16)


def data(n=64):
    x = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    return {"x": jnp.asarray(x), "y": jnp.asarray(np.sin(x.sum(1)))}


def start(seed=0, optimizer=OPTIMIZER):
    key = jax.random.key(seed)
    return init_state(
        {"w": jax.random.normal(key, (3, 8)), "b": jnp.zeros(8)}, optimizer, jax.random.key(seed)
    )


def bits(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((state.params, state.opt_state))]


def test_bits_do_not_depend_on_the_chunks():
    ends = [train(STEP, start(), BATCH, data(), steps=150, chunk=c).state for c in (1, 7, 100, 150)]
    assert all(bits(end) == bits(ends[0]) for end in ends[1:])
    assert bits(ends[0]) != bits(start())


def test_a_run_in_two_calls_ends_where_one_call_ends():
    half = train(STEP, start(), BATCH, data(), steps=40).state
    assert bits(train(STEP, half, BATCH, data(), steps=90).state) == bits(
        train(STEP, start(), BATCH, data(), steps=90).state
    )


def test_loop_agrees_with_steps_by_hand():
    state = start()
    for k in range(20):
        batch_key, _ = jax.random.split(jax.random.fold_in(state.key, k))
        state, _ = jax.jit(STEP)(state, BATCH(batch_key, k, data()))
    looped = train(STEP, start(), BATCH, data(), steps=20).state
    np.testing.assert_allclose(looped.params["w"], state.params["w"], rtol=1e-5)


def test_one_compilation_for_all_chunks_and_calls():
    traces = []

    def counted(params, batch, key):
        traces.append(1)
        return loss(params, batch, key)

    step = make_step(counted, OPTIMIZER)
    first = train(step, start(), BATCH, data(), steps=30, chunk=7)
    traced = len(traces)
    train(step, first.state, BATCH, data(), steps=50, chunk=4)
    assert len(traces) == traced


@pytest.fixture(params=[True, False], ids=["one core", "several cores"])
def cores(request, monkeypatch):
    """Stacked runs are taken one after the other on a single core."""
    jax.clear_caches()
    monkeypatch.setattr(parallel, "one_core", lambda: request.param)


def test_stacked_seeds_agree_with_a_loop_over_seeds(cores):
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[start(s) for s in range(3)])
    together = train(STEP, stacked, BATCH, data(), steps=30)
    assert together.metrics["loss"].shape == (3,)
    for seed in range(3):
        alone = train(STEP, start(seed), BATCH, data(), steps=30)
        np.testing.assert_allclose(
            together.state.params["w"][seed], alone.state.params["w"], rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(together.metrics["loss"][seed], alone.metrics["loss"], rtol=1e-4)


def test_stacked_runs_may_each_have_data_of_their_own(cores):
    def scaled(key, step, rows_and_scale):
        rows, scale = rows_and_scale
        batch = BATCH(key, step, rows)
        return batch | {"y": scale * batch["y"]}

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[start(s) for s in range(2)])
    scales = jnp.array([1.0, 3.0])
    together = train(STEP, stacked, scaled, (data(), scales), steps=30, data_axes=(None, 0))
    for run, scale in enumerate(scales):
        alone = train(STEP, start(run), scaled, (data(), scale), steps=30)
        np.testing.assert_allclose(
            together.state.params["w"][run], alone.state.params["w"], rtol=1e-4, atol=1e-6
        )
    with pytest.raises(ValueError, match="data_axes is .* runs are not stacked"):
        train(STEP, start(), scaled, (data(), scales[0]), steps=1, data_axes=(None, 0))


def test_events_tell_means_counts_and_state():
    events = []

    def callback(event):
        events.append(event._replace(state=np.asarray(event.state.params)))

    # the loss at step k is k: sgd(0) leaves the parameter alone
    step = make_step(lambda w, batch, key: (batch + 0.0 * w, {}), optax.sgd(0.0))
    state = init_state(jnp.ones(()), optax.sgd(0.0), jax.random.key(0))
    train(step, state, lambda key, k, _: k * 1.0, steps=10, chunk=4, callback=callback)
    assert [event.step for event in events] == [4, 8, 10]
    assert [float(event.metrics["loss"]) for event in events] == [1.5, 5.5, 8.5]
    assert events[-1].seconds_left == 0
    assert all(event.state == 1.0 and event.steps == 10 for event in events)


@pytest.mark.nans
def test_skipped_steps_are_counted_and_left_out_of_the_means():
    def batch(key, k, _):
        return jnp.where(k % 3 == 0, jnp.nan, 1.0)

    step = make_step(lambda w, x, key: ((w - x) ** 2, {"x": x}), optax.sgd(0.1))
    state = init_state(jnp.zeros(()), optax.sgd(0.1), jax.random.key(0))
    trained = train(step, state, batch, steps=10)
    assert int(trained.state.skipped) == 4
    assert int(trained.state.step) == 10
    assert trained.metrics["x"] == 1.0
    np.testing.assert_allclose(trained.state.params, 1 - 0.8**6, rtol=1e-5)


def test_metrics_may_be_counts_flags_and_arrays():
    def loss(w, x, key):
        return w**2, {"count": x, "flag": x > 1, "vector": jnp.stack([x, 2 * x])}

    state = init_state(jnp.ones(()), optax.sgd(0.0), jax.random.key(0))
    trained = train(make_step(loss, optax.sgd(0.0)), state, lambda key, k, _: k, steps=4)
    assert trained.metrics["count"] == 1.5 and trained.metrics["flag"] == 0.5
    assert trained.metrics["vector"].tolist() == [1.5, 3.0]


def test_a_run_of_non_finite_steps_is_an_error():
    step = make_step(lambda w, x, key: (w * x, {}), optax.sgd(0.1))
    state = init_state(jnp.ones(()), optax.sgd(0.1), jax.random.key(0))

    def batch(key, k, _):
        return jnp.where(k >= 5, jnp.inf, 1.0)

    with pytest.raises(DivergedError, match="last 10 steps, up to step 20, all had a non-finite"):
        train(step, state, batch, steps=100, chunk=10)


@pytest.mark.nans
def test_one_dead_seed_does_not_stop_the_others():
    step = make_step(lambda w, x, key: ((w - 1.0) ** 2, {}), optax.sgd(0.1))
    make = jax.vmap(lambda w, key: init_state(w, optax.sgd(0.1), key))
    state = make(jnp.array([0.0, jnp.nan]), jax.random.split(jax.random.key(0), 2))
    trained = train(step, state, lambda key, k, _: None, steps=50)
    assert trained.state.skipped.tolist() == [0, 50]
    assert trained.state.params[0] > 0.99 and np.isnan(trained.metrics["loss"][1])


@pytest.mark.main_thread
def test_ctrl_c_returns_the_state_reached():
    def callback(event):
        if event.step == 20:
            signal.raise_signal(signal.SIGINT)

    trained = train(STEP, start(), BATCH, data(), steps=1000, chunk=10, callback=callback)
    assert trained.interrupted and int(trained.state.step) == 20
    assert bits(trained.state) == bits(train(STEP, start(), BATCH, data(), steps=20).state)
    with pytest.raises(KeyboardInterrupt):  # the usual handler is back
        signal.raise_signal(signal.SIGINT)


@pytest.mark.main_thread
def test_a_second_ctrl_c_raises():
    def callback(event):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(STEP, start(), BATCH, data(), steps=10, callback=callback)


@pytest.mark.main_thread
def test_ctrl_c_between_two_trainings_is_kept_by_the_block_around_them():
    with interrupt_flag() as interrupted:
        train(STEP, start(), BATCH, data(), steps=5)
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        trained = train(STEP, start(), BATCH, data(), steps=5)
        assert not trained.interrupted and int(trained.state.step) == 5
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_callback_ends_the_training():
    trained = train(
        STEP, start(), BATCH, data(), steps=100, chunk=5, callback=lambda e: e.step >= 15
    )
    assert int(trained.state.step) == 15 and not trained.interrupted


class Clock:
    """In place of `time`: each step of a training takes 0.02 s of it, nothing else takes any."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def step(self, w):
        self.now += 0.02
        return np.zeros_like(w)

    def loss(self, w, x, key):
        at = jax.lax.stop_gradient(w)
        tick = jax.pure_callback(self.step, jax.ShapeDtypeStruct(at.shape, at.dtype), at)
        return (w + tick - 1.0) ** 2, {}


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("jaxsym.training.loop.time", made)
    return made


def test_time_limit_ends_within_a_step_however_large_the_chunk(clock):
    step = make_step(clock.loss, optax.sgd(0.1))
    state = init_state(jnp.zeros(()), optax.sgd(0.1), jax.random.key(0))
    trained = train(step, state, lambda key, k, _: None, steps=10**6, chunk=10**6, time_limit=1.0)
    assert 49 <= int(trained.state.step) <= 51
    assert not trained.interrupted


def test_steps_for_counts_the_steps_of_a_time(clock):
    step = make_step(clock.loss, optax.sgd(0.1))
    state = init_state(jnp.zeros(()), optax.sgd(0.1), jax.random.key(0))
    assert 190 <= steps_for(4.0, step, state, lambda key, k, _: None) <= 200
    assert float(state.params) == 0.0 and int(state.step) == 0
    with pytest.raises(ValueError, match="seconds is 0; expected a positive number"):
        steps_for(0, step, state, lambda key, k, _: None)


def test_the_callers_state_stays_usable():
    state = start()
    train(STEP, state, BATCH, data(), steps=5)
    assert np.isfinite(state.params["w"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, "steps is -1; expected at least 0"),
        ({"steps": 1, "chunk": 0}, "chunk is 0; expected at least 1"),
        ({"steps": 1, "time_limit": 0.0}, "time_limit is 0.0; expected a positive number"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        train(STEP, start(), BATCH, data(), **arguments)
