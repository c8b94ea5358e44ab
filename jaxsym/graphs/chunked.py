"""Message passing over edges in chunks: memory for one chunk, however many edges there are."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Key

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
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


def chunked_network(
    message: MessageFn,
    node: NodeFn,
    *,
    chunk: int = 65_536,
    bodies: BodiesFn = same_bodies,
    deliver: DeliverFn = as_sent,
    third_law: bool = False,
) -> Callable[..., Prediction]:
    """`jaxsym.graphs.interaction_network` for graphs whose edges do not fit in memory at once.

    The activations of a chunk are computed again for its gradient instead of being kept, so that a
    training step needs memory for one chunk. Edges whose receiver is no node (the padding of a
    `NeighborList`) send nothing and cost nothing.

    Args:
      message: ``(params, receiver, sender) -> [E, M]``.
      node: ``(params, bodies, total) -> [N, D]``.
      chunk: edges at a time.
      bodies, deliver, third_law: as for `jaxsym.graphs.interaction_network`.
    Returns:
      ``apply(params, graph, key=None) -> Prediction``, pure; the penalty is the mean over the edges
      that end in a node.
    Raises:
      ValueError: a chunk below one.

    >>> from jaxsym.graphs import Bodies, graph, topology
    >>> apply = chunked_network(
    ...     lambda params, receiver, sender: sender.position - receiver.position,
    ...     lambda params, bodies, total: total / bodies.mass[:, None],
    ...     chunk=1,
    ... )
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.array([[1.0, 2.0]]), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> apply(None, graph(two, topology(2))).acceleration.tolist()
    [[1.0, 0.0], [-0.5, 0.0]]
    """
    require(chunk >= 1, f"chunk is {chunk}; expected at least 1 edge")

    @implicit_broadcasting()
    def apply(
        params: Params, graph: jraph.GraphsTuple, key: Key[Array, ""] | None = None
    ) -> Prediction:
        filled, nodes = bodies(params, graph.nodes), graph.nodes.mass.shape[0]
        receivers, senders = (_chunks(ends, chunk, nodes) for ends in _ends(graph))
        keys = None if key is None else jax.random.split(key, len(receivers))

        def send(receivers, senders, key):
            ends = (jax.tree.map(lambda a, i=i: a[i], filled) for i in (receivers, senders))
            return deliver(message(params, *ends), key)

        @jax.checkpoint
        def step(carry, inputs):
            total, penalty = carry
            receivers, senders, key = inputs
            sent = send(receivers, senders, key)
            real = receivers < nodes
            total = total.at[receivers].add(sent.messages, mode="drop")
            if third_law:
                total = total.at[senders].add(-sent.messages, mode="drop")
            penalty += jnp.sum(jnp.where(real, sent.penalty, 0.0))
            return (total, penalty), sent.messages

        shape = jax.eval_shape(send, receivers[0], senders[0], None).messages
        start = jnp.zeros((nodes, shape.shape[-1]), shape.dtype), jnp.zeros((), shape.dtype)
        (total, penalty), messages = jax.lax.scan(step, start, (receivers, senders, keys))
        edges = jnp.maximum(jnp.sum(receivers < nodes), 1)
        messages = messages.reshape(-1, messages.shape[-1])[: len(graph.receivers)]
        return Prediction(node(params, filled, total), messages, penalty / edges)

    return apply


def _ends(graph: jraph.GraphsTuple) -> tuple[Array, Array]:
    return jnp.asarray(graph.receivers), jnp.asarray(graph.senders)


def _chunks(index: Array, chunk: int, nodes: int) -> Array:
    """Rows of ``chunk`` edges; the last is filled up with edges to no node."""
    missing = -len(index) % chunk
    return jnp.pad(index, (0, missing), constant_values=nodes).reshape(-1, chunk)
