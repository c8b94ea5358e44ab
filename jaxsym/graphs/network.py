"""The interaction network: a message function, a node function, and jraph between them.

Either function may be a neural network or an equation, which is how an equation takes a network's
place: `interaction_network` does not know the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Float, Key

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
      penalty: what the model's regularizer charges, before its weight.
    """

    acceleration: Float[Array, "N D"]
    messages: Float[Array, "E M"]
    penalty: Float[Array, ""]


class Delivered(NamedTuple):
    """What becomes of the output of a message function.

    Attributes:
      messages: what the receivers get.
      penalty: what the regularizer charges for each.
    """

    messages: Float[Array, "*n M"]
    penalty: Float[Array, "*n"]


DeliverFn = Callable[[Float[Array, "*n P"], Key[Array, ""] | None], Delivered]


def as_sent(output: Float[Array, "*n M"], key: Key[Array, ""] | None = None) -> Delivered:
    """Messages as they were sent; their penalty is ``sum |m|``, the paper's L1 regularizer.

    >>> as_sent(jnp.array([[1.0, -2.0], [0.0, 1.0]])).penalty.tolist()
    [3.0, 1.0]
    """
    del key
    return Delivered(output, jnp.sum(jnp.abs(output), axis=-1))


def sampled(output: Float[Array, "*n P"], key: Key[Array, ""] | None = None) -> Delivered:
    """Variational messages: the output is means and logarithms of variances, P = 2 M.

    With a key the messages are drawn, without one they are the means. The penalty is the
    Kullback-Leibler divergence from the standard normal distribution,
    ``sum (exp(s) + m^2 - s - 1) / 2`` (Cranmer et al. 2020, arXiv 2006.11287, section 2.2).

    >>> sampled(jnp.array([2.0, 0.0])).penalty.item()
    2.0
    """
    mean, log_variance = jnp.split(output, 2, axis=-1)
    messages = mean
    if key is not None:
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        messages = mean + jnp.exp(0.5 * log_variance) * noise
    divergence = jnp.exp(log_variance) + mean**2 - log_variance - 1.0
    return Delivered(messages, 0.5 * jnp.sum(divergence, axis=-1))


def same_bodies(params: Params, bodies: Bodies) -> Bodies:
    """The bodies as the data have them: no trainable scalars."""
    del params
    return bodies


def interaction_network(
    message: MessageFn,
    node: NodeFn,
    *,
    bodies: BodiesFn = same_bodies,
    deliver: DeliverFn = as_sent,
    third_law: bool = False,
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
    Returns:
      ``apply(params, graph, key=None) -> Prediction``, pure; the graph's nodes are `Bodies`, and
      the penalty is the mean over the edges. With a key, messages that are random are drawn.

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

    def apply(
        params: Params, graph: jraph.GraphsTuple, key: Key[Array, ""] | None = None
    ) -> Prediction:
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
