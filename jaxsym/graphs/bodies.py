"""`Bodies`, the node features of every graph here, and graphs made from trajectories."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym._check import require
from jaxsym.trajectories import Trajectories


class Bodies(NamedTuple):
    """What a graph network knows of each body; also of the two ends of each edge.

    Attributes:
      position: where the body is.
      velocity: how it moves.
      mass: its inertia; ones where it is unknown.
      charge: its charge; zeros where it has none.
      label: which body of its system it is, to look up scalars that belong to it.
    """

    position: Float[Array, "*n D"]
    velocity: Float[Array, "*n D"]
    mass: Float[Array, "*n"]
    charge: Float[Array, "*n"]
    label: Int[Array, "*n"]


class Snapshots(NamedTuple):
    """All moments of some trajectories in one list: S = R T snapshots of N bodies.

    Attributes:
      bodies: the state of each body.
      acceleration: what the models predict.
    """

    bodies: Bodies
    acceleration: Float[Array, "S N D"]


def snapshots(data: Trajectories) -> Snapshots:
    """Flatten trajectories ``[R, T, N, D]`` into snapshots ``[S, N, D]`` in their precision.

    >>> from jaxsym.trajectories import trajectories
    >>> x = np.zeros((3, 5, 2, 2)) + np.arange(2)[:, None]
    >>> data = trajectories(x, velocity=0 * x, acceleration=0 * x, time=range(5))
    >>> snapshots(data).bodies.mass.shape
    (15, 2)
    """
    trajectory_count, times, count, dims = np.shape(data.position)
    shape = (trajectory_count, times, count)

    def flat(array):
        return np.reshape(array, (-1, *np.shape(array)[2:]))

    def per_body(values, default):
        filled = np.full(shape[::2], default) if values is None else np.asarray(values)
        return flat(np.broadcast_to(filled[:, None], shape)).astype(data.position.dtype)

    bodies = Bodies(
        position=flat(data.position),
        velocity=flat(data.velocity),
        mass=per_body(data.mass, 1.0),
        charge=per_body(data.charge, 0.0),
        label=flat(np.broadcast_to(np.arange(count), shape)),
    )
    return Snapshots(bodies, flat(data.acceleration))


class Topology(NamedTuple):
    """Who sends to whom within one system; edges sorted by receiver.

    Attributes:
      senders: sending body of each edge.
      receivers: receiving body of each edge.
      nodes: N, the number of bodies.
    """

    senders: Int[np.ndarray, " E"]
    receivers: Int[np.ndarray, " E"]
    nodes: int


def topology(
    nodes: int,
    pairs: tuple[tuple[int, int], ...] | None = None,
    *,
    directed: bool = True,
) -> Topology:
    """Edges between the given pairs of bodies (all pairs by default), without self loops.

    Args:
      nodes: N, the number of bodies.
      pairs: the pairs ``(i, j)`` that interact; None for all.
      directed: an edge each way; otherwise one edge a pair, from the later body to the earlier,
        for models that obey Newton's third law.
    Raises:
      ValueError: fewer than two bodies.

    >>> topology(3, directed=False).senders.tolist()
    [1, 2, 2]
    """
    require(nodes >= 2, f"nodes is {nodes}; expected at least two bodies")
    links = np.stack(np.triu_indices(nodes, 1), axis=1) if pairs is None else np.array(pairs)
    ends = np.concatenate([links, links[:, ::-1]]) if directed else links
    receivers, senders = ends[np.lexsort((ends[:, 1], ends[:, 0]))].T
    return Topology(senders, receivers, nodes)


def graph(bodies: Bodies, edges: Topology) -> jraph.GraphsTuple:
    """One `jraph.GraphsTuple` of B equal systems, nodes in order of system then body.

    Args:
      bodies: features ``[B, N, ...]``.
      edges: the edges of one system.
    Returns:
      a batch of B graphs with ``B N`` nodes (whose features are `Bodies`) and ``B E`` edges.

    >>> two = jnp.zeros((1, 2))
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> graph(Bodies(at, 0 * at, two + 1, two, jnp.array([[0, 1]])), topology(2)).n_edge.tolist()
    [2]
    """
    batch = bodies.mass.shape[0]
    offset = np.arange(batch)[:, None] * edges.nodes
    return jraph.GraphsTuple(
        nodes=jax.tree.map(lambda a: jnp.reshape(a, (-1, *a.shape[2:])), bodies),
        edges=None,
        receivers=(offset + edges.receivers).reshape(-1),
        senders=(offset + edges.senders).reshape(-1),
        globals=None,
        n_node=np.full(batch, edges.nodes),
        n_edge=np.full(batch, len(edges.senders)),
    )
