"""`TrainState`: everything that a run needs to go on exactly where it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, Key, PyTree

from jaxsym.training import parallel


class TrainState(NamedTuple):
    """Parameters, optimizer state and the position in the run.

    A state whose leaves carry a leading axis of seeds (``jax.vmap`` of `init_state`) is trained as
    that many independent runs in one program.

    Attributes:
      params: the trainable parameters.
      opt_state: state of the optax optimizer.
      step: number of steps taken, skipped ones included; the position in the data stream.
      key: the run's key, the same at every step (see `step_keys`).
      skipped: number of steps that left the parameters alone because something was not finite.
    """

    params: PyTree
    opt_state: Any
    step: Int[Array, ""]
    key: Key[Array, ""]
    skipped: Int[Array, ""]


def init_state(
    params: PyTree, optimizer: optax.GradientTransformation, key: Key[Array, ""]
) -> TrainState:
    """The state before the first step.

    >>> state = init_state({"w": jnp.zeros(3)}, optax.adam(1e-3), jax.random.key(0))
    >>> int(state.step), int(state.skipped)
    (0, 0)
    """
    params = jax.tree.map(jnp.asarray, params)
    zero = jnp.zeros((), jnp.int32)
    return TrainState(params, optimizer.init(params), zero, key, zero)


def current_step(state: TrainState) -> int:
    """The number of steps taken, the same for all seeds of stacked states."""
    return int(np.ravel(parallel.to_host(state.step))[0])


def step_keys(state: TrainState) -> tuple[Key[Array, ""], Key[Array, ""]]:
    """The keys of this step, for its batch and for its loss.

    They depend on the run's key and the step's number only, so that a resumed run meets the same
    data and the same noise.
    """
    batch_key, loss_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    return batch_key, loss_key
