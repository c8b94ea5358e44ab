"""The expression language: operators, expressions, and their converters."""

from jaxsym.expr.expression import Expression, apply, constant, literal, variable
from jaxsym.expr.operators import OPERATORS, Operator
from jaxsym.expr.parse import ParseError, parse
from jaxsym.expr.sympy_bridge import UnsupportedError, from_sympy

__all__ = [
    "OPERATORS",
    "Expression",
    "Operator",
    "ParseError",
    "UnsupportedError",
    "apply",
    "constant",
    "from_sympy",
    "literal",
    "parse",
    "variable",
]
