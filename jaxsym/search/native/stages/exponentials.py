"""Stage: two exponentials of a simple entry, with any rates, times another simple entry.

`y = M (a exp(p G) + b exp(q G) + c)`; of a logarithm they are powers. Sums of decays are alike to
the eye (Prony 1795), so that one is found only when both rates are near: on a grid, all pairs are
tried for every G and M, and the rates of the best are fitted with the three factors projected out
(Golub and Pereyra 1973).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula
from jaxsym.search.native.ranking import least
from jaxsym.search.native.stages.quotients import Quotients, fewest_terms, quotients, unlike
from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import Problem

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_ENTRIES, _TIMES = 48, 16  # simple entries G, and M
_GRID = np.geomspace(0.25, 80.0, 28)  # rates over the range of G
_RATES = np.concatenate([-_GRID[::-1], _GRID])
_KEPT = 48  # pairs of G and M whose rates are fitted, and
_TOLD = 16  # of these that are told
_COST = 0.02  # logarithms of the share left that a node is worth
_APART = 1e-9  # share of the square by which two exponentials must differ
_SAME = 1e-9  # relative difference of numbers that is rounding
_ROUNDING = 1e-22  # share of the square that is nothing


def exponential_formulas(
    problem: Problem, semantics: SemanticSearch, stop: Callable[[], bool]
) -> Iterator[Formula]:
    """The formulas of the sums that explain most, fitted.

    Args:
      problem: the target, on the rows of the library.
      semantics: the library.
      stop: whether time is over.
    """
    if not {"exp", "log", "pow"} <= set(problem.operators):
        return
    library = semantics.library
    order = np.argsort(library.complexity, kind="stable")
    inner = unlike(library.values, order[: 4 * _ENTRIES].tolist())[:_ENTRIES]
    targets = quotients(problem, semantics, order[:_TIMES].tolist())
    if not inner or not targets.entries:
        return
    low, range_ = library.values[inner].min(axis=1), np.ptp(library.values[inner], axis=1)
    unit = (library.values[inner] - low[:, None]) / range_[:, None]
    left, pairs = _all_pairs(unit, targets, stop)
    costs = library.complexity[inner][:, None] + library.complexity[targets.entries]
    fits = []
    for place in least((left + _COST * costs).reshape(1, -1), _KEPT)[0].tolist():
        g, m = divmod(place, len(targets.entries))
        if stop() or not np.isfinite(left[g, m]):
            break
        rates, loss = _fitted_rates(unit[g], _RATES[pairs[g, m]], targets, m)
        fits.append((math.log(loss + _ROUNDING) + _COST * costs[g, m], g, m, rates))
    for _, g, m, rates in sorted(fits, key=lambda fit: fit[0])[:_TOLD]:
        columns = _columns(unit[g], rates, offset=True)
        parts = fewest_terms(columns, targets.desired[m], targets.weights[m])
        part = _written(semantics.formula(inner[g]), rates, low[g], range_[g], parts)
        outer = semantics.formula(targets.entries[m])
        if all(math.isfinite(token) for token in part if not isinstance(token, str)):
            yield part if outer == ("1",) else ("mul", *outer, *part)


def _columns(
    unit: Float[np.ndarray, " n"], rates: np.ndarray, *, offset: bool = False
) -> Float[np.ndarray, "R n"]:
    """Exponentials of at most 1, and a column of ones."""
    rates = rates[:, None]
    columns = np.exp(rates * unit - np.maximum(rates, 0.0))
    return np.concatenate([columns, np.ones((1, len(unit)))]) if offset else columns


def _all_pairs(
    unit: Float[np.ndarray, "G n"], targets: Quotients, stop: Callable[[], bool]
) -> tuple[np.ndarray, np.ndarray]:
    """`[G, T]` logarithms of the share of a target that the best pair leaves, and `[G, T, 2]`."""
    count = len(_RATES)
    first, second = np.triu_indices(count, 1)
    left = np.full((len(unit), len(targets.entries)), np.inf)
    best = np.zeros((*left.shape, 2), int)
    with_target = targets.weights * targets.standard()
    for g, values in enumerate(unit):
        if stop():
            break
        columns = _columns(values, _RATES)
        for m, weights in enumerate(targets.weights):
            mean = columns @ weights
            centered = columns - mean[:, None]
            square = (centered * weights) @ centered.T
            along, size = centered @ with_target[m], np.diag(square)
            a, b, aa, bb = along[first], along[second], size[first], size[second]
            ab = square[first, second]
            free = aa * bb - ab**2
            share = (a**2 * bb - 2 * a * b * ab + b**2 * aa) / np.where(free > 0, free, 1.0)
            share = np.where(free > _APART * aa * bb, share, 0.0)
            place = int(np.argmax(share))
            left[g, m] = math.log(max(1.0 - share[place], 1e-12))
            best[g, m] = first[place], second[place]
    return left, best


def _fitted_rates(
    unit: np.ndarray, start: np.ndarray, targets: Quotients, m: int
) -> tuple[np.ndarray, float]:
    """The rates, and the share left."""
    root = np.sqrt(targets.weights[m])
    rates = lambda logs: np.sign(start) * np.exp(np.clip(logs, -5.0, 6.0))  # noqa: E731

    def left(logs: np.ndarray) -> np.ndarray:
        design = (root * _columns(unit, rates(logs), offset=True)).T
        factors = np.linalg.lstsq(design, root * targets.desired[m], rcond=None)[0]
        return design @ factors - root * targets.desired[m]

    fit = least_squares(left, np.log(np.abs(start)), method="lm", max_nfev=100)
    centered = targets.desired[m] - targets.weights[m] @ targets.desired[m]
    square = float(targets.weights[m] @ centered**2)
    return rates(fit.x), 2 * fit.cost / square if square > 0 else 1.0


def _written(
    inner: Formula, rates: np.ndarray, low: float, range_: float, parts: dict[int, float]
) -> Formula:
    """The sum as a formula of the entry itself, in place of its share of the range."""
    terms: list[Formula] = []
    for place in (0, 1):
        if place in parts:
            rate = float(rates[place] / range_)
            lift = -rate * low - max(float(rates[place]), 0.0)
            size = parts[place] * math.exp(min(lift, 700.0))
            if inner[0] == "log":
                term: Formula = ("pow", *inner[1:], rate)
            else:
                term = ("exp", *inner) if abs(rate - 1) < _SAME else ("exp", "mul", rate, *inner)
            terms.append(term if abs(size - 1) < _SAME else ("mul", size, *term))
    if 2 in parts:
        terms.append((parts[2],))
    whole = terms[0]
    for term in terms[1:]:
        whole = ("add", *term, *whole)
    return whole


def exponentials(state: SearchState) -> Iterator[Expression]:
    """Stage: sums of two exponentials or powers, times a simple entry."""
    state.evolution.seed(exponential_formulas(state.sample, state.semantics, state.stop))
    yield from state.evolution.fitted(state.budget.fitted)
