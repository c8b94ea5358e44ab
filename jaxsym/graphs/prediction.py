"""Accelerations by a model, in blocks of snapshots that fit in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Bodies, Topology, graph
from jaxsym.graphs.delivery import Prediction
from jaxsym.graphs.network import EDGES_AT_ONCE


@implicit_broadcasting()
def predict_accelerations(
    apply: Callable[..., Prediction], params: Any, bodies: Bodies, edges: Topology
) -> Float[np.ndarray, "S N D"]:
    """What a model predicts for each body in each snapshot, in the precision of the bodies.

    Args:
      apply: of a graph network, or of a law in its place.
      params: its parameters.
      bodies: features ``[S, N, ...]``.
      edges: of one snapshot.

    >>> from jaxsym.graphs import interaction_network, topology
    >>> apply = interaction_network(
    ...     lambda params, receiver, sender: sender.position - receiver.position,
    ...     lambda params, bodies, total: params * total,
    ... )
    >>> at = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, *(np.ones((1, 2)),) * 2, np.array([[0, 1]]))
    >>> predict_accelerations(apply, 3.0, two, topology(2)).tolist()
    [[[3.0, 0.0], [-3.0, 0.0]]]
    """
    snapshots, nodes, dims = bodies.position.shape
    size = min(snapshots, max(1, EDGES_AT_ONCE // len(edges.senders)))

    @jax.jit
    def predicted(params: Any, some: Bodies) -> jax.Array:
        return apply(params, graph(some, edges)).acceleration

    blocks = []
    for start in range(0, snapshots, size):
        # all blocks have one size: the last one repeats some of the block before it
        begin = min(start, snapshots - size)
        some = jax.tree.map(lambda a, begin=begin: jnp.asarray(a[begin : begin + size]), bodies)
        block = np.asarray(predicted(params, some)).reshape(size, nodes, dims)
        blocks.append(block[start - begin :])
    return np.concatenate(blocks)
