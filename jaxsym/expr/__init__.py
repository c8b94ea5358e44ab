"""The expression language: operators, expressions, and their converters."""

from jaxsym.expr.expression import Expression, apply, constant, literal, variable
from jaxsym.expr.fitting.batched import Fit, fit_constants, fit_expressions
from jaxsym.expr.fitting.snapping import snap
from jaxsym.expr.operators import OPERATORS, Operator
from jaxsym.expr.parser import ParseError, parse
from jaxsym.expr.printing import UnsupportedError
from jaxsym.expr.program import Program, compile_programs, evaluate, value_and_jacobian
from jaxsym.expr.sympy_bridge import from_sympy

__all__ = [
    "OPERATORS",
    "Expression",
    "Fit",
    "Operator",
    "ParseError",
    "Program",
    "UnsupportedError",
    "apply",
    "compile_programs",
    "constant",
    "evaluate",
    "fit_constants",
    "fit_expressions",
    "from_sympy",
    "literal",
    "parse",
    "snap",
    "value_and_jacobian",
    "variable",
]
