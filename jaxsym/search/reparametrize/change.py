"""Changes of variables: a target is searched in another form, and answers are written back.

Known outer structure, dimensionless groups and chosen columns are all of this kind:
`y = outer(z, x)`, where z is searched as a function of some expressions `inner(x)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.expr import Expression, Operator
from jaxsym.expr.tokens import literal_value
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.base import Reparametrization
from jaxsym.search.tolerances import TINY

Array = Float[np.ndarray, " n"]

_STEP = 1e-6  # relative, of the difference quotient that gives weights
_LEAST = 2  # rows that a search needs


@dataclass(frozen=True)
class Change(Reparametrization):
    """`y = outer(z, x)` with `z = f(inner(x))`, where f is what a search looks for.

    Attributes:
      inner: the new variables by the old ones.
      outer: y by the old variables and `unknown`, which occurs once.
      unknown: the name of z in `outer`.
    """

    inner: Mapping[str, Expression]
    outer: Expression
    unknown: str

    def forward(self, problem: Problem) -> Problem:
        """The problem for z. Squared errors of y become those of z by weights of `(dy/dz)**2`.

        Raises:
          ValueError: too few rows in which z has a finite value.

        >>> from jaxsym.expr import parse
        >>> from jaxsym.search.problem.problem import make_problems
        >>> X, y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[2.0], [15.0]])
        >>> (problem,) = make_problems(X, y, None, variables=["d", "r"], operators={},
        ...     max_complexity=9)
        >>> change = Change({"r": parse("r")}, parse("A*d"), "A")
        >>> change.forward(problem).y.tolist()
        [2.0, 5.0]
        >>> change.back(parse("r**2"))
        Expression(d*r**2)
        """
        old = dict(zip(problem.variables, problem.X.T, strict=True))
        with np.errstate(all="ignore"):
            columns = [e.evaluate(problem.X, problem.variables) for e in self.inner.values()]
            X = np.stack(columns, axis=1) if columns else np.zeros((len(problem.y), 0))
            z = _solve(self.outer, self.unknown, old, problem.y)
            step = _STEP * np.maximum(np.abs(z), TINY)
            names = [*problem.variables, self.unknown]
            above, below = (
                self.outer.evaluate(np.column_stack([problem.X, value]), names)
                for value in (z + step, z - step)
            )
            weights = problem.weights * ((above - below) / (2 * step)) ** 2
        known = np.isfinite(z) & np.isfinite(X).all(1) & np.isfinite(weights) & (weights > 0)
        count = int(np.count_nonzero(known))
        require(
            count >= _LEAST,
            f"y = {self.outer} gives {self.unknown} a value in {count} rows of {len(z)}; "
            f"expected at least {_LEAST}",
        )
        return problem.derived(weights[known], X=X[known], y=z[known], variables=tuple(self.inner))

    def back(self, expression: Expression) -> Expression:
        """An expression for z as one for y, in the old variables."""
        inner = expression.substitute(self.inner)
        return self.outer.substitute({self.unknown: inner}).canonical()


class _Part(NamedTuple):
    """Values of a part of `outer`, or, if z occurs in it, how to get from its values to z."""

    values: Array | None
    invert: Callable[[Array], Array] | None = None


def _solve(outer: Expression, unknown: str, columns: Mapping[str, Array], y: Array) -> Array:
    """z where `outer` has the values y: its operators are undone from the outside in."""
    whole: _Part = outer.fold(
        variable=lambda name: (
            _Part(None, lambda value: value) if name == unknown else _Part(columns[name])
        ),
        constant=lambda slot: _Part(np.full(len(y), outer.constants[slot])),
        literal=lambda token: _Part(np.full(len(y), literal_value(token))),
        apply=_apply,
    )
    assert whole.invert is not None
    return whole.invert(y)


def _apply(operator: Operator, arguments: list[_Part]) -> _Part:
    places = [place for place, part in enumerate(arguments) if part.invert is not None]
    known = [part.values for part in arguments if part.values is not None]
    if not places:
        assert operator.numpy is not None
        return _Part(operator.numpy(*known))
    (place,) = places
    further = arguments[place].invert
    assert further is not None
    return _Part(None, lambda value: further(operator.solve(place, value, known)))


def solvable(outer: Expression, unknown: str) -> bool:
    """Whether `outer` can be solved for one occurrence of a variable.

    >>> from jaxsym.expr import parse
    >>> [solvable(parse(text), "A") for text in ("exp(A)*d", "A + A*d", "sign(A)", "d")]
    [True, False, False, False]
    """

    def occurrences(operator: Operator, counts: list[float]) -> float:
        inside = sum(counts)
        return inside if not inside or operator.inverses else np.inf

    return (
        outer.fold(
            variable=lambda name: float(name == unknown),
            constant=lambda _: 0.0,
            literal=lambda _: 0.0,
            apply=occurrences,
        )
        == 1
    )
