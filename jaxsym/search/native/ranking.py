"""Scores of a whole library for many targets at once, in batches of one compiled shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

_BATCH = 128  # targets scored at a time
_STEP = 2048  # libraries are padded to multiples
_NEVER = 1e6  # cost of an entry that is padding


def padded(array: Float[np.ndarray, "M ..."]) -> Float[Array, "N ..."]:
    """Rows of zeros (costs: of large numbers) added, so that libraries share compiled functions."""
    added = -len(array) % _STEP
    if array.ndim == 1:
        return spread(np.pad(array, (0, added), constant_values=_NEVER).astype(np.float32))
    return spread(np.pad(array, [(0, added), (0, 0)]).astype(np.float32))


def spread(array: Float[np.ndarray, "N ..."]) -> Float[Array, "N ..."]:
    """An array on this host's devices: if these can share the rows equally, some rows on each.

    >>> spread(np.arange(4.0)).shape
    (4,)
    """
    devices = jax.local_devices()
    if len(devices) == 1 or len(array) % len(devices):
        return jnp.asarray(array)
    from jaxsym.training import data_mesh, shard_batch  # takes a while to load

    return shard_batch(array, data_mesh(devices))


def smallest(values: Float[np.ndarray, "T N"], count: int) -> Int[np.ndarray, "T count"]:
    """Where the smallest `count` (or N, if that is less) values of each row are, in order.

    >>> smallest(np.array([[5.0, 1.0, 3.0]]), 2).tolist()
    [[1, 2]]
    """
    few = min(count, values.shape[1])
    top = np.argpartition(values, few - 1, axis=1)[:, :few] if few else np.argsort(values)[:, :0]
    order = np.argsort(np.take_along_axis(values, top, 1), axis=1, kind="stable")
    return np.take_along_axis(top, order, 1)


def ranked(
    score: Callable[..., Float[Array, "B N"]],
    rows: Sequence[Float[np.ndarray, "T n"]],
    count: int,
    entries: int,
) -> tuple[Int[np.ndarray, "T count"], Float[np.ndarray, "T count"]]:
    """The entries with the lowest scores for each of T targets.

    Args:
      score: of a batch of B targets for all entries.
      rows: its arguments, T rows each.
      count: entries wanted.
      entries: M, of N; the last stands for all that are padding.

    Returns:
      entries, the lowest score first, and their scores.

    >>> library = jnp.array([1.0, 3.0, 2.0])
    >>> ranked(lambda t: (t - library) ** 2, [np.array([[2.9]])], 2, entries=3)[0].tolist()
    [[1, 2]]
    """
    found, scores = [], []
    for start in range(0, len(rows[0]), _BATCH):
        block = [row[start : start + _BATCH] for row in rows]
        size = len(block[0])
        block = [np.resize(part, (_BATCH, part.shape[1])).astype(np.float32) for part in block]
        values = np.asarray(score(*block))[:size]
        values = np.where(np.isnan(values), np.inf, values)
        found.append(smallest(values, count))
        scores.append(np.take_along_axis(values, found[-1], 1))
    return np.minimum(np.concatenate(found), entries - 1), np.concatenate(scores)
