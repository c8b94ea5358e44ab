"""Messages recorded on edges, and which of their components are alive."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Bodies, Snapshots, Topology
from jaxsym.graphs.delivery import Params
from jaxsym.graphs.models import GraphModel
from jaxsym.graphs.network import EDGES_AT_ONCE


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


@implicit_broadcasting()
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
    snapshot_key, edge_key = jax.random.split(key)
    snapshot = jax.random.randint(snapshot_key, (count,), 0, data.acceleration.shape[0])
    edge = jax.random.randint(edge_key, (count,), 0, len(edges.senders))
    bodies = model.bodies(params, jax.tree.map(jnp.asarray, data.bodies))
    incident, sign = _incident(edges, model.third_law)
    receivers, senders = jnp.asarray(edges.receivers), jnp.asarray(edges.senders)

    @jax.jit
    def sample(params: Params, bodies: Bodies) -> EdgeSample:
        def one(drawn: tuple[Array, Array]) -> EdgeSample:
            snapshot, edge = drawn
            body = receivers[edge]
            others = jnp.append(edge, incident[body])
            at = lambda ends: jax.tree.map(lambda a: a[snapshot, ends], bodies)  # noqa: E731
            receiver, sender = at(receivers[others]), at(senders[others])
            messages = model.message(params, receiver, sender)
            first = lambda ends: jax.tree.map(lambda a: a[0], ends)  # noqa: E731
            total = jnp.sum(sign[body][:, None] * messages[1:], axis=0)
            return EdgeSample(first(receiver), first(sender), messages[0], total)

        block = max(1, EDGES_AT_ONCE // (1 + incident.shape[1]))
        return jax.lax.map(one, (snapshot, edge), batch_size=min(block, count))

    return sample(params, bodies)


def _incident(edges: Topology, third_law: bool) -> tuple[Int[Array, "N L"], Int[Array, "N L"]]:
    """The edges of each body, and whether it receives (1) or sends (-1); 0 fills rows up.

    Sending counts where a pair has one edge, whose message acts on both ends.
    """
    body, edge = edges.receivers, np.arange(len(edges.receivers))
    sign = np.ones_like(edge)
    if third_law:
        body, edge = np.append(body, edges.senders), np.append(edge, edge)
        sign = np.append(sign, -sign)
    order = np.argsort(body, kind="stable")
    degree = np.bincount(body, minlength=edges.nodes)
    rows, first = body[order], np.repeat(np.cumsum(degree) - degree, degree)
    places = (rows, np.arange(len(rows)) - first)
    tables = np.zeros((2, edges.nodes, degree.max()), int)
    tables[0][places], tables[1][places] = edge[order], sign[order]
    return jnp.asarray(tables[0]), jnp.asarray(tables[1])


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
