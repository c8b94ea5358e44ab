"""Scales of columns: values from 1e-300 to 1e300 are searched near 1 and written back.

Columns of like size share a scale, so that what can be added stays so. On the way back the scales'
factors move outwards through products, powers and sums of equal factors, and meet in few constants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from jaxsym.expr import Expression, Operator, apply, constant, literal, variable
from jaxsym.expr.tokens import LITERALS, literal_value
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.base import Reparametrization
from jaxsym.search.tolerances import SAME

_NEAR = 2.0  # decades around 1 in which nothing is scaled
_FARTHEST = 300.0  # decades of the largest scale
_GAP = 1.5  # decades between sizes that do not belong together


@dataclass(frozen=True)
class Scaling(Reparametrization):
    """Factors by which columns and target are divided, all powers of ten.

    Attributes:
      columns: by name of the variable.
      target: of y.
    """

    columns: Mapping[str, float]
    target: float

    @property
    def trivial(self) -> bool:
        """Whether nothing changes."""
        return self.target == 1 and all(scale == 1 for scale in self.columns.values())

    def forward(self, problem: Problem) -> Problem:
        """The problem in scaled columns, with its guesses."""
        if self.trivial:
            return problem
        scales = np.array([self.columns[name] for name in problem.variables])
        own = problem.constraints
        guesses = [self.moved(guess) for guess in own.guesses]
        return replace(
            problem,
            X=problem.X / scales,
            y=problem.y / self.target,
            noise=problem.noise / self.target / self.target,
            constraints=replace(
                own,
                guesses=guesses,
                values=lambda expression: own.values(self.back(expression)),
            ),
        )

    def moved(self, expression: Expression) -> Expression:
        """An expression for the original columns as one for scaled ones; its constants grow."""
        if self.trivial:
            return expression
        wide = {name: constant(s) * variable(name) for name, s in self.columns.items() if s != 1}
        return expression.substitute(wide) / constant(self.target)

    def front(self, front: ParetoFront, problem: Problem) -> ParetoFront:
        """A scaled problem's front as one of the original problem; losses need no evaluation."""
        if self.trivial:
            return front
        square = self.target**2
        restored = (
            c._replace(expression=self.back(c.expression), loss=c.loss * square) for c in front
        )
        return replace(
            front,
            candidates=tuple(restored),
            variance=front.variance * square,
            noise=front.noise * square,
        )

    def back(self, expression: Expression) -> Expression:
        """An expression for scaled columns as one for the original ones.

        >>> from jaxsym.expr import parse
        >>> Scaling({"x": 1e3, "y": 1e3}, 1e3).back(parse("sqrt(x**2 + 4*y**2)"))
        Expression(sqrt(x**2 + 4*y**2))
        """
        if self.trivial:
            return expression
        table = expression.operators
        found, factor = expression.fold(
            variable=lambda name: (variable(name, table), 1 / self.columns.get(name, 1.0)),
            constant=lambda slot: (None, expression.constants[slot]),
            literal=_literal,
            apply=lambda operator, arguments: _joined(operator, arguments, table),
        )
        if math.isfinite(factor * self.target):
            return _times(found, factor * self.target).canonical()
        return _times(_times(found, factor), self.target).canonical()


def scale_together(problems: Sequence[Problem]) -> list[Scaling]:
    """The scales that suit the targets of one table.

    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.array([[1e20, 2e-9], [3e20, 1e-9]])
    >>> problems = make_problems(X, X[:, :1], None, variables=["m", "k"], operators={},
    ...                          max_complexity=9)
    >>> scale_together(problems)
    [Scaling(columns={'m': 1e+20, 'k': 1e-09}, target=1e+20)]
    """
    first = problems[0]
    sizes: dict[str | int, float] = {
        name: _size(x) for name, x in zip(first.variables, first.X.T, strict=True)
    }
    sizes |= {number: _size(problem.y) for number, problem in enumerate(problems)}
    scales = _scales(sizes)
    columns = {name: scales[name] for name in first.variables}
    return [Scaling(columns, scales[number]) for number in range(len(problems))]


