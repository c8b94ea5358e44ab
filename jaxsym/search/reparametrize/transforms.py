"""Target transforms: `h(y)` is searched as a sum, so that y is found as a function of a sum.

Squared errors of y become squared errors of z = h(y) by the delta method, with weights multiplied
by (dy/dz)**2.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from jaxsym.expr import Expression, Operator, apply, constant
from jaxsym.search.native.monomials import product
from jaxsym.search.native.polynomials import Polynomial, arrangements
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import LARGEST

Table: TypeAlias = Mapping[str, Operator]


class Transform(NamedTuple):
    """A change of target.

    Attributes:
      name: of h.
      forward: z of y.
      slope: dy/dz of y.
      operators: what y is of z, the innermost first.
      signed: whether h applies to y of any sign; others apply to |y| where y keeps its sign.
    """

    name: str
    forward: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    operators: tuple[str, ...]
    signed: bool = False


# In the order in which they are tried: what is likelier first, as far as time is short.
TRANSFORMS = (
    Transform("1/y", lambda y: 1 / y, lambda y: -(y**2), ("inv",), signed=True),
    Transform("y**2", np.square, lambda y: 1 / (2 * y), ("sqrt",)),
    Transform("log y", np.log, lambda y: y, ("exp",)),
    Transform("1/y**2", lambda y: y**-2.0, lambda y: -(y**3) / 2, ("sqrt", "inv")),
    Transform("sqrt y", np.sqrt, lambda y: 2 * np.sqrt(y), ("square",)),
    Transform("exp y", np.exp, lambda y: np.exp(-y), ("log",), signed=True),
)


class Transformed(NamedTuple):
    """A problem for z, and the way back from sums for z to expressions for y."""

    name: str
    problem: Problem
    back: Callable[[Polynomial], Iterator[Expression]]


def transformed(problem: Problem, smooth: np.ndarray) -> Iterator[Transformed]:
    """The transforms that apply to a problem.

    Args:
      problem: with target y.
      smooth: y without noise, or y itself; the noise is transformed by the slope there.

    Yields:
      problems with targets z, on the same rows.
    """
    for transform in TRANSFORMS:
        if not set(transform.operators) <= problem.operators.keys():
            continue
        sign = 1.0 if transform.signed else _sign(smooth)
        with np.errstate(all="ignore"):
            slope = transform.slope(sign * smooth)
            target = transform.forward(sign * smooth) + sign * (problem.y - smooth) / slope
            weights = problem.weights * slope**2
        with np.errstate(invalid="ignore"):
            usable = np.all(np.abs(target) < LARGEST) and np.ptp(target) > 0
        if usable and np.all(np.isfinite(weights)) and weights.sum() > 0:
            changed = problem.derived(weights, y=target)
            way = (
                _exponential
                if transform.operators == ("exp",)
                else functools.partial(_applied, transform.operators)
            )
            yield Transformed(transform.name, changed, functools.partial(way, sign, problem.table))


def _sign(y: np.ndarray) -> float:
    """1 or -1 if all values have that sign, else nan, which no transform survives."""
    return float(np.sign(y[0])) if np.all(y > 0) or np.all(y < 0) else math.nan


def _applied(
    operators: tuple[str, ...], sign: float, table: Table, polynomial: Polynomial
) -> Iterator[Expression]:
    for outer in arrangements(polynomial, table):
        for operator in operators:
            outer = apply(operator, outer, operators=table)
        yield outer if sign > 0 else -outer


def _exponential(sign: float, table: Table, polynomial: Polynomial) -> Iterator[Expression]:
    """`exp` of a sum, its logarithms and its offset as factors."""
    rest = dict(polynomial)
    offset = rest.pop((), 0.0)
    if abs(offset) > math.log(LARGEST):
        return
    scale = sign * math.exp(offset)
    powers = {
        t: rest.pop(t) for t in list(rest) if len(t) == 1 and t[0][0][0] == "log" and t[0][1] == 1
    }
    for rounded in (True, False):
        factors = [
            (Expression(term[0][0][1:], (), table), round(2 * p) / 2 if rounded else p)
            for term, p in powers.items()
        ]
        if rest:
            factors.append((apply("exp", next(arrangements(rest, table)), operators=table), 1.0))
        yield constant(scale) * product(factors)
        if not powers:
            return
