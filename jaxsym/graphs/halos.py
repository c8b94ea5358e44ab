"""Graphs of dark-matter halos, and the network that looks at them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from scipy.spatial import cKDTree

from jaxsym._check import require
from jaxsym.graphs.node_networks import NodeModel, node_regression
from jaxsym.simulate.cosmology import Halos

_MASS = 1e14  # solar masses over h
_SPEED = 1000.0  # km/s
_NEAR = 20.0  # Mpc/h


class HaloNodes(NamedTuple):
    """What a graph knows of each halo.

    Attributes:
      mass: in 1e14 solar masses over h.
      speed: in 1000 km/s.
    """

    mass: Float[ArrayLike, "*n"]
    speed: Float[ArrayLike, "*n"]


class HaloPairs(NamedTuple):
    """What a graph knows of each edge.

    Attributes:
      distance: across the periodic box, in Mpc/h.
      relative_speed: length of the difference of the velocities, in 1000 km/s.
    """

    distance: Float[ArrayLike, "*n"]
    relative_speed: Float[ArrayLike, "*n"]


def halo_graph(halos: Halos, *, box: float, radius: float) -> jraph.GraphsTuple:
    """Edges both ways between halos within a radius, as numpy arrays in single precision.

    Args:
      halos: H halos.
      box: side of the periodic box in Mpc/h.
      radius: in Mpc/h.
    Returns:
      nodes `HaloNodes`, edges `HaloPairs`, sorted by receiver.
    Raises:
      ValueError: a radius that is not within 0 and half the box.

    >>> at = np.array([[0.5, 0.0, 0.0], [9.5, 0.0, 0.0], [5.0, 5.0, 5.0]])
    >>> halos = Halos(at, 100.0 * at, np.full(3, 1e14))
    >>> graph = halo_graph(halos, box=10.0, radius=2.0)
    >>> graph.senders.tolist(), graph.receivers.tolist(), graph.edges.distance.tolist()
    ([1, 0], [0, 1], [1.0, 1.0])
    """
    require(0 < radius <= box / 2, f"radius is {radius}; expected up to half the box, {box / 2}")
    count = len(halos.mass)
    pairs = cKDTree(halos.position % box, boxsize=box).query_pairs(radius, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    receivers, senders = both[np.lexsort((both[:, 1], both[:, 0]))].T
    beyond = halos.position[senders] - halos.position[receivers]
    beyond -= box * np.round(beyond / box)
    moving = halos.velocity[senders] - halos.velocity[receivers]
    single = lambda a: np.asarray(a, np.float32)  # noqa: E731
    return jraph.GraphsTuple(
        nodes=HaloNodes(
            single(halos.mass / _MASS), single(np.linalg.norm(halos.velocity, axis=-1) / _SPEED)
        ),
        edges=HaloPairs(
            single(np.linalg.norm(beyond, axis=-1)),
            single(np.linalg.norm(moving, axis=-1) / _SPEED),
        ),
        globals=None,
        senders=senders.astype(np.int32),
        receivers=receivers.astype(np.int32),
        n_node=np.array([count]),
        n_edge=np.array([len(senders)]),
    )


def message_inputs(receiver: HaloNodes, sender: HaloNodes, pair: HaloPairs) -> Array:
    """Both masses and speeds, the distance and the relative speed, each of order one."""
    near = pair.distance / _NEAR
    return jnp.stack(
        [
            jnp.log(receiver.mass),
            jnp.log(sender.mass),
            receiver.speed,
            sender.speed,
            near,
            jnp.log(near),
            pair.relative_speed,
        ],
        axis=-1,
    )


def node_inputs(halo: HaloNodes) -> Array:
    """Mass and speed, of order one."""
    return jnp.stack([jnp.log(halo.mass), halo.speed], axis=-1)


def halo_network(**options: Any) -> NodeModel:
    """`node_regression` on halos; it sees nothing that turns or shifts with the box.

    Args:
      **options: of `node_regression`.

    >>> halo_network(message_penalty=0.5).message_penalty
    0.5
    """
    return node_regression(message_inputs, node_inputs, **options)
