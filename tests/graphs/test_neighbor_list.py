"""Neighbor lists against all pairs, in boxes and without."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.graphs import checked, make_grid, neighbor_list

CASES = [(2, None, 1.0), (2, 9.0, 1.1), (3, None, 1.3), (3, 6.0, 2.0), (3, 7.0, 0.4)]


def pairs(position, cutoff, box):
    between = position[None] - position[:, None]
    if box is not None:
        between -= box * np.round(between / box)
    close = np.sum(between**2, -1) <= cutoff**2
    np.fill_diagonal(close, False)
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(close), strict=True)}


@pytest.mark.parametrize(("dims", "box", "cutoff"), CASES)
def test_the_list_is_that_of_all_pairs(dims, box, cutoff):
    position = np.random.default_rng(0).uniform(0, box or 8.0, (200, dims)).astype(np.float32)
    grid = make_grid(position, cutoff, box=box)
    found = checked(jax.jit(neighbor_list, static_argnums=1)(position, grid), grid)
    count = int(found.edges)
    edges = list(zip(found.receivers[:count].tolist(), found.senders[:count].tolist(), strict=True))
    assert len(set(edges)) == count and set(edges) == pairs(position, cutoff, box)
    assert sorted(found.receivers[:count].tolist()) == found.receivers[:count].tolist()
    assert np.all(np.asarray(found.senders)[count:] == 200)
    assert np.all(np.asarray(found.receivers)[count:] == 200)


def test_one_trace_serves_moved_nodes_even_outside_the_grid():
    traces = []

    @jax.jit
    def find(position):
        traces.append(1)
        return neighbor_list(position, grid)

    position = np.random.default_rng(1).uniform(0, 8.0, (200, 2)).astype(np.float32)
    grid = make_grid(position, 1.0, slack=3.0)
    for shift in (0.0, 0.3, -2.0):
        moved = position + shift * np.sin(7 * position[:, ::-1])
        found = checked(find(moved), grid)
        count = int(found.edges)
        edges = zip(found.receivers[:count].tolist(), found.senders[:count].tolist(), strict=True)
        assert set(edges) == pairs(moved, 1.0, None)
    assert len(traces) == 1


def test_too_little_room_raises_a_flag():
    position = jnp.asarray(np.random.default_rng(0).uniform(0, 4.0, (100, 2)))
    grid = make_grid(position, 1.0)
    for small in (grid._replace(edge_capacity=10), grid._replace(cell_capacity=1)):
        found = neighbor_list(position, small)
        assert bool(found.overflow)
        with pytest.raises(ValueError, match="the neighbor list is too small: .* expected at most"):
            checked(found, small)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cutoff": 0.0}, "cutoff is 0.0; expected a positive distance"),
        ({"cutoff": 2.0, "box": 5.0}, "cutoff is 2.0; expected at most a third of box, 5.0"),
        ({"cutoff": 1.0, "slack": 0.5}, "slack is 0.5; expected at least 1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_grid(np.zeros((3, 2)), **arguments)
    with pytest.raises(ValueError, match="position"):
        make_grid(np.full((3, 2), np.nan), 1.0)
