"""Stages: laws that change at a threshold of one variable, `a if x > t else b`.

For every variable and many thresholds both sides are explained by the best pair of simple library
entries. Where two such pieces leave much less than one does, the threshold is placed between two
neighboring samples and each side becomes a search of its own.

A piece of few rows at the edge of the table is found by the law of the others: what is searched
without that edge is followed outwards until it fails.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from jaxsym.expr import Expression, apply, constant, literal, variable
from jaxsym.search.native.budget import light
from jaxsym.search.native.library import Library
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.native.schedule import Schedule, follow
from jaxsym.search.native.stages.pairs import make_moments, sum_share
from jaxsym.search.native.state import SearchState
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING, SPANNED

_ENTRIES = 64  # simple entries that are paired on either side
_THRESHOLDS = 16  # tried per variable
_MIN_SHARE = 0.03  # share of the samples on the smaller side
_GAIN = 0.3  # a split must leave less than this share of what one piece leaves
_DENOMINATORS = (1, 2, 4, 5, 10)
_EDGE = 0.05  # share of the rows without which the law of the others is looked for
_LEAST_ROWS = 20  # of a table in which a piece at the edge can be told
_LEAST_AT_EDGE = 4  # rows of such a piece: a line and two that speak for it
_OFF = 6.0  # times the residual of the others that such rows are off
_LEAST_OFF = 1e-9  # of the target's deviation, where that is rounding
_MEET = 1e-3  # share of the gap between two pieces at neighboring rows that is left where they meet


class Split(NamedTuple):
    """A threshold of one variable.

    Attributes:
      column: the variable.
      low, high: neighboring samples of it between which the law changes.
    """

    column: int
    low: float
    high: float


def conditionals(
    problem: Problem,
    sample: Problem,
    library: Library,
    search: Callable[[Problem], list[Expression]],
) -> Iterator[Expression]:
    """Conditional expressions, if the data ask for them.

    Args:
      problem: the whole table.
      sample: the rows that the library was built on.
      library: entries to explain the sides by.
      search: a search for the few best expressions of one side.
    """
    split = find_split(problem, sample, library)
    if split is None:
        return
    above = problem.X[:, split.column] > split.low
    sides = [search(problem.rows(np.flatnonzero(rows))) for rows in (above, ~above)]
    for over in sides[0]:
        for under in sides[1]:
            yield from _joined(problem, split, over, under)


def find_split(problem: Problem, sample: Problem, library: Library) -> Split | None:
    """The threshold that helps most, or None if none helps much."""
    simple = np.argsort(library.complexity, kind="stable")
    entries = simple[~library.sums[simple]][:_ENTRIES]
    values = library.values[entries]
    whole = _best_pair(values, sample)
    splits = [
        (sum(_left(values, sample, side) for side in sides), column, threshold)
        for column, threshold, sides in _thresholds(sample.X)
    ]
    if not splits or min(splits)[0] >= _GAIN * whole.variance_left:
        return None
    _, column, threshold = min(splits)
    return _place(problem, sample, library, entries, column, threshold)


class _Pair(NamedTuple):
    """Two entries and the variance that `a f + b g + c` leaves."""

    f: int
    g: int
    variance_left: float


def _best_pair(values: np.ndarray, problem: Problem) -> _Pair:
    variance = problem.variance
    if variance <= ROUNDING * (problem.weights @ problem.y**2):
        return _Pair(0, 0, 0.0)
    target = problem.y - problem.weights @ problem.y
    with np.errstate(all="ignore"):  # an entry may be zero on one side
        moments = make_moments(values, problem)
        share = sum_share(moments, moments, np.sqrt(problem.weights), target, np, SPANNED)
    share = np.where(np.isfinite(share), share, 0.0)
    f, g = np.unravel_index(np.argmax(share), share.shape)
    return _Pair(int(f), int(g), variance * (1 - float(share[f, g])))


def _left(values: np.ndarray, sample: Problem, rows: np.ndarray) -> float:
    """Squared error that the best pair leaves on some rows, as a part of the whole's mean."""
    share = sample.weights[rows].sum()
    return share * _best_pair(values[:, rows], sample.rows(rows)).variance_left


def _thresholds(X: np.ndarray) -> Iterator[tuple[int, float, tuple[np.ndarray, np.ndarray]]]:
    """Columns and thresholds with the rows above and not above them."""
    min_rows = max(8, int(_MIN_SHARE * len(X)))
    for column in range(X.shape[1]):
        for threshold in np.unique(np.quantile(X[:, column], np.linspace(0, 1, _THRESHOLDS + 2))):
            above = X[:, column] > threshold
            sides = np.flatnonzero(above), np.flatnonzero(~above)
            if min(map(len, sides)) >= min_rows:
                yield column, float(threshold), sides


