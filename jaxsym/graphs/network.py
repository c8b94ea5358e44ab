"""The interaction network: a message function, a node function, and jraph between them.

Either function may be a neural network or an equation, which is how an equation takes a network's
place: `interaction_network` does not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, Float, Key

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Bodies, Topology, graph
from jaxsym.graphs.chunked import chunked_network
from jaxsym.graphs.delivery import (
    BodiesFn,
    DeliverFn,
    MessageFn,
    NodeFn,
    Params,
    Prediction,
    as_sent,
    same_bodies,
)

# Edges whose messages are computed together. A message of the networks here takes about 3 kB while
# gradients are taken (six arrays of 96 numbers), so that this many take 0.4 GB; more are taken in
# chunks, which are computed again for the gradient.
EDGES_AT_ONCE = 131_072


def interaction_network(
    message: MessageFn,
    node: NodeFn,
    *,
    bodies: BodiesFn = same_bodies,
    deliver: DeliverFn = as_sent,
    third_law: bool = False,
    edges_at_once: int = EDGES_AT_ONCE,
) -> Callable[..., Prediction]:
    """One step of message passing (Cranmer et al. 2020, arXiv 2006.11287, section 2.1).

    ``m_k = message(receiver, sender)`` on each edge k, ``a_i = node(i, sum of its messages)``.

    Args:
      message: ``(params, receiver, sender) -> [E, M]``.
      node: ``(params, bodies, total) -> [N, D]``, ``total`` being the summed messages ``[N, M]``.
      bodies: fills in scalars of the bodies that are themselves trained, before anything else.
      deliver: turns what `message` gives into messages and their penalty.
      third_law: a message also acts on its sender, with the opposite sign; the graph then has one
        edge a pair.
      edges_at_once: more edges than that are taken in chunks, see `jaxsym.graphs.chunked_network`.
    Returns:
      ``apply(params, graph, key=None) -> Prediction``, pure; the graph's nodes are `Bodies`, and
      the penalty is the mean over the edges. With a key, messages that are random are drawn.

    >>> from jaxsym.graphs.bodies import Bodies, graph, topology
    >>> apply = interaction_network(
    ...     lambda params, receiver, sender: params * (sender.position - receiver.position),
    ...     lambda params, bodies, total: total / bodies.mass[:, None],
    ... )
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.array([[1.0, 2.0]]), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> apply(3.0, graph(two, topology(2))).acceleration.tolist()
    [[3.0, 0.0], [-1.5, 0.0]]
    """
    in_chunks = chunked_network(
        message,
        node,
        chunk=max(1, edges_at_once // 2),
        bodies=bodies,
        deliver=deliver,
        third_law=third_law,
    )

    @implicit_broadcasting()
    def apply(
        params: Params, graph: jraph.GraphsTuple, key: Key[Array, ""] | None = None
    ) -> Prediction:
        if len(graph.receivers) > edges_at_once:
            return in_chunks(params, graph, key)
        filled = graph._replace(nodes=bodies(params, graph.nodes))
        network = jraph.InteractionNetwork(
            update_edge_fn=lambda _, sender, receiver: deliver(
                message(params, receiver, sender), key
            ),
            update_node_fn=lambda nodes, sent, received: node(
                params,
                nodes,
                received.messages - sent.messages if third_law else received.messages,
            ),
            include_sent_messages_in_node_update=True,
        )
        out = network(filled)
        return Prediction(out.nodes, out.edges.messages, jnp.mean(out.edges.penalty))

    return apply


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
