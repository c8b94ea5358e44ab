"""Random expression trees, all of one size equally likely, many at a time.

Lample & Charton, "Deep Learning for Symbolic Mathematics" (2019, arXiv:1912.01412, appendix C): a
tree grows in prefix order; with e open places and n operators left, the next operator skips k of
the places, which become leaves, with probability in proportion to the number of trees that remain.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float

from jaxsym.nesymres.skeletons.prior import Prior


@functools.cache
def tree_counts(most: int, unary: bool = True, binary: bool = True) -> tuple[tuple[int, ...], ...]:
    """``[e][n]``: how many ways there are to grow e open places by n operators.

    >>> [tree_counts(5)[1][n] for n in range(6)]
    [1, 2, 6, 22, 90, 394]
    """
    places = most + 2
    counts = [[0] * (most + 1) for _ in range(places + most + 1)]
    for e in range(len(counts)):
        counts[e][0] = 1
    for n in range(1, most + 1):
        for e in range(1, places + most - n):
            counts[e][n] = counts[e - 1][n]
            counts[e][n] += unary * counts[e][n - 1] + binary * counts[e + 1][n - 1]
    return tuple(map(tuple, counts))


@functools.cache
def _next_table(most: int, unary: bool, binary: bool) -> Float[np.ndarray, "e n choice"]:
    """Cumulative probabilities of (places skipped, arity - 1), in that order, flattened."""
    counts = tree_counts(most, unary, binary)
    table = np.ones((most + 2, most + 1, 2 * (most + 1)))
    for e in range(1, most + 2):
        for n in range(1, most + 1):
            ways = np.zeros((most + 1, 2))
            for skipped in range(min(e, most + 1)):
                ways[skipped, 0] = unary * counts[e - skipped][n - 1]
                ways[skipped, 1] = binary * counts[e - skipped + 1][n - 1]
            total = ways.sum()
            if total:
                table[e, n] = np.cumsum(ways.ravel() / total)
    return table


def sample_trees(
    rng: np.random.Generator, prior: Prior, count: int
) -> tuple[list[list[str]], list[int]]:
    """Prefix tokens of random trees, whose leaves are variables.

    Args:
      rng: numpy's generator.
      prior: of operators, sizes and variables.
      count: number of trees.

    Returns:
      tokens of the trees, and the number of columns of the table that belongs to each.

    >>> trees, columns = sample_trees(np.random.default_rng(0), Prior(), 2)
    >>> [" ".join(tree) for tree in trees], columns
    (['add x_1 sqrt cos add div x_2 x_3 x_2', 'tan sub x_1 exp tan x_1'], [3, 1])
    """
    names = {arity: prior.operators(arity) for arity in (1, 2)}
    table = _next_table(prior.most, bool(names[1][0]), bool(names[2][0]))
    width = 2 * prior.most + 1
    code = np.zeros((count, width), np.int64)  # 0 is a leaf
    left = rng.integers(prior.fewest, prior.most + 1, count)
    open_places, leaves = np.ones(count, np.int64), np.ones(count, np.int64)
    place, rows = np.zeros(count, np.int64), np.arange(count)
    alphabet = ["", *names[1][0], *names[2][0]]
    for _ in range(prior.most):
        growing = left > 0
        choice = (table[open_places, left] < rng.random(count)[:, None]).sum(1)
        skipped, binary = np.divmod(choice, 2)
        drawn = np.where(
            binary,
            1 + len(names[1][0]) + _draw(rng, names[2][1], count),
            1 + _draw(rng, names[1][1], count),
        )
        place = np.where(growing, place + skipped, place)
        code[rows[growing], place[growing]] = drawn[growing]
        place += growing
        open_places += growing * (binary - skipped)
        leaves += growing * binary
        left -= growing
    length = (code > 0).sum(1) + leaves
    labels, columns = _label_leaves(rng, prior, count, leaves)
    is_leaf = (code == 0) & (np.arange(width) < length[:, None])
    numbered = np.take_along_axis(labels, np.maximum(np.cumsum(is_leaf, 1) - 1, 0), 1)
    code = np.where(is_leaf, len(alphabet) + numbered, code)
    alphabet += [f"x_{i + 1}" for i in range(prior.variables)]
    words = np.array(alphabet, object)[code].tolist()
    return [row[:n] for row, n in zip(words, length.tolist(), strict=True)], columns.tolist()


def _draw(rng: np.random.Generator, probabilities: list[float], count: int) -> np.ndarray:
    edges = np.cumsum(probabilities)[:-1]
    return np.searchsorted(edges, rng.random(count), side="right")


def _label_leaves(
    rng: np.random.Generator, prior: Prior, count: int, leaves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the variables of the leaves, new ones in order, and the number of columns."""
    most = prior.most + 1
    labels = np.zeros((count, most), np.int64)
    used = np.zeros(count, np.int64)
    for leaf in range(most):
        label = rng.integers(0, np.minimum(used + 1, prior.variables))
        labels[:, leaf] = label
        used = np.where(leaf < leaves, np.maximum(used, label + 1), used)
    if not prior.shuffled:
        return labels, used
    columns = rng.integers(used, prior.variables + 1)
    keys = rng.random((count, prior.variables))
    keys[np.arange(prior.variables) >= columns[:, None]] = 2.0
    return np.take_along_axis(np.argsort(keys, 1), labels, 1), columns
