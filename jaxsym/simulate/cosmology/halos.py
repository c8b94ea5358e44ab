"""Halos: groups of particles that are near one another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from jaxsym._check import finite, require


class Halos(NamedTuple):
    """H halos, the heaviest first.

    Attributes:
      position: center of mass, comoving, in Mpc/h, within the box.
      velocity: mean peculiar velocity, in km/s.
      mass: in solar masses over h.
    """

    position: Float[np.ndarray, "H 3"]
    velocity: Float[np.ndarray, "H 3"]
    mass: Float[np.ndarray, " H"]


def friends_of_friends(
    position: Float[ArrayLike, "n 3"],
    velocity: Float[ArrayLike, "n 3"],
    *,
    box: float,
    particle_mass: float,
    linking: float = 0.2,
    least: int = 20,
) -> Halos:
    """Groups in which each particle has a friend within the linking length (Davis et al. 1985).

    Args:
      position: comoving, in Mpc/h; the box is periodic.
      velocity: peculiar, in km/s.
      box: side in Mpc/h.
      particle_mass: in solar masses over h.
      linking: length over the mean distance ``box / n**(1/3)``.
      least: particles of the smallest group that counts.
    Raises:
      ValueError: arrays that do not match or are not finite, numbers that are not positive.

    >>> near = np.array([[0.0, 0.0, 9.9], [0.0, 0.0, 0.1], [5.0, 5.0, 5.0]])
    >>> halos = friends_of_friends(near, 0 * near, box=10.0, particle_mass=1.0, least=2)
    >>> halos.mass.tolist(), halos.position.tolist()
    ([2.0], [[0.0, 0.0, 0.0]])
    """
    position, velocity = np.asarray(position, float), np.asarray(velocity, float)
    _check(position, velocity, box, particle_mass, linking, least)
    position = position % box
    position[position >= box] = 0.0  # what rounding makes of a tiny negative number
    count = len(position)
    length = linking * box / count ** (1 / 3)
    pairs = cKDTree(position, boxsize=box).query_pairs(length, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(count, count))
    _, group = connected_components(links, directed=False)
    sizes = np.bincount(group)
    large = np.flatnonzero(sizes >= least)
    large = large[np.argsort(-sizes[large], kind="stable")]
    number = np.full(len(sizes), -1)
    number[large] = np.arange(len(large))
    member = number[group] >= 0
    halo, at, moving = number[group[member]], position[member], velocity[member]
    _, first = np.unique(halo, return_index=True)
    anchor = at[first]  # the group's places are counted from one of its own: it may cross the edge
    beyond = (at - anchor[halo] + box / 2) % box - box / 2
    center = anchor + _means(halo, beyond, len(large))
    mass = particle_mass * sizes[large]
    return Halos(np.round(center, 12) % box, _means(halo, moving, len(large)), mass)


def _means(group: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    sums = [np.bincount(group, column, count) for column in values.T]
    return np.stack(sums, axis=-1) / np.maximum(np.bincount(group, minlength=count), 1)[:, None]


def _check(position, velocity, box, particle_mass, linking, least) -> None:
    require(
        position.ndim == 2 and position.shape[1] == 3,
        f"position has shape {position.shape}; expected [n, 3]",
    )
    require(
        velocity.shape == position.shape,
        f"velocity has shape {velocity.shape}; expected {position.shape} as position",
    )
    finite("position", position)
    finite("velocity", velocity)
    numbers = {"box": box, "particle_mass": particle_mass, "linking": linking, "least": least}
    for name, value in numbers.items():
        require(value > 0, f"{name} is {value}; expected a positive number")