def _place(
    problem: Problem,
    sample: Problem,
    library: Library,
    entries: np.ndarray,
    column: int,
    threshold: float,
) -> Split:
    """Put the threshold where the pieces found on either side explain the whole table best."""
    order = np.argsort(problem.X[:, column], kind="stable")
    values = problem.X[order, column]
    low = high = threshold
    for _ in range(2):  # the first pieces are found with some samples on the wrong side
        above = sample.X[:, column] > threshold
        under, over = (
            _squared_errors(problem, sample.rows(rows), library, entries, rows)[order]
            for rows in (np.flatnonzero(~above), np.flatnonzero(above))
        )
        # what is left if the first k samples are below the threshold, k = 1 .. n - 1
        left = np.cumsum(under)[:-1] + np.cumsum(over[::-1])[::-1][1:]
        left[values[1:] == values[:-1]] = np.inf
        k = int(np.argmin(left))
        low, high = float(values[k]), float(values[k + 1])
        threshold = (low + high) / 2
    return Split(column, low, high)


def _squared_errors(
    problem: Problem, side: Problem, library: Library, entries: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Weighted squared errors on the whole table of the best pair on some rows of the sample."""
    pair = _best_pair(library.values[entries][:, rows], side)
    chosen = entries[[pair.f, pair.g]]
    features = np.column_stack([library.values[chosen][:, rows].T, np.ones(len(rows))])
    coefficients, _ = linear_fit(side, features)
    terms = [library.expression(int(entry)) for entry in chosen]
    columns = [term.evaluate(problem.X, problem.variables) for term in terms]
    fitted = np.column_stack([*columns, np.ones(len(problem.y))]) @ coefficients
    return problem.weights * (fitted - problem.y) ** 2


def edge_laws(state: SearchState, side: Schedule) -> Iterator[Expression]:
    """Stage: a law of most rows and another one of few at the edge of a variable.

    Args:
      state: of the search for the whole.
      side: the schedule of the search for either piece.
    """
    problem = state.problem
    if len(problem.y) < _LEAST_ROWS:
        return
    for column in range(problem.X.shape[1]):
        for sign in (1.0, -1.0):
            yield from _at_edge(state, side, column, sign)


def _at_edge(state: SearchState, side: Schedule, column: int, sign: float) -> Iterator[Expression]:
    """Laws that change near the low edge of a variable; near the high edge for sign -1."""
    problem = state.problem
    order = np.argsort(sign * problem.X[:, column], kind="stable")
    most = order[math.ceil(_EDGE * len(order)) :]
    found = _searched(state, side, problem.rows(most))
    for law in found[:1]:
        edge = _failing(problem, law, order, most)
        if len(edge) < _LEAST_AT_EDGE:
            return
        others = order[len(edge) :]
        few = _searched(state, side, problem.rows(edge))
        ends = problem.X[edge[-1], column], problem.X[others[0], column]
        split = Split(column, min(ends), max(ends))
        for inner in found:
            for outer in few:
                over, under = (inner, outer) if sign > 0 else (outer, inner)
                yield from _joined(problem, split, over, under)


def _failing(problem: Problem, law: Expression, order: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The rows at the beginning of an order, all of which a law of most rows is far from."""
    size = np.abs(law.evaluate(problem.X, problem.variables) - problem.y)
    usual = max(float(np.sqrt(np.mean(size[most] ** 2))), _LEAST_OFF * problem.variance**0.5)
    meets = np.flatnonzero(~(size[order] > _OFF * usual))
    return order[: meets[0]] if len(meets) else order


def _joined(
    problem: Problem, split: Split, over: Expression, under: Expression
) -> Iterator[Expression]:
    """A law above a threshold and one below it: a simple number, and where they meet if they do."""
    name = problem.variables[split.column]
    thresholds = [_simplest(split.low, split.high)]
    if {*over.variables, *under.variables} == {name}:
        thresholds += _meeting(over - under, split.low, split.high)
    for threshold in thresholds:
        yield apply("if_greater", variable(name), threshold, over, under)


def _meeting(gap: Expression, low: float, high: float) -> list[Expression]:
    """Where a function of one variable is zero between two numbers, if it crosses or touches 0."""

    def size(at: float) -> float:
        return abs(float(gap.evaluate(np.array([[at]]))[0]))

    found = minimize_scalar(size, bounds=(low, high), method="bounded", options={"xatol": 0.0})
    return [constant(found.x)] if found.fun < _MEET * max(size(low), size(high)) else []


def _searched(state: SearchState, side: Schedule, problem: Problem) -> list[Expression]:
    """The few shortest laws of some rows."""
    part = state.of_part(problem, light(state.budget), " on one side")
    for _ in follow(side, part):
        pass
    return part.shortest()[: state.budget.side]


def _simplest(low: float, high: float) -> Expression:
    """The simplest number t with low <= t < high; their middle if none is simple."""
    for denominator in _DENOMINATORS:
        numerator = math.ceil(low * denominator)
        if numerator / denominator < high:
            ratio = Fraction(numerator, denominator)
            top = literal(ratio.numerator)
            return top if ratio.denominator == 1 else top / literal(ratio.denominator)
    return constant((low + high) / 2)


def piecewise_laws(state: SearchState, side: Schedule) -> Iterator[Expression]:
    """Stage: laws that change at a threshold, with a search for either side.

    Args:
      state: of the search for the whole.
      side: the schedule of the search for one side.
    """

    search = functools.partial(_searched, state, side)
    yield from conditionals(state.problem, state.sample, state.libraries.small, search)
