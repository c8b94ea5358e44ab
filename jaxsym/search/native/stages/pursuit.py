"""Orthogonal matching pursuit: few of many columns, a combination of which explains a target.

From a set of columns, one matrix product finds those that reduce the residual most after projection
on what the set already explains (Pati, Rezaiifar and Krishnaprasad 1993; Chen, Billings and Luo
1989). A beam follows several sets at once and exchanges their members; a beam of one is a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxsym.expr import Expression, constant, variable
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import SAME, SPANNED_SINGLE

if TYPE_CHECKING:
    from jaxsym.search.native.library import Library  # which selects monomials by pursuit

Chosen: TypeAlias = tuple[int, ...]

_BRANCHES = 8  # extensions of each set; float32 ranks them, float64 decides
_LIMITS = (256, 2048, 1 << 30)  # entries, simplest first


class Columns:
    """Centered columns of unit length: an offset is always allowed.

    Args:
      values: `[M, n]` rows are the columns of the design.
      weights: `[n]` with sum 1.
      usable: `[M]` which may be chosen; those that are constant never are.
      groups: `[M]` of each group at most one column is chosen; by default each is its own.
    """

    def __init__(
        self,
        values: Float[np.ndarray, "M n"],
        weights: Float[np.ndarray, " n"],
        usable: Bool[np.ndarray, " M"] | None = None,
        groups: Int[np.ndarray, " M"] | None = None,
    ):
        size = np.abs(values).max(1, keepdims=True)
        values = values / np.where(size > 0, size, 1.0)  # whose squares are finite
        self.root = np.sqrt(weights)
        self.weights = weights
        self.groups = np.arange(len(values)) if groups is None else groups
        deviation = (values - (values @ weights)[:, None]) * self.root
        size = np.sqrt((deviation**2).sum(1))
        largest = np.sqrt((values**2 * weights).sum(1))
        varying = size > SAME * largest
        self.entries = np.flatnonzero(varying if usable is None else usable & varying)
        self.unit = np.zeros_like(deviation)
        self.unit[self.entries] = deviation[self.entries] / size[self.entries, None]
        self.rough = self.unit[self.entries].astype(np.float32)  # enough to rank extensions


class Pursuit:
    """Sets of columns that explain a target.

    Args:
      columns: to choose from.
      target: `[n]`.

    >>> X = np.random.default_rng(0).normal(size=(5, 50))
    >>> pursuit = Pursuit(Columns(X, np.full(50, 0.02)), 3 * X[2] - X[4] + 7)
    >>> pursuit.path(2)
    [2, 4]
    """

    def __init__(self, columns: Columns, target: Float[np.ndarray, " n"]):
        self.columns = columns
        self.target = columns.root * (target - columns.weights @ target)

    def gains(self, chosen: Chosen) -> Float[np.ndarray, " M"]:
        """Share of what a set leaves that each usable column explains besides; 0 for its groups."""
        columns = self.columns
        basis, residual = self._project(chosen)
        scale = np.linalg.norm(residual) or 1.0
        overlap = columns.rough @ np.vstack([basis, residual / scale]).T.astype(np.float32)
        rest = 1 - (overlap[:, :-1] ** 2).sum(1)
        gain = overlap[:, -1] ** 2 / np.where(rest > SPANNED_SINGLE, rest, np.inf)
        gain[np.isin(columns.groups[columns.entries], columns.groups[list(chosen)])] = 0
        return gain

    def extensions(self, chosen: Chosen, count: int) -> list[Chosen]:
        """The set with each of the `count` columns that help it most."""
        gains = self.gains(chosen)
        best = np.argsort(-gains)[:count]
        entries = self.columns.entries[best[gains[best] > 0]]
        return [tuple(sorted((*chosen, entry))) for entry in entries.tolist()]

    def best(self, sets: list[Chosen], count: int) -> list[Chosen]:
        """The `count` best of some sets, each once."""
        distinct = list(dict.fromkeys(sets))
        left = [self.left(chosen) for chosen in distinct]
        return [distinct[i] for i in np.argsort(left, kind="stable")[:count]]

    def left(self, chosen: Chosen) -> float:
        """Weighted squared error of the best combination of a set."""
        return float(np.sum(self._project(chosen)[1] ** 2))

    def path(self, count: int, enough: float = 0.0) -> list[int]:
        """Columns in the order in which they join, each time the one that leaves least.

        Args:
          count: columns, at most.
          enough: share of the target's square that need not be explained.
        """
        found: list[int] = []
        square = float(self.target @ self.target)
        while len(found) < count and self.left(tuple(found)) > enough * square:
            best = self.best(self.extensions(tuple(found), _BRANCHES), 1)
            if not best:
                break
            found += set(best[0]) - set(found)
        return found

    def grow(
        self, starts: Sequence[Chosen], terms: int, beams: int, stop: Callable[[], bool]
    ) -> list[Chosen]:
        """Sets of 2 to `terms` columns, each size by quality.

        Args:
          starts: pairs to begin with, besides the best that the pursuit finds.
          terms: columns of a set, at most.
          beams: sets that are kept of each size.
          stop: whether time is over.
        """
        found: list[Chosen] = []
        current = self.extensions((), beams)
        for size in range(2, terms + 1):
            if stop():
                break
            grown = [s for chosen in current for s in self.extensions(chosen, _BRANCHES)]
            current = self.best(grown + (list(starts) if size == 2 else []), beams)
            exchanged = [
                s
                for chosen in current[: beams // 4]
                for place in range(size)
                for s in self.extensions(chosen[:place] + chosen[place + 1 :], 2)
            ]
            current = self.best(current + exchanged, beams)
            found += current
        return found

    def _project(self, chosen: Chosen) -> tuple[Float[np.ndarray, "k n"], np.ndarray]:
        """An orthonormal basis of a set's columns, and what it leaves of the target."""
        basis = np.linalg.qr(self.columns.unit[list(chosen)].T)[0].T
        residual = self.target - basis.T @ (basis @ self.target)
        return basis, residual - basis.T @ (basis @ residual)


