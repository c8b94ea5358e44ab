"""What a user knows of an answer before the search: where to start, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral

from jaxsym._check import require, unknown_name
from jaxsym.expr import Expression, Operator

Nesting = Mapping[str, Mapping[str, int]]


def _every(expression: Expression) -> bool:
    return True


@dataclass(frozen=True)
class Constraints:
    """What the expressions of a front must obey, and what the user knows of them beforehand.

    Attributes:
      allowed: whether an expression may be on the front.
      guesses: expressions to start from; their constants are fitted.
      named: numbers, besides integers, rationals, pi and e, that constants may turn out to be.
    """

    allowed: Callable[[Expression], bool] = _every
    guesses: Sequence[Expression] = ()
    named: Mapping[str, float] = field(default_factory=dict)


def check_nesting(nesting: Nesting, operators: Mapping[str, Operator]) -> None:
    """Raise unless limits of nesting speak of known operators.

    Raises:
      ValueError: an unknown operator or a negative limit.
    """
    for outer, limits in nesting.items():
        for name, limit in {outer: 0, **limits}.items():
            if name not in operators:
                raise unknown_name("operator", name, operators)
            whole = isinstance(limit, Integral) and limit >= 0
            require(whole, f"nesting of {name} in {outer} is {limit!r}; expected at least 0")


def nested_within(expression: Expression, nesting: Nesting) -> bool:
    """Whether no operator is nested in another one more often than it may be.

    Args:
      nesting: for an operator, how many times others may occur on a path below it.

    >>> from jaxsym.expr import parse
    >>> limits = {"sin": {"sin": 0, "exp": 1}}
    >>> [nested_within(parse(f), limits) for f in ("sin(x)*sin(y)", "sin(x + sin(y))")]
    [True, False]
    """
    well = True

    def below(operator: Operator, arguments: list[dict[str, int]]) -> dict[str, int]:
        nonlocal well
        names = {name for argument in arguments for name in argument}
        counts = {name: max(a.get(name, 0) for a in arguments) for name in names}
        limits = nesting.get(operator.name, {})
        well &= all(counts.get(name, 0) <= limit for name, limit in limits.items())
        return counts | {operator.name: counts.get(operator.name, 0) + 1}

    expression.fold(variable=lambda _: {}, constant=lambda _: {}, literal=lambda _: {}, apply=below)
    return well
