"""One optimization step as a pure function."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, PyTree

from jaxsym.training.parallel import Loss, Metrics
from jaxsym.training.state import TrainState, step_keys

Step: TypeAlias = Callable[[TrainState, Any], tuple[TrainState, Metrics]]


def make_step(
    loss: Loss, optimizer: optax.GradientTransformation, *, axis_name: str | None = None
) -> Step:
    """The pure function ``step(state, batch) -> (state, metrics)``, to jit, vmap, scan or pmap.

    A step whose loss, gradient or update is not finite leaves parameters and optimizer state as
    they were; it still advances ``step`` and adds one to ``skipped``.

    Args:
      loss: ``loss(params, batch, key) -> (scalar, metrics)``, an ordinary mean over the batch.
      optimizer: any optax optimizer; the loss is passed to its update as ``value``, for those that
        ask for it (``optax.contrib.reduce_on_plateau``).
      axis_name: under ``jax.pmap``, the name of the axis that the batch is split along: loss,
        metrics and gradients are averaged over it, and every device draws its own noise.

    Returns:
      The step; its metrics are the loss's own and ``"loss"``.

    >>> def loss(params, batch, key):
    ...     return jnp.mean((params["w"] - batch) ** 2), {}
    >>> optimizer = optax.sgd(0.25)
    >>> from jaxsym.training import init_state
    >>> state = init_state({"w": jnp.zeros(2)}, optimizer, jax.random.key(0))
    >>> state, metrics = make_step(loss, optimizer)(state, jnp.array([1.0, 3.0]))
    >>> state.params["w"].tolist(), float(metrics["loss"])
    ([0.25, 0.75], 5.0)
    >>> state, metrics = make_step(loss, optimizer)(state, jnp.array([1.0, jnp.nan]))
    >>> state.params["w"].tolist(), int(state.skipped)
    ([0.25, 0.75], 1)
    """
    optimizer = optax.with_extra_args_support(optimizer)

    def step(state: TrainState, batch: Any) -> tuple[TrainState, Metrics]:
        _, key = step_keys(state)
        if axis_name is not None:
            key = jax.random.fold_in(key, jax.lax.axis_index(axis_name))
        (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(
            state.params, batch, key
        )
        if axis_name is not None:
            value, metrics, gradient = jax.lax.pmean((value, metrics, gradient), axis_name)
        kept = state.params, state.opt_state, False

        def update() -> tuple[PyTree, Any, Any]:
            updates, opt_state = optimizer.update(
                gradient, state.opt_state, state.params, value=value
            )
            params = optax.apply_updates(state.params, updates)
            return jax.lax.cond(
                _all_finite(params), lambda: (params, opt_state, True), lambda: kept
            )

        # branches, not `jnp.where`: a pass over all parameters and moments costs as much as Adam
        finite = _all_finite((value, gradient))
        params, opt_state, taken = jax.lax.cond(finite, update, lambda: kept)
        skipped = state.skipped + ~taken
        return TrainState(params, opt_state, state.step + 1, state.key, skipped), {
            **metrics,
            "loss": value,
        }

    return step


def _all_finite(tree: PyTree) -> Bool[Array, ""]:
    checks = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return reduce(jnp.logical_and, checks)
