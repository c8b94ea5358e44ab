"""The training loop: chunks of steps in one dispatch each, and what happens between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import sequential_vmap
from jax.sharding import Mesh
from jaxtyping import Array, Int, PyTree

from jaxsym._check import require
from jaxsym.training import parallel
from jaxsym.training.batches import BatchFn
from jaxsym.training.checkpoint import Checkpoints
from jaxsym.training.interrupt import interrupt_flag
from jaxsym.training.state import TrainState, current_step, step_keys
from jaxsym.training.step import Metrics, Step


class Event(NamedTuple):
    """What a callback is told after a chunk of steps.

    Attributes:
      step: steps taken so far.
      steps: steps asked for.
      seconds: since `train` began.
      seconds_left: to the last step at the speed of this chunk, or to the time limit if sooner.
      steps_per_second: in this chunk.
      metrics: means over the chunk's steps that were not skipped (NaN if all were).
      skipped: steps skipped so far, an array where seeds are stacked.
      state: valid until the callback returns; copy what is to be kept.
    """

    step: int
    steps: int
    seconds: float
    seconds_left: float
    steps_per_second: float
    metrics: dict[str, np.ndarray]
    skipped: np.ndarray
    state: TrainState


class Trained(NamedTuple):
    """Where a run ended.

    Attributes:
      state: the state reached.
      metrics: means over the last chunk; empty if no step was taken.
      seconds: taken by this call.
      interrupted: whether Ctrl-C ended it.
    """

    state: TrainState
    metrics: dict[str, np.ndarray]
    seconds: float
    interrupted: bool


class DivergedError(RuntimeError):
    """Training met nothing but non-finite steps."""


def train(
    step: Step,
    state: TrainState,
    batch_fn: BatchFn,
    data: PyTree = None,
    *,
    steps: int,
    chunk: int = 100,
    callback: Callable[[Event], bool | None] | None = None,
    checkpoint: Checkpoints | None = None,
    mesh: Mesh | None = None,
    time_limit: float | None = None,
    data_axes: Any = None,
) -> Trained:
    """Train until ``state.step`` is ``steps``, or the time limit, Ctrl-C or the callback ends it.

    One compiled program takes any number of steps in a dispatch, so that the state reached is the
    same, bit for bit, however the run is cut in chunks or resumed. It is compiled once for each
    pair of ``step`` and ``batch_fn`` and shape of the data.

    Args:
      step: of `make_step`.
      state: where to start; it stays usable. Stacked states (leading axis of seeds) are trained
        as independent runs in one program.
      batch_fn: ``batch_fn(key, step, data) -> batch``, pure; runs on the device inside the loop.
        The batch depends on the key and the step only.
      data: pytree of arrays for ``batch_fn``, kept on the device. (Arrays that it closes over
        would be compiled into the program as constants.)
      steps: in all, counted from the state's beginning and not from its present step.
      chunk: steps between two callbacks; with a time limit fewer where time is short.
      callback: told of each chunk; ends the training by returning True.
      checkpoint: where to save; if it holds a checkpoint already the run goes on from there.
      mesh: of `data_mesh`: the batch, or the stacked seeds, are split over it, and matrices of
        parameters too if it has an axis for the model.
      time_limit: seconds from now, compilation included; kept to within one step's time (and
        the compilation's, which cannot be broken off).
      data_axes: where states are stacked, which axes of ``data`` are too, hashable and as
        `jax.vmap` takes them; None if all runs see the same data.

    Returns:
      The state reached, and how it ended.

    Raises:
      ValueError: arguments out of range, a checkpoint of another configuration, a folder of
        checkpoints that another process works in.
      DivergedError: ``chunk`` steps in a row, or all steps, were not finite (in every seed).

    >>> import optax
    >>> from jaxsym.training import init_state, make_step, minibatch
    >>> optimizer = optax.sgd(0.1)
    >>> step = make_step(lambda w, x, key: (jnp.mean((w - x) ** 2), {}), optimizer)
    >>> state = init_state(jnp.zeros(()), optimizer, jax.random.key(0))
    >>> trained = train(step, state, minibatch(8), 3.0 * jnp.ones(100), steps=200)
    >>> round(float(trained.state.params), 3), int(trained.state.step)
    (3.0, 200)
    """
    _check_arguments(steps, chunk, time_limit)
    require(
        data_axes is None or state.step.ndim == 1,
        f"data_axes is {data_axes}, and the runs are not stacked; expected None",
    )
    begin = time.monotonic()
    folder = nullcontext() if checkpoint is None else checkpoint.locked()
    with interrupt_flag() as interrupted, folder:
        data = jax.device_put(data) if mesh is None else parallel.replicate(data, mesh)
        state = _private_copy(state, mesh)
        if checkpoint is not None:
            state = checkpoint.restore(state)
        end = np.inf if time_limit is None else begin + time_limit
        metrics: dict[str, np.ndarray] = {}
        rate, dead, stop = 0.0, 0, False
        run = _program(step, batch_fn, mesh, data_axes)
        state, *_ = run(state, data, np.int32(0))  # compiles, and leaves that out of the speed

        while True:
            now = current_step(state)
            hit = interrupted() and now < steps
            count = 0 if stop or hit else _next_chunk(steps - now, chunk, rate, end)
            due = checkpoint is not None and checkpoint.due(now)
            count, save, broken = parallel.agree(count, due, hit)
            if checkpoint is not None and (save or count == 0):
                checkpoint.save(state)
            if count == 0:
                return Trained(state, metrics, time.monotonic() - begin, bool(broken))

            start = time.monotonic()
            state, sums, good = jax.block_until_ready(run(state, data, np.int32(count)))
            rate = count / (time.monotonic() - start)
            good = parallel.to_host(good)
            metrics = _means(sums, good)
            dead = 0 if good.any() else dead + count
            if dead and (dead >= chunk or now + count >= steps):
                raise DivergedError(
                    f"the last {dead} steps, up to step {now + count}, all had a non-finite loss, "
                    "gradient or update; expected finite ones: check the data, lower the learning "
                    "rate or clip the gradient"
                )
            if callback is not None:
                stop = bool(callback(_event(state, metrics, now + count, steps, begin, end, rate)))


def _event(
    state: TrainState,
    metrics: dict[str, np.ndarray],
    step: int,
    steps: int,
    begin: float,
    end: float,
    rate: float,
) -> Event:
    now = time.monotonic()
    return Event(
        step=step,
        steps=steps,
        seconds=now - begin,
        seconds_left=min((steps - step) / rate, max(end - now, 0.0)),
        steps_per_second=rate,
        metrics=metrics,
        skipped=parallel.to_host(state.skipped),
        state=state,
    )


def _check_arguments(steps: int, chunk: int, time_limit: float | None) -> None:
    require(steps >= 0, f"steps is {steps}; expected at least 0")
    require(chunk >= 1, f"chunk is {chunk}; expected at least 1")
    require(
        time_limit is None or time_limit > 0,
        f"time_limit is {time_limit}; expected a positive number of seconds, or None",
    )


def _private_copy(state: TrainState, mesh: Mesh | None) -> TrainState:
    """A copy to donate, of strong types, on its devices: stacked seeds are split over the mesh."""
    state = jax.tree.map(lambda leaf: jnp.array(leaf, dtype=leaf.dtype, copy=True), state)
    if mesh is None:
        return state
    if state.step.ndim:
        parallel.check_divisible("stacked state", state.step, mesh.size)
        return parallel.place(state, parallel.split(mesh))
    return parallel.place_network(state, mesh)


def _next_chunk(left: int, chunk: int, rate: float, end: float) -> int:
    """How many steps to take next, given those left and the last chunk's steps per second."""
    seconds = end - time.monotonic()
    if left <= 0 or seconds <= 0:
        return 0
    if seconds == np.inf:
        return min(left, chunk)
    # one step measures the speed; then never more than half of the time left, should it drop
    return min(left, chunk, max(1, int(rate * seconds / 2)))


