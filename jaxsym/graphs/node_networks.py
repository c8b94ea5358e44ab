"""Graph networks that predict one number of each node, from nodes and edges with any features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.models import MLP

Params = Any
Features = Any  # a pytree of arrays with a leading axis of nodes or edges
EdgeFn = Callable[[Params, Features, Features, Features], Float[Array, "E M"]]
ValueFn = Callable[[Params, Features, Float[Array, "N M"]], Float[Array, " N"]]


class NodePrediction(NamedTuple):
    """What one pass gives.

    Attributes:
      value: of each node.
      messages: on each edge, in the edges' order.
    """

    value: Float[Array, " N"]
    messages: Float[Array, "E M"]


class NodeModel(NamedTuple):
    """A graph network for a number of each node, as pure functions.

    Attributes:
      init: ``(key, graph) -> params``; the graph shows the shapes of the features.
      apply: ``(params, graph) -> NodePrediction``.
      message: ``(params, receiver, sender, edges) -> [E, M]``.
      node: ``(params, nodes, total) -> [N]``, ``total`` being the summed messages ``[N, M]``.
      message_penalty: weight of the mean absolute message in the loss.
    """

    init: Callable[[Key[Array, ""], jraph.GraphsTuple], Params]
    apply: Callable[[Params, jraph.GraphsTuple], NodePrediction]
    message: EdgeFn
    node: ValueFn
    message_penalty: float


def node_network(
    message: EdgeFn, node: ValueFn
) -> Callable[[Params, jraph.GraphsTuple], NodePrediction]:
    """One step of message passing; either function may be a network or an equation.

    ``m_k = message(receiver, sender, edge k)``, ``y_i = node(i, sum of the messages to i)``
    (Battaglia et al. 2016, arXiv 1612.00222; Cranmer et al. 2020, arXiv 2006.11287).

    Args:
      message: ``(params, receiver, sender, edges) -> [E, M]``.
      node: ``(params, nodes, total) -> [N]``.

    >>> apply = node_network(
    ...     lambda params, receiver, sender, edge: (params * sender / edge)[:, None],
    ...     lambda params, nodes, total: nodes + total[:, 0],
    ... )
    >>> two = jraph.GraphsTuple(
    ...     nodes=jnp.array([1.0, 10.0]), edges=jnp.array([2.0, 2.0]), globals=None,
    ...     senders=jnp.array([1, 0]), receivers=jnp.array([0, 1]),
    ...     n_node=jnp.array([2]), n_edge=jnp.array([2]))
    >>> apply(4.0, two).value.tolist()
    [21.0, 12.0]
    """

    @implicit_broadcasting()
    def apply(params: Params, graph: jraph.GraphsTuple) -> NodePrediction:
        network = jraph.InteractionNetwork(
            update_edge_fn=lambda edges, sender, receiver: message(params, receiver, sender, edges),
            update_node_fn=lambda nodes, received: node(params, nodes, received),
        )
        out = network(graph)
        return NodePrediction(out.nodes, out.edges)

    return apply


def node_regression(
    message_inputs: Callable[[Features, Features, Features], Float[Array, "*n F"]],
    node_inputs: Callable[[Features], Float[Array, "*n G"]],
    *,
    hidden: Sequence[int] = (64, 64),
    message_size: int = 16,
    message_penalty: float = 1e-2,
    activation: Callable[[Array], Array] = nn.silu,
) -> NodeModel:
    """Message and node function as multilayer perceptrons.

    Args:
      message_inputs: ``(receiver, sender, edges) -> [E, F]``, numbers of order one.
      node_inputs: ``nodes -> [N, G]``, numbers of order one.
      hidden: widths of the hidden layers of both.
      message_size: M.
      message_penalty: weight of the mean over edges of ``sum |m|``, which leaves few of the M
        components alive (Cranmer et al. 2020, arXiv 2006.11287, section 4).
      activation: between the layers.
    Raises:
      ValueError: no message component, a negative penalty.

    >>> model = node_regression(
    ...     lambda receiver, sender, edge: jnp.stack([sender, edge], -1), lambda n: n[..., None])
    >>> two = jraph.GraphsTuple(
    ...     nodes=jnp.ones(2), edges=jnp.ones(2), globals=None, senders=jnp.array([1, 0]),
    ...     receivers=jnp.array([0, 1]), n_node=jnp.array([2]), n_edge=jnp.array([2]))
    >>> out = model.apply(model.init(jax.random.key(0), two), two)
    >>> out.value.shape, out.messages.shape
    ((2,), (2, 16))
    """
    require(message_size >= 1, f"message_size is {message_size}; expected at least 1")
    require(message_penalty >= 0, f"message_penalty is {message_penalty}; expected at least 0")
    message_net, node_net = MLP(hidden, message_size, activation), MLP(hidden, 1, activation)

    def ends(graph):
        sender = jax.tree.map(lambda a: a[graph.senders], graph.nodes)
        return jax.tree.map(lambda a: a[graph.receivers], graph.nodes), sender, graph.edges

    def with_total(nodes, total):
        return jnp.concatenate([node_inputs(nodes), total], axis=-1)

    @implicit_broadcasting()
    def init(key, graph):
        message_key, node_key = jax.random.split(key)
        edges = message_inputs(*ends(graph))
        total = jnp.zeros((len(jax.tree.leaves(graph.nodes)[0]), message_size), edges.dtype)
        return {
            "message": message_net.init(message_key, edges),
            "node": node_net.init(node_key, with_total(graph.nodes, total)),
        }

    def message(params, receiver, sender, edges):
        return message_net.apply(params["message"], message_inputs(receiver, sender, edges))

    def node(params, nodes, total):
        value = jnp.asarray(node_net.apply(params["node"], with_total(nodes, total)))
        return value[..., 0]

    return NodeModel(init, node_network(message, node), message, node, message_penalty)


class Pieces(NamedTuple):
    """P graphs of one size, padded: some nodes of a large graph with all edges that end in them.

    Attributes:
      graph: every array with a leading axis ``[P]``; ``n_node`` and ``n_edge`` are ``[P, 2]``, the
        second graph is the padding.
      target: what is to be predicted.
      weight: of each node in the loss; zero for nodes that only send, and for padding.
    """

    graph: jraph.GraphsTuple
    target: Float[np.ndarray, "P N"]
    weight: Float[np.ndarray, "P N"]


def pieces(
    rng: np.random.Generator,
    graph: jraph.GraphsTuple,
    target: Float[ArrayLike, " N"],
    weight: Float[ArrayLike, " N"],
    *,
    size: int,
) -> Pieces:
    """Cut a graph into pieces of ``size`` receivers drawn at random, each with all its senders.

    One step of message passing sees on a piece what it sees on the whole graph, so a graph of any
    size is trained in small batches.

    Args:
      rng: of the draw.
      graph: one graph, any pytrees of nodes and edges.
      target: of each node.
      weight: of each node; nodes without weight are sent from but not predicted.
      size: receivers of a piece; those that are left over are dropped until the next cut.
    Raises:
      ValueError: fewer nodes with weight than ``size``.

    >>> ring = jraph.GraphsTuple(
    ...     nodes=np.arange(6.0), edges=np.ones(6), globals=None, senders=np.arange(6),
    ...     receivers=(np.arange(6) + 1) % 6, n_node=np.array([6]), n_edge=np.array([6]))
    >>> cut = pieces(np.random.default_rng(0), ring, np.arange(6.0), np.ones(6), size=2)
    >>> cut.weight.sum(1).tolist(), cut.graph.n_edge[:, 0].tolist()
    ([2.0, 2.0, 2.0], [2, 2, 2])
    """
    target, weight = np.asarray(target), np.asarray(weight)
    chosen = rng.permutation(np.flatnonzero(weight > 0))
    require(
        1 <= size <= len(chosen),
        f"size is {size}; expected 1 to {len(chosen)}, the number of nodes with weight",
    )
    groups = chosen[: len(chosen) // size * size].reshape(-1, size)
    parts = [_part(graph, group) for group in groups]
    nodes = max(len(part.nodes) for part in parts) + 1
    edges = max(len(part.edges) for part in parts)
    placed = [_placed(graph, part, nodes, edges) for part in parts]
    of_nodes = np.stack([_filled(part.nodes, nodes, part.nodes[0]) for part in parts])
    predicted = np.arange(nodes) < size  # the receivers come first
    return Pieces(
        jax.tree.map(lambda *arrays: np.stack(arrays), *placed),
        target[of_nodes],
        np.where(predicted, weight[of_nodes], 0).astype(target.dtype),
    )


class _Part(NamedTuple):
    """Which nodes and edges of the whole graph make a piece, and its edges' ends in the piece."""

    nodes: Int[np.ndarray, " n"]
    edges: Int[np.ndarray, " e"]
    senders: Int[np.ndarray, " e"]
    receivers: Int[np.ndarray, " e"]


