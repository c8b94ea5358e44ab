"""One operator in sympy, without numbers that sympy would compute for ever.

Sympy computes exact numbers as they come: ``9**9**9`` has 369 million digits. Before each power the
length of its numbers is bounded, after each operator their size.
"""

from __future__ import annotations

import math

import sympy

from jaxsym.expr.canonical.terms import MOST_BITS
from jaxsym.expr.operators import Operator


def bounded(operator: Operator, args: list[sympy.Expr]) -> sympy.Expr:
    """The operator applied to formulas, with exact numbers of more than 1000 bits as floats.

    Raises:
      ValueError: a number beyond the range of float64.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> nine = sympy.Integer(9)
    >>> [bounded(OPERATORS["pow"], [nine, sympy.Integer(power)]) for power in (2, 320)]
    [81, 2.27825861182900e+305]
    """
    if operator.exponent is not None:
        args = [_limited(args[0], sympy.Rational(operator.exponent))]
    elif operator.name == "pow":
        args = [_limited(args[0], args[1]), args[1]]
    result = operator.sympy(*args)
    if not isinstance(result, sympy.Add):
        return _in_range(result)
    terms = [_in_range(term) for term in result.args]
    return result if all(map(_same, terms, result.args)) else sympy.Add(*terms)


def _limited(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """The base, its exact factors as floats where their powers would have too many bits."""
    if not exponent.is_Rational:
        return base
    factors = sympy.Mul.make_args(base)
    limited = [_float(f) if _bits(f, float(exponent)) > MOST_BITS else f for f in factors]
    return base if all(map(_same, factors, limited)) else sympy.Mul(*limited)


def _bits(factor: sympy.Expr, exponent: float) -> float:
    """Length of the numbers in a power of a factor, which may be a root itself."""
    base, root = factor.as_base_exp()
    if not (base.is_Rational and root.is_Rational):
        return 0.0
    size = max(abs(base.p), base.q)
    return math.log2(size) * abs(float(root) * exponent) if size > 1 else 0.0


def _in_range(term: sympy.Expr) -> sympy.Expr:
    """A term with its coefficient as a float if that is exact and long.

    Raises:
      ValueError: the coefficient is beyond the range of float64.
    """
    number, rest = term.as_coeff_Mul()
    if number.is_Rational and max(abs(number.p), number.q).bit_length() > MOST_BITS:
        number = sympy.Float(number.p) / sympy.Float(number.q)
        term = number * rest
    if number.is_Float and math.isinf(float(number)):
        raise ValueError("a number beyond the range of float64")
    return term


def _float(factor: sympy.Expr) -> sympy.Expr:
    base, root = factor.as_base_exp()
    return sympy.Float(base) ** root


def _same(a: sympy.Expr, b: sympy.Expr) -> bool:
    return a is b
