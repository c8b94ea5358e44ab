"""A plain training loop, as users write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax


def trained(
    loss: Callable[[Any, Any], Any],
    params: Any,
    draw: Callable[[Any], Any],
    *,
    steps: int,
    seed: int,
    rate: float = 5e-3,
) -> Any:
    """Parameters after steps of Adam with a one-cycle schedule.

    Args:
      loss: of parameters and a batch.
      params: to start from.
      draw: from a key to a batch; traced.
      steps: how many.
      seed: of the batches.
      rate: at the top of the schedule.
    """
    optimizer = optax.adam(optax.cosine_onecycle_schedule(max(steps, 2), rate))

    def step(state: tuple, key: Any) -> tuple[tuple, None]:
        params, inner = state
        change, inner = optimizer.update(jax.grad(loss)(params, draw(key)), inner)
        return (optax.apply_updates(params, change), inner), None

    keys = jax.random.split(jax.random.key(seed), steps)
    start = params, optimizer.init(params)
    found = jax.jit(lambda start: jax.lax.scan(step, start, keys)[0][0])(start)
    return jax.block_until_ready(found)