# An expression, or None for 1, and the number that it is to be multiplied by.
_Scaled = tuple[Expression | None, float]


def _size(values: np.ndarray) -> float:
    """Decades of the typical size of some values, as far as a scale and its inverse are finite."""
    sizes = np.abs(values[values != 0])
    decades = float(np.median(np.log10(sizes))) if len(sizes) else 0.0
    return min(max(decades, -_FARTHEST), _FARTHEST)


def _scales(sizes: dict[str | int, float]) -> dict[str | int, float]:
    """A power of ten for each size, the same for those that are close."""
    scales: dict[str | int, float] = {}
    cluster: list[str | int] = []
    for name in sorted(sizes, key=lambda name: sizes[name]):
        if abs(sizes[name]) <= _NEAR:
            scales[name] = 1.0
            continue
        if cluster and sizes[name] - sizes[cluster[-1]] > _GAP:
            cluster = []
        cluster.append(name)
        common = 10.0 ** round(float(np.median([sizes[member] for member in cluster])))
        scales |= dict.fromkeys(cluster, common)
    return scales


def _literal(token: str) -> _Scaled:
    return (literal(token), 1.0) if token in LITERALS else (None, literal_value(token))


def _times(expression: Expression | None, factor: float) -> Expression:
    number = _number(factor)
    if expression is None:
        return number
    return expression if number.tokens == ("1",) else number * expression


def _number(value: float) -> Expression:
    """A small rational number as such, any other as a constant."""
    ratio = Fraction(value).limit_denominator(100) if abs(value) < 1e3 else Fraction(0)
    if not ratio or abs(value - ratio) > SAME * abs(value):
        return constant(value)
    number = literal(ratio.numerator)
    return number if ratio.denominator == 1 else number / literal(ratio.denominator)


def _joined(operator: Operator, arguments: list[_Scaled], table: Mapping[str, Operator]) -> _Scaled:
    """An operator's result with the factor outside, unless that would overflow."""
    with np.errstate(all="ignore"):
        found = _outside(operator, arguments, table)
    if found is not None and 0 < abs(found[1]) < math.inf:
        return found
    whole = [_times(part, factor) for part, factor in arguments]
    return apply(operator.name, *whole, operators=table), 1.0


def _outside(
    operator: Operator, arguments: list[_Scaled], table: Mapping[str, Operator]
) -> _Scaled | None:
    """An operator's result with the factor outside, if it can be moved there."""
    name = operator.name
    parts = [part for part, _ in arguments]
    factors = [np.float64(factor) for _, factor in arguments]  # these overflow to infinity
    if name in ("mul", "div"):
        left, right = parts
        if right is not None and name == "div":
            right = literal(1) / right
        both = [part for part in (left, right) if part is not None]
        factor = factors[0] * factors[1] if name == "mul" else factors[0] / factors[1]
        return (both[0] * both[1] if len(both) == 2 else both[0] if both else None), float(factor)
    if name == "neg":
        return parts[0], -float(factors[0])
    if name == "abs" and parts[0] is not None:
        return apply(name, parts[0], operators=table), float(abs(factors[0]))
    if name in ("add", "sub"):
        sign = 1.0 if name == "add" else -1.0
        return _added(arguments[0], (parts[1], sign * arguments[1][1]))
    power = operator.exponent
    if name == "pow" and parts[1] is None:
        power = Fraction(arguments[1][1])
    if power is not None and parts[0] is not None and factors[0] > 0:
        raised = parts[0] ** (power if name != "pow" else _number(arguments[1][1]))
        return raised, float(factors[0] ** float(power))
    return None


def _added(left: _Scaled, right: _Scaled) -> _Scaled:
    """A sum with the first factor outside; a number of its own is not worth one."""
    if left[0] is None and right[0] is None:
        return None, left[1] + right[1]
    first, second = (right, left) if left[0] is None else (left, right)
    if not first[1] or not math.isfinite(second[1] / first[1]):
        return _times(*left) + _times(*right), 1.0
    return first[0] + _times(second[0], second[1] / first[1]), first[1]