# Steps and batches are closures of one training each: programs of the last few are kept, so that a
# training may be continued without compiling, and a process of many trainings does not grow. Three
# stages of one network are trained in turn.
_PROGRAMS = 4


@lru_cache(maxsize=_PROGRAMS)
def _program(
    step: Step, batch_fn: BatchFn, mesh: Mesh | None, data_axes: Any
) -> Callable[..., tuple[TrainState, Metrics, Int[Array, ""]]]:
    """`_run`, compiled."""
    return jax.jit(partial(_run, step, batch_fn, mesh, data_axes), donate_argnums=0)


def _run(
    step: Step,
    batch_fn: BatchFn,
    mesh: Mesh | None,
    data_axes: Any,
    state: TrainState,
    data: PyTree,
    count: Int[Array, ""],
) -> tuple[TrainState, Metrics, Int[Array, ""]]:
    """``count`` steps; the sums of the metrics over the steps not skipped, and their number.

    The number of steps is an argument of one compiled loop: a scan of each length would be
    another program, free to round differently.
    """
    seeds = state.step.ndim == 1

    def advance(state: TrainState, data: PyTree) -> tuple[TrainState, Metrics, Array]:
        batch_key, _ = step_keys(state)
        batch = batch_fn(batch_key, state.step, data)
        if mesh is not None and not seeds:
            batch = parallel.constrain_batch(batch, mesh)
        new, metrics = step(state, batch)
        good = new.skipped == state.skipped
        metrics = jax.tree.map(lambda m: jnp.where(good, m, 0) * jnp.float32(1), metrics)
        return new, metrics, good.astype(jnp.int32)

    def run(state: TrainState, data: PyTree) -> tuple[TrainState, Metrics, Array]:
        def body(_: Array, carry: tuple) -> tuple:
            state, *sums = carry
            state, *values = advance(state, data)
            return state, *jax.tree.map(jnp.add, sums, values)

        shapes = jax.eval_shape(advance, state, data)[1:]
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return jax.lax.fori_loop(0, count, body, (state, *zeros))

    if not seeds:
        return run(state, data)
    if mesh is None and parallel.one_core():
        # one run after the other: its parameters and moments stay in the cache, those of all do not
        run = sequential_vmap(run)
    return jax.vmap(run, in_axes=(0, data_axes))(state, data)


def _means(sums: Metrics, good: np.ndarray) -> dict[str, np.ndarray]:
    """Sums over the good steps to means over them, NaN where there is none."""

    def mean(total: Array) -> np.ndarray:
        count = good.reshape(good.shape + (1,) * (total.ndim - good.ndim))
        return np.where(count > 0, parallel.to_host(total) / np.maximum(count, 1), np.nan)

    return jax.tree.map(mean, sums)
