"""Fewer variables where the data show that some only matter together, or as a factor.

`y = f(x1 - x2, ...)`, `y = x1**q f(...)`, `y = x1**q f(x1/x2, ...)`, `y = x1 + f(...)` are found by
the data: polynomials in all variables, and in fewer of them, are compared by the error that they
leave on rows left out (Allen's PRESS, 1974). What is true leaves far less at the same number of
coefficients (compare Udrescu et al. 2020, arXiv:2006.10782, who test symmetries by a network).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._indices import exponents_up_to
from jaxsym.expr import Expression, variable
from jaxsym.search.native.monomials import product
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.base import Reparametrization
from jaxsym.search.tolerances import TINY

_ROWS = 320  # that polynomials are fitted to
_MANY = 5  # variables from which on half as many must do
_LEAST_ROWS = 40
_SHARE = 0.3  # coefficients per row
_BETTER = 0.15  # share of the error that fewer variables must not exceed
_BETTER_IN_NOISE = 0.8  # the same where the error may be mostly noise, so that it cannot fall
_CLEAR = 1e-5  # error that is not
_TINY = 1e-11  # error, as a share of the variance, that needs no comparison
_MOST = 0.3  # error with which nothing is certain
_DEGREE = 30
_POWERS = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # of factors that are tried where signs are mixed
_SIMPLE = 0.02  # difference of a fitted exponent from a simple one


class _Outside(NamedTuple):
    """A variable outside of the unknown function: `x**power` as a factor, or `power * x` as a term.

    Attributes:
      name: of the variable.
      power: its power, or its coefficient; nan if it is to be fitted.
      factor: whether it is a factor.
    """

    name: str
    power: float
    factor: bool

    def expression(self) -> Expression:
        """What it is."""
        if self.factor:
            return product([(variable(self.name), self.power)])
        ratio = Fraction(self.power).limit_denominator(4)
        return variable(self.name) if ratio == 1 else ratio * variable(self.name)

    def removed(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """A target without it."""
        return y / x**self.power if self.factor else y - self.power * x


@dataclass(frozen=True)
class Reduction(Reparametrization):
    """Fewer variables: the target is y divided by a product of powers, or y minus a sum.

    Attributes:
      columns: what each column is, by its name; those that are kept are variables.
      outside: what is divided by and subtracted, in that order.
      error: share of the variance that a polynomial leaves.
    """

    columns: Mapping[str, Expression]
    outside: tuple[_Outside, ...]
    error: float

    def forward(self, problem: Problem) -> Problem:
        """The problem in fewer variables; nothing limits the expressions for it."""
        y, weights = problem.y, problem.weights
        with np.errstate(all="ignore"):
            columns = [e.evaluate(problem.X, problem.variables) for e in self.columns.values()]
            for outside in self.outside:
                x = problem.X[:, problem.variables.index(outside.name)]
                y = outside.removed(y, x)
                if outside.factor:  # errors of y count, not those of y divided by something
                    weights = weights * x ** (2 * outside.power)
        return problem.derived(
            weights,
            X=np.stack(columns, axis=1),
            y=y,
            variables=tuple(self.columns),
            constraints=Constraints(),
        )

    def back(self, expression: Expression) -> Expression:
        whole = expression.substitute(self.columns)
        for outside in reversed(self.outside):
            other = outside.expression()
            whole = other * whole if outside.factor else other + whole
        return whole


def reductions(
    problem: Problem, rng: np.random.Generator, stop: Callable[[], bool] = lambda: False
) -> list[Reduction]:
    """Ways to write a problem in fewer variables, the most certain first; empty if all are needed.

    Args:
      problem: a table.
      rng: chooses the rows that are looked at.
      stop: whether time is over.
    """
    if problem.samples < _LEAST_ROWS:
        return []
    sample = problem.sample(rng, _ROWS if problem.X.shape[1] <= _MANY else _ROWS // 2)
    searches = [_Greedy(sample, stop, logarithmic=False)]
    if np.all(sample.y > 0) or np.all(sample.y < 0):
        searches.append(_Greedy(sample, stop, logarithmic=True))
    with np.errstate(all="ignore"):
        found = [reduction for s in searches if (reduction := s.run()) is not None]
    distinct = {(tuple(r.columns), frozenset(r.outside)): r for r in found}
    return sorted(distinct.values(), key=lambda r: (len(r.columns), r.error))


def unexplained(problem: Problem, rng: np.random.Generator) -> float:
    """Share of the variance that a polynomial in all variables leaves on rows left out.

    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.random.default_rng(0).uniform(1.0, 2.0, (200, 2))
    >>> both, one = (make_problems(X[:, :k], X.sum(1, keepdims=True), None, variables="ab"[:k],
    ...     operators={}, max_complexity=9)[0] for k in (2, 1))
    >>> unexplained(both, np.random.default_rng(0)) < 1e-20
    True
    >>> unexplained(one, np.random.default_rng(0)) > 0.1
    True
    """
    sample = problem.sample(rng, _ROWS)
    with np.errstate(all="ignore"):
        left, _ = _left_out(sample.X.T, sample.y, None)
    return left / max(_spread(sample.y), TINY)


class _Trial(NamedTuple):
    """Columns that may be enough.

    Attributes:
      columns: their values, by name.
      new: what a column that is new stands for.
      outside: what may be outside of the unknown function.
    """

    columns: Mapping[str, np.ndarray]
    new: Mapping[str, Expression]
    outside: _Outside | None


class _Greedy:
    """Drops one variable after the other, each time the one that is missed least."""

    def __init__(self, sample: Problem, stop: Callable[[], bool], *, logarithmic: bool):
        self.stop, self.logarithmic = stop, logarithmic
        self.columns = dict(zip(sample.variables, sample.X.T, strict=True))
        self.start = dict(self.columns)
        self.y = np.log(np.abs(sample.y)) if logarithmic else sample.y
        self.definitions: dict[str, Expression] = {}
        self.outside: list[_Outside] = []
        self.positive = {name for name, x in self.columns.items() if np.all(x > 0)}

    def run(self) -> Reduction | None:
        """The variables that are left; None if all are needed."""
        error = self._error(_Trial(self.columns, {}, None))[0]
        while len(self.columns) > 1:
            better = _BETTER if error < _CLEAR else _BETTER_IN_NOISE
            enough = max(better * error, _TINY)
            left = self._best_of(self._without(), enough)
            if left is None:
                left = self._best_of(self._combined(), enough)
            if left is None:
                break
            error = left
        if len(self.columns) == len(self.start) or error > _MOST:
            return None
        columns = {name: self.definitions.get(name, variable(name)) for name in self.columns}
        return Reduction(columns, tuple(self.outside), error)

    def _best_of(self, trials: Iterator[_Trial], enough: float) -> float | None:
        """Take the best of some trials and return its error, None if none is good enough."""
        found = []
        for trial in trials:
            if self.stop():
                return None
            found.append((*self._error(trial), trial))
        if not found:
            return None
        left, outside, best = min(found, key=lambda f: f[0])
        if not left < enough:
            return None
        self._take(best, outside)
        return left

    def _without(self) -> Iterator[_Trial]:
        """One variable taken outside."""
        for name in self.columns:
            rest = {other: x for other, x in self.columns.items() if other != name}
            if name in self.start and not self.logarithmic:
                yield _Trial(rest, {}, _Outside(name, math.nan, factor=False))
                powers = _POWERS if name in self.positive else _POWERS[:2]
                if np.all(self.start[name] != 0):
                    yield from (_Trial(rest, {}, _Outside(name, p, factor=True)) for p in powers)
            elif name in self.positive:
                yield _Trial(rest, {}, _Outside(name, math.nan, factor=True))

    def _combined(self) -> Iterator[_Trial]:
        """Two variables in the place of which there is one, without and with a power outside."""
        for one, other in itertools.combinations(self.columns, 2):
            rest = {n: x for n, x in self.columns.items() if n not in (one, other)}
            a, b, x, y = variable(one), variable(other), self.columns[one], self.columns[other]
            name = _unused(f"{one}_{other}", self.start)
            pairs = [(x - y, a - b), (x + y, a + b), (x * y, a * b)]
            pairs += [(x**2 + y**2, a**2 + b**2), (x**2 - y**2, a**2 - b**2)]
            if np.all(y != 0):
                pairs.append((x / y, a / b))
            for values, expression in pairs:
                trial = _Trial({**rest, name: values}, {name: expression}, None)
                yield trial
                if self.logarithmic and one in self.positive:
                    yield trial._replace(outside=_Outside(one, math.nan, factor=True))

    def _error(self, trial: _Trial) -> tuple[float, _Outside | None]:
        """Share of the variance left by a trial, and what is outside with its power fitted."""
        columns = np.stack(list(trial.columns.values()))
        outside, extra, y = trial.outside, None, self.y
        if outside is not None and math.isnan(outside.power):
            extra = self._outside_column(outside.name)
        elif outside is not None:
            y = outside.removed(y, self.start[outside.name])
        left, power = _left_out(columns, y, extra)
        if extra is not None and outside is not None:
            most = 4 if outside.factor else 2
            simple = float(Fraction(power).limit_denominator(most)) if abs(power) < 20 else 0.0
            if abs(simple - power) > _SIMPLE or simple == 0:
                return math.inf, None
            outside = outside._replace(power=simple)
        return left / max(_spread(y), TINY), outside

    def _outside_column(self, name: str) -> np.ndarray:
        x = self.start[name]
        return np.log(x) if self.logarithmic else x

    def _take(self, trial: _Trial, outside: _Outside | None) -> None:
        self.columns = dict(trial.columns)
        self.definitions |= {n: e.substitute(self.definitions) for n, e in trial.new.items()}
        if outside is not None:
            self.outside.append(outside)
            if self.logarithmic:
                self.y = self.y - outside.power * self._outside_column(outside.name)
            else:
                self.y = outside.removed(self.y, self.start[outside.name])


def _spread(y: np.ndarray) -> float:
    """Squared deviation of the middle of some values, which poles do not change."""
    return float(np.median((y - np.median(y)) ** 2))


def _unused(name: str, taken: Mapping[str, np.ndarray]) -> str:
    while name in taken:
        name += "_"
    return name


def _left_out(
    columns: Float[np.ndarray, "V n"], y: Float[np.ndarray, " n"], extra: np.ndarray | None
) -> tuple[float, float]:
    """Squared error of a polynomial on rows that were left out, and the factor of `extra`."""
    spread = np.ptp(columns, axis=1, keepdims=True)
    if not (np.all(np.isfinite(columns)) and np.all(spread > 0)):
        return math.inf, 0.0
    wide = columns.min(1, keepdims=True) * 4 < columns.max(1, keepdims=True)
    wide &= np.all(columns > 0, axis=1, keepdims=True)
    z = np.where(wide, np.log(np.where(columns > 0, columns, 1.0)), columns)
    z = 2 * (z - z.min(1, keepdims=True)) / np.ptp(z, axis=1, keepdims=True) - 1
    design = _polynomials(z, int(_SHARE * len(y)))
    if extra is not None:
        design = np.column_stack([design, extra])
    basis, triangle = np.linalg.qr(design)
    projected = basis.T @ y
    residual = y - basis @ projected
    press = residual / np.maximum(1 - (basis**2).sum(1), 1e-3)
    factor = float(projected[-1] / triangle[-1, -1]) if extra is not None else 0.0
    # the middle of the errors: where a function has a pole no polynomial helps
    return float(np.median(press**2)), factor if math.isfinite(factor) else 0.0


def _polynomials(z: np.ndarray, most: int) -> np.ndarray:
    """`[n, K]` products of Chebyshev polynomials, by total degree until there are enough."""
    variables = len(z)
    degree = 1
    while degree < _DEGREE and math.comb(variables + degree + 1, degree + 1) <= most:
        degree += 1
    powers = [np.ones_like(z), z]
    for _ in range(degree - 1):
        powers.append(2 * z * powers[-1] - powers[-2])
    table = np.stack(powers)
    columns = [
        np.prod([table[p, j] for j, p in enumerate(exponents)], axis=0)
        for exponents in exponents_up_to(variables, degree)
    ]
    return np.stack(columns, axis=1)
