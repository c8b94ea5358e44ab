"""Stages: two sinusoids or exponentials of a simple entry, times another simple entry.

`y = M (a u(G) + b v(G) + c)` with u and v the cosine and sine of `k G`, or `exp(p G)` and
`exp(q G)`; of a logarithm G the latter are powers. Such functions correlate with nothing until
their rates are nearly right, so that for every G and M all rates of a grid are tried: for sinusoids
this is the periodogram of unevenly spaced data (Lomb 1976; Scargle 1982), for exponentials every
pair of rates, since sums of decays are alike to the eye (Prony 1795). The rates of the best are
fitted by variable projection, in which the three factors are solved for (Golub and Pereyra 1973).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula, to_expression, to_formula
from jaxsym.search.front.refit import fitted, has_few_constants
from jaxsym.search.native.library import Library, build_library
from jaxsym.search.native.linear import as_short, two_regressors
from jaxsym.search.native.ranking import smallest
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import (
    NODE,
    ROUNDING,
    SAME,
    SHARE_SINGLE,
    SPANNED,
    SPANNED_SINGLE,
    TINY,
)

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

Stop: TypeAlias = Callable[[], bool]

_TIMES = 20  # simple entries M
_SIMPLE = 24  # entries for each variable of the search before there is a library
_SIMPLE_COMPLEXITY = 3  # of these: powers, sums with 1, functions
_RETURNED = 16  # formulas returned, of those that are fitted
_STEP = 1.0  # radians between wave numbers, over the range of G: a peak is about 2 pi wide
_ROWS = 8  # rows in a period of the fastest sinusoid: with fewer, noise passes for one
_GRID = np.geomspace(0.25, 80.0, 28)  # rates over the range of G, a quarter apart
_RATES = np.concatenate([-_GRID[::-1], _GRID])
# What a sum of two functions and an offset is made of, the shortest formula first.
_FORMS = ((0,), (1,), (0, 2), (1, 2), (0, 1), (0, 1, 2))


class Entries(Protocol):
    """A library and the formulas of its entries."""

    library: Library

    def formula(self, entry: int) -> Formula:
        """One entry's tokens."""
        ...


class SimpleEntries:
    """The simplest entries alone, in milliseconds: most waves and decays are of a variable."""

    def __init__(self, sample: Problem):
        size = _SIMPLE * len(sample.variables)
        self.library = build_library(
            sample, sample.y[None], size=size, max_complexity=_SIMPLE_COMPLEXITY
        )

    def formula(self, entry: int) -> Formula:
        """One entry's tokens."""
        return to_formula(self.library.expression(entry))


class Quotients(NamedTuple):
    """`y / M` for T entries M: what the rest of a product would have to be.

    Attributes:
      entries: numbers of the M in the library.
      values: `[T, n]` quotients.
      weights: `[T, n]` of their errors, which sum to 1.
    """

    entries: list[int]
    values: Float[np.ndarray, "T n"]
    weights: Float[np.ndarray, "T n"]

    def standard(self) -> Float[np.ndarray, "T n"]:
        """The quotients with mean 0 and variance 1."""
        mean = np.sum(self.weights * self.values, axis=1, keepdims=True)
        centered = self.values - mean
        return centered / np.sqrt(np.sum(self.weights * centered**2, axis=1, keepdims=True))


def quotients(problem: Problem, library: Library, entries: list[int]) -> Quotients:
    """Those of the entries that are nowhere zero and leave something finite to explain."""
    values = library.values
    with np.errstate(all="ignore"):
        usable = [
            entry
            for entry in entries
            if np.all(values[entry] != 0) and 0 < np.ptp(problem.y / values[entry]) < np.inf
        ]
        size = np.abs(values[usable]).max(axis=1, keepdims=True, initial=0.0)
        weights = problem.weights * (values[usable] / size) ** 2
        weights = weights / weights.sum(axis=1, keepdims=True)
        return Quotients(usable, problem.y / values[usable], weights)


def unlike(values: Float[np.ndarray, "M n"], entries: list[int]) -> list[int]:
    """Entries that are no constants, and of those that differ in factor and offset the first."""
    kept: dict[bytes, int] = {}
    for entry in entries:
        centered = values[entry] - values[entry].mean()
        size = centered[np.argmax(np.abs(centered))]
        if abs(size) > SAME * np.abs(values[entry]).max():
            kept.setdefault((np.round(centered / size, 6) + 0.0).tobytes(), entry)
    return list(kept.values())