def _part(graph: jraph.GraphsTuple, group: Int[np.ndarray, " B"]) -> _Part:
    edges = np.flatnonzero(np.isin(graph.receivers, group))
    senders, receivers = np.asarray(graph.senders)[edges], np.asarray(graph.receivers)[edges]
    nodes = np.concatenate([group, np.setdiff1d(senders, group)])
    place = np.zeros(int(np.sum(graph.n_node)), int)
    place[nodes] = np.arange(len(nodes))
    return _Part(nodes, edges, place[senders], place[receivers])


def _placed(graph: jraph.GraphsTuple, part: _Part, nodes: int, edges: int) -> jraph.GraphsTuple:
    """The piece, padded with copies (never zeros: features may be divided by)."""
    of_nodes = _filled(part.nodes, nodes, part.nodes[0])
    of_edges = _filled(part.edges, edges, part.edges[0] if len(part.edges) else 0)
    count, links = len(part.nodes), len(part.edges)
    return jraph.GraphsTuple(
        nodes=jax.tree.map(lambda a: np.asarray(a)[of_nodes], graph.nodes),
        edges=jax.tree.map(lambda a: np.asarray(a)[of_edges], graph.edges),
        globals=None,
        senders=_filled(part.senders, edges, nodes - 1),
        receivers=_filled(part.receivers, edges, nodes - 1),
        n_node=np.array([count, nodes - count]),
        n_edge=np.array([links, edges - links]),
    )


