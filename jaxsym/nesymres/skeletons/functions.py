"""The rules of functions: values, symmetries, and what becomes of exponentials and logarithms."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from jaxsym.expr.operators import having
from jaxsym.nesymres.skeletons.coefficients import FREE, UndefinedError
from jaxsym.nesymres.skeletons.terms import HALF, Term, as_sum, is_function

if TYPE_CHECKING:
    from jaxsym.nesymres.skeletons.algebra import Algebra

_ODD, _EVEN = having("transcendental", "odd"), having("transcendental", "even")
_AT_ZERO = {**dict.fromkeys(_ODD, 0), **dict.fromkeys(_EVEN | {"exp"}, 1)}


def function_of(algebra: Algebra, name: str, x: Term) -> Term:
    """A function of one term, in canonical form.

    Raises:
      UndefinedError: a number without a real value.
    """
    if x.kind == "constant":
        return x
    if x.kind == "number":
        if x.parts == 0 and name in _AT_ZERO:
            return algebra.number(_AT_ZERO[name])
        if x.parts == 1 and name in ("ln", "acos"):
            return algebra.number(0)
        if (name == "ln" and x.parts <= 0) or (name in ("asin", "acos") and abs(x.parts) > 1):
            raise UndefinedError(f"{name} of {x.parts}")
    match name:
        case "exp":
            return _exponential(algebra, x)
        case "ln":
            return _logarithm(algebra, x)
        case "abs":
            return _absolute(algebra, x)
    if name in _ODD | _EVEN:
        sign, primitive = _signed(algebra, x)
        if sign < 0:
            value = function_of(algebra, name, primitive)
            return algebra.scale(value, -1) if name in _ODD else value
        if is_function(x, "asin") and name in ("sin", "cos", "tan"):
            return _of_arcsine(algebra, name, x.parts[1])
    return _plain(algebra, name, x)


def _plain(algebra: Algebra, name: str, x: Term) -> Term:
    return algebra.term("function", (name, x), (name, *x.code))


def _of_arcsine(algebra: Algebra, name: str, x: Term) -> Term:
    if name == "sin":
        return x
    square = algebra.power(x, 2)
    cosine = algebra.power(algebra.add(algebra.number(1), algebra.scale(square, -1)), HALF)
    return cosine if name == "cos" else algebra.multiply(x, algebra.power(cosine, -1))


def _exponential(algebra: Algebra, x: Term) -> Term:
    offset, terms = as_sum(x)
    logarithms = [(t, c) for t, c in terms if is_function(t, "ln") and c != FREE]
    if offset != FREE and not logarithms:
        return _plain(algebra, "exp", x)
    rest = algebra.sum_of(
        0 if offset == FREE else offset, [pair for pair in terms if pair not in logarithms]
    )
    value = algebra.number(FREE if offset == FREE else 1)
    for term, coefficient in logarithms:
        value = algebra.multiply(value, algebra.power(term.parts[1], coefficient))
    zero = rest.kind == "number" and rest.parts == 0
    return value if zero else algebra.multiply(value, _plain(algebra, "exp", rest))


def _logarithm(algebra: Algebra, x: Term) -> Term:
    if is_function(x, "exp"):
        return x.parts[1]
    offset, terms = as_sum(x)
    if offset == 0 and len(terms) == 1 and terms[0][1] == FREE:
        return algebra.add(algebra.constant, function_of(algebra, "ln", terms[0][0]))
    return _plain(algebra, "ln", x)


def _absolute(algebra: Algebra, x: Term) -> Term:
    if is_function(x, "abs") or is_function(x, "exp"):
        return x
    if x.kind == "number":
        return algebra.number(abs(x.parts))
    coefficient, factors = algebra.as_product(x)
    if coefficient == 1 and len(factors) == 1:
        base, exponent = factors[0]
        if isinstance(exponent, Fraction) or exponent % 2 == 0:
            return x
        if exponent == 1:
            return _plain(algebra, "abs", x)
    value = algebra.number(coefficient if coefficient == FREE else abs(coefficient))
    for base, exponent in factors:
        value = algebra.multiply(value, algebra.power(_absolute(algebra, base), exponent))
    return value


def _signed(algebra: Algebra, x: Term) -> tuple[int, Term]:
    """A sign and a term whose first coefficient is not negative."""
    offset, terms = as_sum(x)
    first = next((c for c in (*(c for _, c in terms), offset) if c not in (FREE, 0)), 1)
    return (-1, algebra.scale(x, -1)) if first < 0 else (1, x)
