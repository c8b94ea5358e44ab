"""The numbers that decide between the sides of a conditional: no slope tells of them."""

from __future__ import annotations

from jaxsym.expr import Expression, apply
from jaxsym.expr.fitting.free import with_free_numbers

_CONDITIONAL = "if_greater"
_NOTHING: frozenset[int] = frozenset()


def threshold_slots(expression: Expression) -> list[int]:
    """Which constants stand in the comparison of a conditional.

    >>> from jaxsym.expr import parse
    >>> threshold_slots(parse("2.5*x if x > 1.5 else 0.5"))
    [0]
    """
    found: set[int] = set()

    def within(operator, arguments) -> frozenset[int]:
        if operator.name == _CONDITIONAL:
            found.update(arguments[0] | arguments[1])
        return _NOTHING.union(*arguments)

    expression.fold(
        variable=lambda name: _NOTHING,
        constant=lambda slot: frozenset([slot]),
        literal=lambda token: _NOTHING,
        apply=within,
    )
    return sorted(found)


def with_free_thresholds(expression: Expression) -> Expression:
    """The expression with constants in the place of exact numbers that are compared with.

    >>> from jaxsym.expr import parse
    >>> with_free_thresholds(parse("x if x > 3/2 else 0"))
    Expression(Piecewise((x, x > 1.5), (0, True)))
    """
    table = expression.operators

    def freed(side: Expression) -> Expression:
        return side if side.variables else with_free_numbers(side)

    def join(operator, arguments) -> Expression:
        if operator.name == _CONDITIONAL:
            arguments = [*map(freed, arguments[:2]), *arguments[2:]]
        return apply(operator.name, *arguments, operators=table)

    return expression.rebuilt(join)
