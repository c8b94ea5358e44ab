"""Exact numbers as constants, so that a fit may change them."""

from __future__ import annotations

import math

import numpy as np

from jaxsym.expr.expression import Expression, apply, constant
from jaxsym.expr.operators import Operator
from jaxsym.expr.tokens import is_literal, literal_value


def free_literal(expression: Expression) -> Expression:
    """A literal as a constant; anything else as it is.

    >>> from jaxsym.expr import parse
    >>> free_literal(parse("2")), free_literal(parse("2*x"))
    (Expression(2.0), Expression(2*x))
    """
    token = expression.tokens[0]
    return constant(literal_value(token)) if is_literal(token) else expression


def with_free_numbers(expression: Expression) -> Expression:
    """An expression with constants in the place of its exact numbers, but for exponents.

    >>> from jaxsym.expr import parse
    >>> with_free_numbers(parse("2*x**3 + pi"))
    Expression(2.0*x**3 + 3.141592653589793)
    """
    table = expression.operators

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        if all(is_literal(argument.tokens[0]) for argument in arguments):
            value = apply(operator.name, *arguments, operators=table).evaluate(np.zeros(0), [])
            return constant(float(value)) if math.isfinite(value) else arguments[0]
        freed = 1 if operator.name == "pow" else len(arguments)
        arguments = [free_literal(a) for a in arguments[:freed]] + arguments[freed:]
        return apply(operator.name, *arguments, operators=table)

    return free_literal(expression.rebuilt(join)).canonical()
