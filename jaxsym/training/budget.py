"""From seconds to steps, for schedules that must end when the time does."""

from __future__ import annotations

from functools import partial
from typing import Any

from jax.sharding import Mesh
from jaxtyping import PyTree

from jaxsym._check import require
from jaxsym.training import parallel
from jaxsym.training.batches import BatchFn
from jaxsym.training.loop import train
from jaxsym.training.state import TrainState, current_step
from jaxsym.training.step import Step


def steps_for(
    seconds: float,
    step: Step,
    state: TrainState,
    batch_fn: BatchFn,
    data: PyTree = None,
    *,
    mesh: Mesh | None = None,
    data_axes: Any = None,
) -> int:
    """How many steps this machine takes in ``seconds`` at the speed that it has now.

    Takes steps for a twentieth of the time, after compiling, and throws them away. Schedules count
    steps, so a run limited in time asks this first, gives the answer to its schedule and to
    `train`, and a time limit as well in case the machine slows down. Such a run depends on the
    machine; who wants it again gives the same number of steps.

    Args:
      seconds: for the training alone; the step with the new schedule is compiled once more.
      step: of `make_step`, with a schedule of any length.
      state, batch_fn, data, mesh, data_axes: as in `train`; the state stays as it is.

    Returns:
      At least 1.

    Raises:
      ValueError: seconds that are not positive.

    >>> import jax, jax.numpy as jnp, optax
    >>> from jaxsym.training import init_state, make_step
    >>> step = make_step(lambda w, batch, key: (w**2, {}), optax.sgd(0.1))
    >>> state = init_state(jnp.ones(()), optax.sgd(0.1), jax.random.key(0))
    >>> steps_for(1.0, step, state, lambda key, step, data: None) > 100
    True
    """
    require(seconds > 0, f"seconds is {seconds}; expected a positive number")
    begin = current_step(state)
    run = partial(train, step, batch_fn=batch_fn, data=data, mesh=mesh, data_axes=data_axes)
    warm = run(state=state, steps=begin + 1).state
    trial = run(state=warm, steps=2**31 - 1, time_limit=seconds / 20)
    taken = current_step(trial.state) - begin - 1
    (steps,) = parallel.agree(max(1, int(taken / trial.seconds * seconds)))
    return steps