def shortest_form(
    columns: Float[np.ndarray, "3 n"], values: Float[np.ndarray, " n"], weights: np.ndarray
) -> dict[int, float]:
    """Factors of two functions and an offset, by column, of as few as fit as well as all three.

    >>> x = np.arange(5.0)
    >>> columns = np.stack([x, x**2, np.ones(5)])
    >>> form = shortest_form(columns, 3 * x**2 - 1, np.full(5, 0.2))
    >>> {column: round(factor, 9) for column, factor in form.items()}
    {1: 3.0, 2: -1.0}
    """
    root = np.sqrt(weights)
    factors, losses = {}, {}
    for form in _FORMS:
        design = (root * columns[list(form)]).T
        factors[form] = np.linalg.lstsq(design, root * values, rcond=None)[0]
        losses[form] = float(np.sum((design @ factors[form] - root * values) ** 2))
    enough = as_short(losses[_FORMS[-1]], len(values), float(weights @ values**2))
    form = next(form for form in _FORMS if losses[form] <= enough)
    return dict(zip(form, factors[form].tolist(), strict=True))


class Family(NamedTuple):
    """Two functions u and v of an entry with rates, and an offset.

    Attributes:
      simplest: entries of the library that are looked at, and
      entries: at most as many of them G, no two of them linear in each other.
      low: what is subtracted from values of an entry before they are divided by their range.
      scan: logarithms `[G, T]` of the share of each target that the best rates of a grid leave,
        and these rates `[G, T, R]`.
      columns: `[3, n]` u, v and 1 for scaled values of an entry and rates.
      start: numbers to fit, for rates of the grid.
      rates: rates of these numbers; they keep the signs of the grid's.
      write: the formula, of an entry's formula, rates, low, range, and factors by column.
    """

    simplest: int
    entries: int
    low: Callable[[np.ndarray], np.ndarray]
    scan: Callable[[np.ndarray, Quotients, Stop], tuple[np.ndarray, np.ndarray]]
    columns: Callable[[np.ndarray, np.ndarray], np.ndarray]
    start: Callable[[np.ndarray], np.ndarray]
    rates: Callable[[np.ndarray, np.ndarray], np.ndarray]
    write: Callable[[Formula, np.ndarray, float, float, dict[int, float]], Formula]


@np.errstate(all="ignore")
def separable_formulas(
    problem: Problem, entries: Entries, family: Family, count: int, stop: Stop
) -> list[Formula]:
    """The formulas of a family that explain most, fitted.

    Args:
      problem: the target, on the rows of the library.
      entries: of the library.
      family: the functions.
      count: pairs of G and M whose rates are fitted; the grid has only ranked them.
      stop: whether time is over.
    """
    library = entries.library
    order = np.argsort(library.complexity, kind="stable").tolist()
    inner = unlike(library.values, order[: family.simplest])[: family.entries]
    targets = quotients(problem, library, order[:_TIMES])
    if not inner or not targets.entries:
        return []
    low, range_ = family.low(library.values[inner]), np.ptp(library.values[inner], axis=1)
    scaled = (library.values[inner] - low[:, None]) / range_[:, None]
    left, starts = family.scan(scaled, targets, stop)
    costs = library.complexity[inner][:, None] + library.complexity[targets.entries]
    fits = []
    for place in smallest((left + NODE * costs).reshape(1, -1), count)[0].tolist():
        g, m = divmod(place, len(targets.entries))
        if stop() or not np.isfinite(left[g, m]):
            break
        rates, loss = _fitted_rates(family, scaled[g], starts[g, m], targets, m)
        fits.append((math.log(loss + ROUNDING) + NODE * costs[g, m], g, m, rates))
    formulas = []
    for _, g, m, rates in sorted(fits, key=lambda fit: fit[0])[:_RETURNED]:
        columns = family.columns(scaled[g], rates)
        factors = shortest_form(columns, targets.values[m], targets.weights[m])
        own = entries.formula(inner[g])
        part = family.write(own, rates, float(low[g]), float(range_[g]), factors)
        outer = entries.formula(targets.entries[m])
        if all(math.isfinite(token) for token in part if not isinstance(token, str)):
            formulas.append(part if outer == ("1",) else ("mul", *outer, *part))
    return formulas