def _filled(indices: np.ndarray, size: int, value: int) -> np.ndarray:
    return np.concatenate([indices, np.full(size - len(indices), value)]).astype(np.int32)


def piece_batches(key: Key[Array, ""], step: Int[Array, ""], data: Pieces) -> Pieces:
    """A batch function for the trainer: one piece, drawn with replacement."""
    del step
    index = jax.random.randint(key, (), 0, data.target.shape[0])
    return jax.tree.map(lambda a: a[index], data)


def node_loss(
    model: NodeModel,
) -> Callable[[Params, Pieces, Array], tuple[Array, dict[str, Array]]]:
    """Weighted mean of ``|y - y_hat|`` plus the model's penalty on its messages.

    Returns:
      ``loss(params, piece, key) -> (scalar, metrics)`` for the trainer; the piece may be padded.

    >>> callable(node_loss(node_regression(lambda r, s, e: e, lambda n: n)))
    True
    """

    @implicit_broadcasting()
    def loss(params: Params, batch: Pieces, key: Array) -> tuple[Array, dict[str, Array]]:
        del key
        out = model.apply(params, batch.graph)
        wrong = jnp.abs(out.value - batch.target)
        error = jnp.sum(batch.weight * wrong) / jnp.sum(batch.weight)
        real = jraph.get_edge_padding_mask(batch.graph)
        size = jnp.sum(jnp.where(real, jnp.sum(jnp.abs(out.messages), -1), 0)) / jnp.sum(real)
        return error + model.message_penalty * size, {"error": error, "message_size": size}

    return loss
