"""Messages recorded on edges, and which of their components are alive."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from jaxsym.graphs.bodies import Bodies, Snapshots, Topology, graph
from jaxsym.graphs.models import GraphModel
from jaxsym.graphs.network import Params


class EdgeSample(NamedTuple):
    """K edges of a graph network at work, each with the node that it ends in.

    Attributes:
      receiver: the body at the edge's end.
      sender: the body at its beginning.
      message: what the edge carries.
      total: sum of all messages that the receiver gets, this one included.
    """

    receiver: Bodies
    sender: Bodies
    message: Float[Array, "K M"]
    total: Float[Array, "K M"]


def record_messages(
    model: GraphModel,
    params: Params,
    data: Snapshots,
    edges: Topology,
    *,
    key: Key[Array, ""],
    count: int,
) -> EdgeSample:
    """Messages on ``count`` edges drawn with replacement from the snapshots.

    Args:
      model: the network.
      params: its parameters.
      data: where the network is asked.
      edges: who sends to whom in a snapshot.
      key: of the draw.
      count: K.

    >>> from jaxsym.graphs import particle_network, topology
    >>> ones = jnp.ones((5, 2))
    >>> at = jax.random.normal(jax.random.key(1), (5, 2, 2))
    >>> data = Snapshots(Bodies(at, at, ones, ones, ones.astype(int)), at)
    >>> model = particle_network("bottleneck", 2, hidden=(8,))
    >>> params = model.init(jax.random.key(0))
    >>> sample = record_messages(model, params, data, topology(2), key=jax.random.key(2), count=7)
    >>> sample.message.shape
    (7, 2)
    """
    per_graph = len(edges.senders)
    snapshot_key, edge_key = jax.random.split(key)
    snapshot = jax.random.randint(snapshot_key, (count,), 0, data.acceleration.shape[0])
    edge = jax.random.randint(edge_key, (count,), 0, per_graph)
    chosen = graph(jax.tree.map(lambda a: jnp.asarray(a)[snapshot], data.bodies), edges)
    chosen = chosen._replace(nodes=model.bodies(params, chosen.nodes))
    messages = model.apply(params, chosen).messages
    totals = jax.ops.segment_sum(messages, chosen.receivers, count * edges.nodes)
    if model.third_law:
        totals -= jax.ops.segment_sum(messages, chosen.senders, count * edges.nodes)
    place = jnp.arange(count) * per_graph + edge
    receiver, sender = chosen.receivers[place], chosen.senders[place]
    take = lambda index: jax.tree.map(lambda a: a[index], chosen.nodes)  # noqa: E731
    return EdgeSample(take(receiver), take(sender), messages[place], totals[receiver])


def live_components(messages: Float[ArrayLike, "K M"], count: int) -> Int[np.ndarray, " count"]:
    """The ``count`` components that vary most, in falling order (arXiv 2006.11287, section 4.1).

    Raises:
      ValueError: ``count`` is larger than the number of components.

    >>> live_components(jnp.array([[0.0, 1.0, 5.0], [0.0, 2.0, -5.0]]), 2).tolist()
    [2, 1]
    """
    spread = np.std(np.asarray(messages), axis=0)
    size = len(spread)
    if not 1 <= count <= size:
        raise ValueError(f"count is {count}; expected 1 to {size}, the number of components")
    return np.argsort(-spread, kind="stable")[:count]