def _fitted_rates(
    family: Family, scaled: np.ndarray, start: np.ndarray, targets: Quotients, m: int
) -> tuple[np.ndarray, float]:
    """The rates, and the share of the variance that they leave."""
    root, values = np.sqrt(targets.weights[m]), targets.values[m]

    def left(numbers: np.ndarray) -> np.ndarray:
        design = (root * family.columns(scaled, family.rates(numbers, start))).T
        factors = np.linalg.lstsq(design, root * values, rcond=None)[0]
        return design @ factors - root * values

    fit = least_squares(left, family.start(start), method="lm", max_nfev=100)
    square = float(targets.weights[m] @ (values - targets.weights[m] @ values) ** 2)
    return family.rates(fit.x, start), 2 * fit.cost / square if square > 0 else 1.0


def _periodogram(
    scaled: Float[np.ndarray, "G n"], targets: Quotients, stop: Stop
) -> tuple[Float[np.ndarray, "G T"], Float[np.ndarray, "G T 1"]]:
    """The best wave numbers, by phases that turn step by step."""
    turns = _STEP * scaled
    count, rows = turns.shape
    weights = targets.weights.T.astype(np.float32)
    both = np.concatenate([weights, weights * targets.standard().T.astype(np.float32)], axis=1)
    turn_cosine, turn_sine = np.cos(turns, dtype=np.float32), np.sin(turns, dtype=np.float32)
    phase = np.concatenate([np.ones_like(turn_cosine), np.zeros_like(turn_sine)])
    best, at = np.zeros((count, weights.shape[1])), np.ones((count, weights.shape[1]))
    for step in range(1, max(2, int(2 * math.pi * rows / _ROWS / _STEP))):
        if stop():
            break
        cosine, sine = phase[:count], phase[count:]
        phase = np.concatenate(
            [cosine * turn_cosine - sine * turn_sine, cosine * turn_sine + sine * turn_cosine]
        )
        cosine, sine = phase[:count], phase[count:]
        means, with_target = np.split(phase @ both, 2, axis=1)
        squares = (cosine * cosine) @ weights
        of_cosine = np.sqrt(np.maximum(squares - means[:count] ** 2, SPANNED_SINGLE))
        of_sine = np.sqrt(np.maximum(1 - squares - means[count:] ** 2, SPANNED_SINGLE))
        mixed = (cosine * sine) @ weights - means[:count] * means[count:]
        share = two_regressors(
            with_target[:count] / of_cosine,
            with_target[count:] / of_sine,
            mixed / (of_cosine * of_sine),
            min_rest=SPANNED_SINGLE,
        )
        at = np.where(share > best, step, at)
        best = np.maximum(best, share)
    return np.log(np.maximum(1 - best, SHARE_SINGLE)), _STEP * at[:, :, None]


def _waves(scaled: np.ndarray, number: np.ndarray) -> Float[np.ndarray, "3 n"]:
    """Cosine, sine, offset."""
    phase = number[0] * scaled
    return np.stack([np.cos(phase), np.sin(phase), np.ones_like(phase)])


def _sinusoid(
    inner: Formula, number: np.ndarray, _: float, range_: float, factors: dict[int, float]
) -> Formula:
    """One cosine with a phase where both functions are needed."""
    own = float(number[0]) / range_
    argument: Formula = inner if _is_one(own) else ("mul", own, *inner)
    if 0 in factors and 1 in factors:
        argument = ("add", -math.atan2(factors[1], factors[0]), *argument)
        size, function = math.hypot(factors[0], factors[1]), "cos"
    else:
        size, function = (factors[0], "cos") if 0 in factors else (factors.get(1, 0.0), "sin")
    wave: Formula = (function, *argument)
    if not _is_one(size):
        wave = ("mul", size, *wave)
    return ("add", factors[2], *wave) if 2 in factors else wave


