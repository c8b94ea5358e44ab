"""The interaction network: a message function, a node function, and jraph between them.

Either function may be a neural network or an equation, which is how an equation takes a network's
place: `interaction_network` does not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jraph
from jaxtyping import Array, Float

from jaxsym.graphs.bodies import Bodies

Params = Any
MessageFn = Callable[[Params, Bodies, Bodies], Float[Array, "*n M"]]
NodeFn = Callable[[Params, Bodies, Float[Array, "*n M"]], Float[Array, "*n D"]]
BodiesFn = Callable[[Params, Bodies], Bodies]


class Prediction(NamedTuple):
    """What one pass of a graph network gives.

    Attributes:
      acceleration: of each node.
      messages: on each edge, in the edges' order.
    """

    acceleration: Float[Array, "N D"]
    messages: Float[Array, "E M"]


def same_bodies(params: Params, bodies: Bodies) -> Bodies:
    """The bodies as the data have them: no trainable scalars."""
    del params
    return bodies


def interaction_network(
    message: MessageFn,
    node: NodeFn,
    *,
    bodies: BodiesFn = same_bodies,
    third_law: bool = False,
) -> Callable[[Params, jraph.GraphsTuple], Prediction]:
    """One step of message passing (Cranmer et al. 2020, arXiv 2006.11287, section 2.1).

    ``m_k = message(receiver, sender)`` on each edge k, ``a_i = node(i, sum of its messages)``.

    Args:
      message: ``(params, receiver, sender) -> [E, M]``.
      node: ``(params, bodies, total) -> [N, D]``, ``total`` being the summed messages ``[N, M]``.
      bodies: fills in scalars of the bodies that are themselves trained, before anything else.
      third_law: a message also acts on its sender, with the opposite sign; the graph then has one
        edge a pair.
    Returns:
      ``apply(params, graph) -> Prediction``, pure; the graph's nodes are `Bodies`.

    >>> import jax.numpy as jnp
    >>> from jaxsym.graphs.bodies import graph, topology
    >>> apply = interaction_network(
    ...     lambda params, receiver, sender: params * (sender.position - receiver.position),
    ...     lambda params, bodies, total: total / bodies.mass[:, None],
    ... )
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.array([[1.0, 2.0]]), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> apply(3.0, graph(two, topology(2))).acceleration.tolist()
    [[3.0, 0.0], [-1.5, 0.0]]
    """

    def apply(params: Params, graph: jraph.GraphsTuple) -> Prediction:
        filled = graph._replace(nodes=bodies(params, graph.nodes))
        network = jraph.InteractionNetwork(
            update_edge_fn=lambda _, sender, receiver: message(params, receiver, sender),
            update_node_fn=lambda nodes, sent, received: node(
                params, nodes, received - sent if third_law else received
            ),
            include_sent_messages_in_node_update=True,
        )
        out = network(filled)
        return Prediction(out.nodes, out.edges)

    return apply
