"""Stage: two exponentials of a simple entry, with any rates, times another simple entry.

`y = M (a exp(p G) + b exp(q G) + c)`; of a logarithm they are powers. Sums of decays are alike to
the eye (Prony 1795), so that one is found only when both rates are near: on a grid, all pairs are
tried for every G and M, and the rates of the best are fitted with the three factors projected out
(Golub and Pereyra 1973).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from jaxsym.search.formulas import Formula
from jaxsym.search.holes import Filler
from jaxsym.search.problem import Problem
from jaxsym.search.quotients import Quotients, quotients, unlike
from jaxsym.search.ranking import least

_ENTRIES, _TIMES = 48, 16  # simple entries G, and M
_GRID = np.geomspace(0.25, 80.0, 28)  # rates over the range of G
_RATES = np.concatenate([-_GRID[::-1], _GRID])
_KEPT = 48  # pairs of G and M whose rates are fitted, and
_TOLD = 16  # of these that are told
_COST = 0.02  # logarithms of the share left that a node is worth
_APART = 1e-9  # share of the square by which two exponentials must differ
_SAME = 1e-9  # relative difference of numbers that is rounding
_ROUNDING = 1e-22  # share of the square that is nothing
# What the sum is made of, the shortest formula first: either exponential, offset.
_FORMS = ((0,), (1,), (0, 2), (1, 2), (0, 1), (0, 1, 2))


def exponentials(problem: Problem, filler: Filler, stop: Callable[[], bool]) -> Iterator[Formula]:
    """The formulas of the sums that explain most, fitted.

    Args:
      problem: the target, on the rows of the library.
      filler: the library.
      stop: whether time is over.
    """
    if not {"exp", "log", "pow"} <= set(problem.operators):
        return
    library = filler.library
    order = np.argsort(library.complexity, kind="stable")
    inner = unlike(library.values, order[: 4 * _ENTRIES].tolist())[:_ENTRIES]
    targets = quotients(problem, filler, order[:_TIMES].tolist())
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
        parts = _parts(unit[g], rates, targets, m)
        shift = rates / range_[g]
        part = _written(filler.formula(inner[g]), shift, low[g], parts, rates)
        outer = filler.formula(targets.entries[m])
        yield part if outer == ("1",) else ("mul", *outer, *part)


def _columns(unit: Float[np.ndarray, " n"], rates: np.ndarray) -> Float[np.ndarray, "R n"]:
    """Exponentials of at most 1."""
    rates = rates[:, None]
    return np.exp(rates * unit - np.maximum(rates, 0.0))


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


def _solve(
    unit: np.ndarray, rates: np.ndarray, targets: Quotients, m: int, form: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Factors of a form, and what they leave, weighted."""
    root = np.sqrt(targets.weights[m])
    columns = [*_columns(unit, rates), np.ones_like(unit)]
    design = root[:, None] * np.stack([columns[i] for i in form], axis=1)
    found = np.linalg.lstsq(design, root * targets.desired[m], rcond=None)[0]
    return found, design @ found - root * targets.desired[m]


def _fitted_rates(
    unit: np.ndarray, start: np.ndarray, targets: Quotients, m: int
) -> tuple[np.ndarray, float]:
    """The rates, and the share left."""
    rates = lambda logs: np.sign(start) * np.exp(np.clip(logs, -5.0, 6.0))  # noqa: E731
    left = lambda logs: _solve(unit, rates(logs), targets, m, (0, 1, 2))[1]  # noqa: E731
    fit = least_squares(left, np.log(np.abs(start)), method="lm", max_nfev=100)
    centered = targets.desired[m] - targets.weights[m] @ targets.desired[m]
    return rates(fit.x), 2 * fit.cost / float(targets.weights[m] @ centered**2)


def _parts(unit: np.ndarray, rates: np.ndarray, targets: Quotients, m: int) -> dict[int, float]:
    """Factors of the shortest form that fits as well as the longest, by place in it."""
    desired, weights = targets.desired[m], targets.weights[m]
    slack = _ROUNDING * float(weights @ desired**2)
    fits = {form: _solve(unit, rates, targets, m, form) for form in _FORMS}
    losses = {form: float(left @ left) for form, (_, left) in fits.items()}
    enough = losses[_FORMS[-1]] * (1 + 6 / len(unit)) + slack
    form = next(form for form in _FORMS if losses[form] <= enough)
    return dict(zip(form, fits[form][0].tolist(), strict=True))


def _written(
    inner: Formula, shift: np.ndarray, low: float, parts: dict[int, float], rates: np.ndarray
) -> Formula:
    """The sum as a formula of the entry itself, in place of its share of the range."""
    terms: list[Formula] = []
    for place in (0, 1):
        if place in parts:
            rate = float(shift[place])
            lift = math.exp(min(-rate * low - max(rates[place], 0.0), 700.0))
            size = parts[place] * lift
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
