"""Dimensionless groups (Buckingham 1914): every equation whose constants have no dimension is
`y = monomial * f(groups)`, with fewer groups than there are variables.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from jaxsym.expr import Expression, constant, literal, variable
from jaxsym.search.problem.dimensions import Dimension, Dimensions
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.base import Reparametrization
from jaxsym.search.reparametrize.change import Change

_SUBSETS = 2000  # of variables that are looked at
_LARGEST_DENOMINATOR = 6  # of an exponent
_EASE = {Fraction(0): 0, Fraction(1): 1, Fraction(2): 2, Fraction(1, 2): 2, Fraction(3): 3}
_HARD = 5  # of any other exponent


@dataclass(frozen=True)
class NamedConstants(Reparametrization):
    """Constants as further columns, so that groups can be made of them.

    Attributes:
      values: by name.
    """

    values: Mapping[str, float]

    def forward(self, problem: Problem) -> Problem:
        columns = [np.full(len(problem.y), value) for value in self.values.values()]
        return replace(
            problem,
            X=np.column_stack([problem.X, *columns]),
            variables=(*problem.variables, *self.values),
        )

    def back(self, expression: Expression) -> Expression:
        numbers = {name: constant(value) for name, value in self.values.items()}
        return expression.substitute(numbers).canonical()


def dimensionless_groups(
    dimensions: Dimensions, repeating: Sequence[str], count: int
) -> list[Change]:
    """Ways to write a problem in dimensionless groups, those with the simplest exponents first.

    Args:
      dimensions: of variables and target, constants without any.
      repeating: variables that may occur in several groups; they must not be zero.
      count: most ways.

    Returns:
      changes of variables. There is a group for each variable that is not among the repeating
      ones chosen, and it keeps that variable's name. Empty if the variables that may be repeated do
      not have all the dimensions.

    >>> dims = Dimensions({"g": (1.0, -2.0), "h": (1.0, 0.0), "v": (1.0, -1.0)}, (1.0, -1.0))
    >>> for change in dimensionless_groups(dims, ["g", "h", "v"], 2):
    ...     print(change.outer, {name: str(group) for name, group in change.inner.items()})
    unknown*v {'h': 'g*h/v**2'}
    unknown*v {'g': 'g*h/v**2'}
    """
    rank = _rank(dimensions, list(dimensions.variables))
    subsets = itertools.islice(itertools.combinations(repeating, rank), _SUBSETS)
    ways = [_way(dimensions, s) for s in subsets if _rank(dimensions, s) == rank]
    return [change for _, change in sorted(ways, key=lambda way: way[0])[:count]]


def _way(dimensions: Dimensions, chosen: Sequence[str]) -> tuple[int, Change]:
    """How hard the exponents are to read, and the change of variables."""
    others = [name for name in dimensions.variables if name not in chosen]
    powers = {n: _powers(dimensions, chosen, dimensions.variables[n]) for n in others}
    inner = {n: _monomial({n: Fraction(1)} | {c: -p for c, p in powers[n].items()}) for n in others}
    outside = _powers(dimensions, chosen, dimensions.target)
    unknown = "unknown"
    while unknown in dimensions.variables:
        unknown += "_"
    outer = variable(unknown) * _monomial(outside)
    exponents = [p for group in (outside, *powers.values()) for p in group.values()]
    difficulty = sum(_EASE.get(abs(p), _HARD) for p in exponents)
    return difficulty, Change(inner, outer.canonical(), unknown)


def _powers(
    dimensions: Dimensions, chosen: Sequence[str], wanted: Dimension
) -> Mapping[str, Fraction]:
    """Exponents of the chosen variables that make a dimension."""
    if not chosen:
        return {}
    matrix = np.array([dimensions.variables[name] for name in chosen]).T
    found = np.linalg.lstsq(matrix, np.array(wanted), rcond=None)[0]
    exact = [Fraction(p).limit_denominator(_LARGEST_DENOMINATOR) for p in found.tolist()]
    return {name: p for name, p in zip(chosen, exact, strict=True) if p}


def _rank(dimensions: Dimensions, names: Sequence[str]) -> int:
    if not names or not dimensions.target:
        return 0
    return int(np.linalg.matrix_rank(np.array([dimensions.variables[name] for name in names])))


def _monomial(powers: Mapping[str, Fraction]) -> Expression:
    above = [variable(name) ** p for name, p in powers.items() if p > 0]
    below = [variable(name) ** -p for name, p in powers.items() if p < 0]
    top = functools.reduce(lambda a, b: a * b, above, literal(1))
    whole = top / functools.reduce(lambda a, b: a * b, below) if below else top
    return whole.canonical()
