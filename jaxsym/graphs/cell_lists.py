"""Edges between all nodes closer than a cutoff, found through a grid of cells.

The arrays have fixed capacities, so that one compiled program serves all positions; a flag tells
when a capacity was too small, and `checked` raises then.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxsym._check import finite, require
from jaxsym._settings import implicit_broadcasting


class Grid(NamedTuple):
    """Cells at least as wide as the cutoff, and room for what lies in them. Hashable: all static.

    Attributes:
      origin: lower corner, D numbers.
      cells: number of cells along each coordinate.
      width: of a cell along each coordinate.
      cutoff: largest distance of two neighbors.
      periodic: whether the box repeats.
      cell_capacity: nodes that a cell can hold.
      edge_capacity: edges that the list can hold.
    """

    origin: tuple[float, ...]
    cells: tuple[int, ...]
    width: tuple[float, ...]
    cutoff: float
    periodic: bool
    cell_capacity: int
    edge_capacity: int


class NeighborList(NamedTuple):
    """Directed edges sorted by receiver, then padding.

    Attributes:
      senders: sending node; N, which is no node, in the padding.
      receivers: receiving node; N in the padding, which sums over the nodes leave out.
      edges: their number.
      crowd: most nodes in one cell.
      overflow: whether a capacity was too small, so that edges are missing.
    """

    senders: Int[Array, " E"]
    receivers: Int[Array, " E"]
    edges: Int[Array, ""]
    crowd: Int[Array, ""]
    overflow: Bool[Array, ""]


@implicit_broadcasting()
def make_grid(
    position: Float[ArrayLike, "N D"],
    cutoff: float,
    *,
    box: float | None = None,
    slack: float = 1.25,
) -> Grid:
    """A grid for nodes like these: capacities are what they need, times a slack.

    Args:
      position: of the nodes, in any unit of length.
      cutoff: largest distance of two neighbors.
      box: side of a periodic box that begins at 0; None for no box.
      slack: capacities over what the given positions need.
    Raises:
      ValueError: non-finite positions, a cutoff that is not positive or over a third of the box.

    >>> make_grid(np.random.default_rng(0).uniform(0, 10, (500, 3)), 1.0, box=10.0).cells
    (10, 10, 10)
    """
    position = np.asarray(position, np.float64)
    finite("position", position)
    require(cutoff > 0, f"cutoff is {cutoff}; expected a positive distance")
    require(slack >= 1, f"slack is {slack}; expected at least 1")
    if box is None:
        origin = position.min(axis=0)
        extent = np.maximum(position.max(axis=0) - origin, cutoff)
    else:
        require(3 * cutoff <= box, f"cutoff is {cutoff}; expected at most a third of box, {box}")
        origin, extent = np.zeros(position.shape[1]), np.full(position.shape[1], float(box))
    # no more cells than nodes in a direction are of use
    cells = np.clip(np.floor(extent / cutoff), 1, max(3, round(len(position) ** 0.5))).astype(int)
    grid = Grid(
        tuple(origin.tolist()),
        tuple(cells.tolist()),
        tuple((extent / cells).tolist()),
        float(cutoff),
        box is not None,
        cell_capacity=0,
        edge_capacity=0,
    )
    place = np.minimum(np.floor((position - origin) / grid.width), cells - 1).astype(int) % cells
    crowd = np.bincount(np.ravel_multi_index(place.T, grid.cells)).max()
    grid = grid._replace(cell_capacity=int(np.ceil(slack * crowd)))
    edges = int(jax.jit(_count, static_argnums=1)(jnp.asarray(position, jnp.float32), grid))
    return grid._replace(edge_capacity=int(np.ceil(slack * max(edges, 1))))


@implicit_broadcasting()
def neighbor_list(position: Float[Array, "N D"], grid: Grid) -> NeighborList:
    """All pairs closer than the cutoff, both ways; pure, to be jitted with the grid static.

    Args:
      position: of the nodes.
      grid: see `make_grid`.

    >>> at = jnp.array([[0.0, 0.0], [0.5, 0.0], [3.0, 0.0]])
    >>> found = neighbor_list(at, make_grid(at, 1.0))
    >>> int(found.edges), found.senders[:2].tolist(), found.receivers[:2].tolist()
    (2, [1, 0], [0, 1])
    """
    table, crowd = _cell_table(position, grid)
    near = _near(position, table, grid)
    count = jnp.sum(near)
    nodes = position.shape[0]
    flat = jnp.nonzero(near.ravel(), size=grid.edge_capacity, fill_value=-1)[0]
    receivers = jnp.where(flat < 0, nodes, flat // near.shape[1])
    candidates = _candidates(position, table, grid)
    senders = jnp.where(flat < 0, nodes, candidates.ravel()[flat])
    overflow = (crowd > grid.cell_capacity) | (count > grid.edge_capacity)
    return NeighborList(senders, receivers, count, crowd, overflow)


def checked(neighbors: NeighborList, grid: Grid) -> NeighborList:
    """The list as it is, if it is whole.

    Raises:
      ValueError: a capacity was too small.

    >>> at = jnp.zeros((5, 2))
    >>> grid = make_grid(at, 1.0)._replace(edge_capacity=3)
    >>> checked(neighbor_list(at, grid), grid)
    Traceback (most recent call last):
    ValueError: the neighbor list is too small: 20 edges and 5 nodes in a cell; expected at most
    edge_capacity 3 and cell_capacity 7: make a grid of these positions
    """
    require(
        not bool(neighbors.overflow),
        f"the neighbor list is too small: {int(neighbors.edges)} edges and "
        f"{int(neighbors.crowd)} nodes in a cell; expected at most edge_capacity "
        f"{grid.edge_capacity} and cell_capacity {grid.cell_capacity}: make a grid of these "
        "positions",
    )
    return neighbors


def _count(position: Array, grid: Grid) -> Int[Array, ""]:
    return jnp.sum(_near(position, _cell_table(position, grid)[0], grid))


def _place(position: Array, grid: Grid) -> Int[Array, "N D"]:
    """The cell of each node; nodes outside an open grid belong to its outermost cells."""
    place = jnp.floor((position - jnp.asarray(grid.origin)) / jnp.asarray(grid.width)).astype(int)
    cells = jnp.asarray(grid.cells)
    return place % cells if grid.periodic else jnp.clip(place, 0, cells - 1)


def _number(place: Array, grid: Grid) -> Array:
    strides = np.append(np.cumprod(grid.cells[:0:-1])[::-1], 1).astype(int)
    return jnp.sum(place * jnp.asarray(strides), axis=-1)


def _cell_table(position: Array, grid: Grid) -> tuple[Int[Array, "cells capacity"], Array]:
    """The nodes of each cell, N where there is none, and the most nodes in one cell."""
    nodes, total = position.shape[0], int(np.prod(grid.cells))
    cell = _number(_place(position, grid), grid)
    order = jnp.argsort(cell, stable=True)
    members = jnp.bincount(cell, length=total)
    first = jnp.cumsum(members) - members
    rank = jnp.arange(nodes) - first[cell[order]]
    table = jnp.full((total, grid.cell_capacity), nodes)
    return table.at[cell[order], rank].set(order, mode="drop"), jnp.max(members)


def _candidates(position: Array, table: Array, grid: Grid) -> Int[Array, "N K"]:
    """Nodes in the cells around each node, N where there is none."""
    place, nodes = _place(position, grid), position.shape[0]
    columns = []
    for step in itertools.product((-1, 0, 1), repeat=len(grid.cells)):
        there = place + jnp.asarray(step)
        cells = jnp.asarray(grid.cells)
        inside = jnp.all((there >= 0) & (there < cells), axis=-1) | grid.periodic
        around = table[_number(there % cells, grid)]
        columns.append(jnp.where(inside[:, None], around, nodes))
    return jnp.concatenate(columns, axis=1)


def _near(position: Array, table: Array, grid: Grid) -> Bool[Array, "N K"]:
    candidates = _candidates(position, table, grid)
    nodes = position.shape[0]
    between = position[jnp.minimum(candidates, nodes - 1)] - position[:, None]
    if grid.periodic:
        side = jnp.asarray(grid.width) * jnp.asarray(grid.cells)
        between -= side * jnp.round(between / side)
    close = jnp.sum(between**2, axis=-1) <= grid.cutoff**2
    return close & (candidates < nodes) & (candidates != jnp.arange(nodes)[:, None])