def sparse_sums(
    library: Library,
    problem: Problem,
    starts: list[Chosen],
    *,
    terms: int = 4,
    beams: int = 48,
    stop: Callable[[], bool] = lambda: False,
) -> list[Chosen]:
    """Sets of 2 to `terms` entries whose combinations explain the target best.

    The simplest entries are tried by themselves first, then more and more of them: among many
    entries there are strange ones that explain a little more than the first true one does.

    Args:
      library: M entries; those that are sums themselves are not used.
      problem: the target, on the rows that the library was built on.
      starts: pairs of entries to begin with, besides the best that the pursuit finds.
      terms: entries of a set, at most.
      beams: sets that are kept of each size.
      stop: whether time is over; what is found until then is returned.

    Returns:
      sets of numbers of entries, each size by quality.
    """
    order = np.argsort(library.complexity, kind="stable")
    order = order[~library.sums[order]]
    found: dict[Chosen, None] = {}
    for limit in _LIMITS:
        usable = np.zeros(len(library), bool)
        usable[order[:limit]] = True
        pursuit = Pursuit(Columns(library.values, problem.weights, usable), problem.y)
        given = [start for start in starts if np.all(usable[list(start)])]
        found |= dict.fromkeys(pursuit.grow(given, terms, beams, stop))
        if limit >= len(order) or stop():
            break
    return list(found)


def linear_sums(problem: Problem) -> Iterator[Expression]:
    """The best sums of one column of the table, two, and so on, with and without an offset.

    This is what anyone would try first, and all that some tables hold.

    >>> from jaxsym.search import DEFAULT_OPERATORS
    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> y = 2 * X[:, 2] + X[:, 0] - 1
    >>> (problem,) = make_problems(
    ...     X, y[:, None], None, variables="abc", operators=DEFAULT_OPERATORS, max_complexity=20
    ... )
    >>> min(linear_sums(problem), key=problem.loss).variables
    ('c', 'a')
    """
    max_terms = (problem.max_complexity + 1) // 2
    order = Pursuit(Columns(problem.X.T, problem.weights), problem.y).path(max_terms)
    for size in range(1, len(order) + 1):
        columns = problem.X[:, order[:size]]
        for features in (columns, np.column_stack([columns, np.ones(len(problem.y))])):
            coefficients, loss = linear_fit(problem, features)
            if np.isfinite(loss):
                yield _sum(problem, order[:size], coefficients)


def _sum(problem: Problem, chosen: list[int], coefficients: np.ndarray) -> Expression:
    terms = [
        constant(float(c)) * variable(problem.variables[column])
        for c, column in zip(coefficients, chosen, strict=False)
    ]
    terms += [constant(float(c)) for c in coefficients[len(chosen) :]]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