def _all_pairs(
    scaled: Float[np.ndarray, "G n"], targets: Quotients, stop: Stop
) -> tuple[Float[np.ndarray, "G T"], Float[np.ndarray, "G T 2"]]:
    """The best pairs of rates of the grid."""
    first, second = np.triu_indices(len(_RATES), 1)
    left = np.full((len(scaled), len(targets.entries)), np.inf)
    best = np.zeros((*left.shape, 2))
    with_target = targets.weights * targets.standard()
    for g, values in enumerate(scaled):
        if stop():
            break
        columns = _exponentials(values, _RATES)[:-1]
        for m, weights in enumerate(targets.weights):
            centered = columns - (columns @ weights)[:, None]
            square = (centered * weights) @ centered.T
            size = np.sqrt(np.maximum(np.diag(square), TINY))
            along = (centered @ with_target[m]) / size
            overlap = square[first, second] / (size[first] * size[second])
            share = two_regressors(along[first], along[second], overlap, min_rest=SPANNED)
            place = int(np.argmax(share))
            left[g, m] = math.log(max(1.0 - share[place], SPANNED))
            best[g, m] = _RATES[first[place]], _RATES[second[place]]
    return left, best


def _exponentials(scaled: np.ndarray, rates: np.ndarray) -> Float[np.ndarray, "R+1 n"]:
    """Exponentials of at most 1, and an offset."""
    exponents = rates[:, None] * scaled - np.maximum(rates[:, None], 0.0)
    return np.concatenate([np.exp(exponents), np.ones((1, len(scaled)))])


def _sum_of_exponentials(
    inner: Formula, rates: np.ndarray, low: float, range_: float, factors: dict[int, float]
) -> Formula:
    """The sum as a formula of the entry itself; the powers of a logarithm's argument."""
    terms: list[Formula] = []
    for place, scaled in enumerate(rates.tolist()):
        if place in factors:
            rate = scaled / range_
            lift = -rate * low - max(scaled, 0.0)
            size = factors[place] * math.exp(min(lift, 700.0))
            if inner[0] == "log":
                term: Formula = ("pow", *inner[1:], rate)
            else:
                term = ("exp", *inner) if _is_one(rate) else ("exp", "mul", rate, *inner)
            terms.append(term if _is_one(size) else ("mul", size, *term))
    if 2 in factors:
        terms.append((factors[2],))
    whole = terms[0]
    for term in terms[1:]:
        whole = ("add", *term, *whole)
    return whole


def _is_one(number: float) -> bool:
    return abs(number - 1) < SAME


SINUSOIDS = Family(
    simplest=800,  # the periodogram of all is one matrix product for each wave number
    entries=800,
    low=lambda values: np.zeros(len(values)),  # a phase takes it in
    scan=_periodogram,
    columns=_waves,
    start=lambda number: number,
    rates=lambda number, _: number,
    write=_sinusoid,
)
EXPONENTIALS = Family(
    simplest=192,
    entries=48,  # each has all pairs of rates for every M
    low=lambda values: values.min(axis=1),  # so that none overflows
    scan=_all_pairs,
    columns=_exponentials,
    start=lambda rates: np.log(np.abs(rates)),
    rates=lambda logs, start: np.sign(start) * np.exp(np.clip(logs, -5.0, 6.0)),
    write=_sum_of_exponentials,
)


def sinusoids(state: SearchState) -> Iterator[Expression]:
    """Stage: a sinusoid of a simple entry, times another one."""
    return _fitted(state, SINUSOIDS)


def exponentials(state: SearchState) -> Iterator[Expression]:
    """Stage: two exponentials or powers of a simple entry, times another one."""
    return _fitted(state, EXPONENTIALS)


def simple_sinusoids(state: SearchState) -> Iterator[Expression]:
    """Stage: sinusoids of the simplest entries, before there is a library."""
    return _simple(state, SINUSOIDS)


def simple_exponentials(state: SearchState) -> Iterator[Expression]:
    """Stage: two exponentials or powers of the simplest entries."""
    return _simple(state, EXPONENTIALS)


def _simple(state: SearchState, family: Family) -> Iterator[Expression]:
    sample, count = state.sample, state.budget.rates
    found = separable_formulas(sample, SimpleEntries(sample), family, count, state.stop)
    forms = [to_expression(formula, sample.table).canonical() for formula in found]
    yield from forms
    yield from fitted(filter(has_few_constants, forms), sample)


def _fitted(state: SearchState, family: Family) -> Iterator[Expression]:
    count = state.budget.rates
    found = separable_formulas(state.sample, state.semantics, family, count, state.stop)
    state.evolution.seed(found)
    yield from state.evolution.fitted(state.budget.fitted)
