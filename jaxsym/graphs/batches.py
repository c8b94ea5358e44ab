"""Batches of graphs for the trainer."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jraph
from jaxtyping import Array, Float, Int, Key

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Snapshots, Topology, graph
from jaxsym.training import minibatch

GraphBatchFn = Callable[
    [Key[Array, ""], Int[Array, ""], Snapshots], tuple[jraph.GraphsTuple, Float[Array, "N D"]]
]


def graph_batches(edges: Topology, size: int, *, shift: float = 0.0) -> GraphBatchFn:
    """Batches of graphs drawn with replacement from snapshots that lie on the device.

    Args:
      edges: the edges of one snapshot.
      size: B, graphs a batch.
      shift: standard deviation of a random translation that a whole batch shares, which teaches a
        model with absolute inputs translation invariance (the original code uses 3).
    Returns:
      ``batch_fn(key, step, snapshots) -> (graph, acceleration [B N, D])``, pure, for the trainer.
    Raises:
      ValueError: a size below one.

    >>> import jax.numpy as jnp
    >>> from jaxsym.graphs import Bodies, topology
    >>> ones = jnp.ones((5, 2))
    >>> still = Bodies(jnp.zeros((5, 2, 2)), jnp.zeros((5, 2, 2)), ones, ones, ones.astype(int))
    >>> draw = graph_batches(topology(2), 3)
    >>> draw(jax.random.key(0), 0, Snapshots(still, jnp.zeros((5, 2, 2))))[1].shape
    (6, 2)
    """
    rows = minibatch(size)

    @implicit_broadcasting()
    def draw(key: Key[Array, ""], step: Int[Array, ""], data: Snapshots):
        choice_key, shift_key = jax.random.split(key)
        bodies, acceleration = rows(choice_key, step, data)
        dims = acceleration.shape[-1]
        if shift:
            move = shift * jax.random.normal(shift_key, (dims,), acceleration.dtype)
            bodies = bodies._replace(position=bodies.position + move)
        return graph(bodies, edges), acceleration.reshape(-1, dims)

    return draw
