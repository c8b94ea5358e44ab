"""Batches that a step draws from data on the device."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jaxtyping import Array, Int, Key, PyTree

from jaxsym._check import require

BatchFn = Callable[[Key[Array, ""], Int[Array, ""], PyTree], PyTree]


def minibatch(size: int) -> BatchFn:
    """Batches of ``size`` rows drawn uniformly, with replacement, from arrays ``[n, ...]``.

    >>> import jax.numpy as jnp
    >>> batch = minibatch(4)(jax.random.key(0), 0, {"x": jnp.arange(10), "y": jnp.ones((10, 2))})
    >>> batch["x"].shape, batch["y"].shape
    ((4,), (4, 2))

    Raises:
      ValueError: a size below one.
    """
    require(size >= 1, f"size is {size}; expected at least 1")

    def draw(key: Key[Array, ""], step: Int[Array, ""], data: PyTree) -> PyTree:
        rows = jax.tree.leaves(data)[0].shape[0]
        index = jax.random.randint(key, (size,), 0, rows)
        return jax.tree.map(lambda array: array[index], data)

    return draw
