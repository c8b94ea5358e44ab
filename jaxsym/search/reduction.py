"""Fewer variables where the data show that some only matter together, or as a factor.

`y = f(x1 - x2, ...)`, `y = x1**q f(...)`, `y = x1**q f(x1/x2, ...)`, `y = x1 + f(...)` are found by
the data: polynomials in all variables, and in fewer of them, are compared by the error that they
leave on rows left out (Allen's PRESS, 1974). What is true leaves far less at the same number of
coefficients (compare Udrescu et al. 2020, arXiv:2006.10782, who test symmetries by a network).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, variable
from jaxsym.search.monomials import product
from jaxsym.search.problem import Problem
from jaxsym.search.steering import Steering

_ROWS = 320  # that polynomials are fitted to
_SHARE = 0.3  # coefficients per row
_BETTER = 0.15  # share of the error that fewer variables must not exceed
_TINY = 1e-11  # error, as a share of the variance, that needs no comparison
_DEGREE = 10
_SIMPLE = 0.02  # difference of a fitted exponent from a simple one


@dataclass(frozen=True)
class Reduced:
    """A problem in fewer variables.

    Attributes:
      problem: its target is y divided by a product of powers, or y minus a sum.
      combined: what new columns are, by name.
      outside: the product or sum, None if there is none.
      multiplied: whether it is a product.
      error: share of the variance that a polynomial leaves.
    """

    problem: Problem
    combined: Mapping[str, Expression]
    outside: Expression | None
    multiplied: bool
    error: float

    def restored(self, expression: Expression) -> Expression:
        """An expression for the problem as one for the original table."""
        inner = expression.substitute(self.combined)
        if self.outside is None:
            return inner
        return self.outside * inner if self.multiplied else self.outside + inner


def reductions(problem: Problem, rng: np.random.Generator) -> list[Reduced]:
    """The problem in fewer variables, the most certain first; empty if all are needed.

    Args:
      problem: a table.
      rng: chooses the rows that are looked at.
    """
    sample = problem.sample(rng, _ROWS)
    searches = [_Greedy(sample, logarithmic=False)]
    if np.all(sample.y > 0) or np.all(sample.y < 0):
        searches.append(_Greedy(sample, logarithmic=True))
    with np.errstate(all="ignore"):
        found = [reduced for s in searches if (reduced := s.run(problem)) is not None]
    return sorted(found, key=lambda r: (r.problem.X.shape[1], r.error))


class _Trial(NamedTuple):
    """Columns that may be enough.

    Attributes:
      columns: their values, by name.
      new: what a column that is new stands for.
      outside: a variable that may be a factor, or a term, outside of the unknown function.
    """

    columns: Mapping[str, np.ndarray]
    new: Mapping[str, Expression]
    outside: str | None


class _Greedy:
    """Drops one variable after the other, each time the one that is missed least."""

    def __init__(self, sample: Problem, *, logarithmic: bool):
        self.logarithmic = logarithmic
        self.columns = dict(zip(sample.variables, sample.X.T, strict=True))
        self.start = dict(self.columns)
        self.y = np.log(np.abs(sample.y)) if logarithmic else sample.y
        self.variance = float(np.var(self.y))
        self.definitions: dict[str, Expression] = {}
        self.outside: dict[str, float] = {}
        self.positive = {name for name, x in self.columns.items() if np.all(x > 0)}

    def run(self, problem: Problem) -> Reduced | None:
        """The reduced problem on all rows of a problem."""
        error = self._error(_Trial(self.columns, {}, None))[0]
        while len(self.columns) > 1:
            trials = [*self._without(), *self._combined()]
            found = [self._error(trial) for trial in trials]
            best = int(np.argmin([e for e, _ in found]))
            left, power = found[best]
            if not left < max(_BETTER * error, _TINY):
                break
            error = left
            self._take(trials[best], power)
        if len(self.columns) == len(self.start):
            return None
        return self._reduced(problem, error)

    def _without(self) -> Iterator[_Trial]:
        """One variable taken outside."""
        for name in self.columns:
            if name in self.start and (not self.logarithmic or name in self.positive):
                rest = {other: x for other, x in self.columns.items() if other != name}
                yield _Trial(rest, {}, name)

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
                    yield trial._replace(outside=one)

    def _error(self, trial: _Trial) -> tuple[float, float]:
        """Share of the variance left by a trial, and the power or factor of what is outside."""
        extra = None if trial.outside is None else self._outside_column(trial.outside)
        left, power = _left_out(np.stack(list(trial.columns.values())), self.y, extra)
        if extra is not None:
            simple = float(Fraction(power).limit_denominator(4)) if abs(power) < 20 else 0.0
            if abs(simple - power) > _SIMPLE or simple == 0:
                return math.inf, 0.0
            power = simple
        return left / self.variance, power

    def _outside_column(self, name: str) -> np.ndarray:
        x = self.start[name]
        return np.log(x) if self.logarithmic else x

    def _take(self, trial: _Trial, power: float) -> None:
        self.columns = dict(trial.columns)
        self.definitions |= {n: e.substitute(self.definitions) for n, e in trial.new.items()}
        if trial.outside is not None:
            self.outside[trial.outside] = self.outside.get(trial.outside, 0.0) + power
            self.y = self.y - power * self._outside_column(trial.outside)

    def _reduced(self, problem: Problem, error: float) -> Reduced:
        combined = {name: e for name, e in self.definitions.items() if name in self.columns}
        expressions = [combined.get(name, variable(name)) for name in self.columns]
        table = np.stack([e.evaluate(problem.X, problem.variables) for e in expressions], axis=1)
        y, outside = problem.y, None
        if self.outside:
            terms = [(variable(name), power) for name, power in self.outside.items()]
            if self.logarithmic:
                outside = product(terms)
                y = y / outside.evaluate(problem.X, problem.variables)
            else:
                scaled = [_multiple(v, power) for v, power in terms]
                outside = functools.reduce(lambda a, b: a + b, scaled)
                y = y - outside.evaluate(problem.X, problem.variables)
        changed = replace(problem, X=table, y=y, variables=tuple(self.columns), steering=Steering())
        if self.logarithmic and outside is not None:  # errors of y, not of y divided by something
            weights = problem.weights * outside.evaluate(problem.X, problem.variables) ** 2
            changed = replace(changed, weights=weights / weights.sum())
        return Reduced(changed, combined, outside, self.logarithmic, error)


def _multiple(expression: Expression, factor: float) -> Expression:
    return expression if factor == 1 else Fraction(factor).limit_denominator(4) * expression


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
        for exponents in _exponents(variables, degree)
    ]
    return np.stack(columns, axis=1)


def _exponents(variables: int, degree: int) -> Iterator[tuple[int, ...]]:
    """All exponents of a total degree at most."""
    if variables == 0:
        yield ()
        return
    for first in range(degree + 1):
        for rest in _exponents(variables - 1, degree - first):
            yield (first, *rest)
