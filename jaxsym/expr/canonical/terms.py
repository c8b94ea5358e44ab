"""Sums of products of powers, the normal form behind the canonical form, and their tokens.

A `Sum` maps monomials to coefficients, rational or float; a monomial is a sorted product of
`Piece`s to rational powers; a piece is whatever the algebra does not look into: a variable, a
function's value, a sum inside a product.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from jaxsym.expr.codes import Code, divide, integer, join, negate, raise_to
from jaxsym.expr.operators import OPERATORS

Number: TypeAlias = Fraction | float
Monomial: TypeAlias = "tuple[tuple[Piece, Fraction], ...]"
Sum: TypeAlias = "dict[Monomial, Number]"

ONE = Fraction(1)

# Exact integers stay readable as floats, so that every literal has a value.
MOST_BITS = 1000


class OutOfRange(ArithmeticError):
    """Folding numbers would leave the range of float64, or the size of exact integers."""


@dataclass(frozen=True)
class Piece:
    """An opaque factor: known by its code, with the operator at its head and that one's arguments.

    Besides operators a head may be ``"sum"``, a sum that is a factor, or ``"base"``, anything else
    under a fractional power, which is looked into again if the power becomes whole.
    """

    code: Code
    head: str = field(default="", compare=False)
    parts: tuple[Sum, ...] = field(default=(), compare=False)
    varies: bool = field(default=True, compare=False)

    @functools.cached_property
    def order(self) -> tuple:
        """Sorting key: numbers, then variables, then functions from short to long."""
        tokens, constants = self.code
        rank = 0 if not self.varies else 1 if len(tokens) == 1 else 2
        return rank, len(tokens), tokens, constants


def number(value: Number) -> Sum:
    """A number as a sum; zero is the empty sum."""
    return {(): value} if value else {}


def as_number(terms: Sum) -> Number | None:
    """The value of a sum that is a number, else None."""
    return terms.get((), Fraction(0)) if set(terms) <= {()} else None


def from_piece(piece: Piece) -> Sum:
    """A piece as a sum of one term."""
    return {((piece, ONE),): ONE}


def as_piece(terms: Sum) -> Piece | None:
    """The piece that a sum consists of alone, else None."""
    if len(terms) == 1:
        ((monomial, coefficient),) = terms.items()
        if len(monomial) == 1 and monomial[0][1] == 1 and is_exactly(coefficient, 1):
            return monomial[0][0]
    return None


def opaque(head: str, *parts: Sum, code: Code | None = None) -> Piece:
    """An operator's value, a sum or a base as a piece."""
    if code is None:
        codes = [to_code(part) for part in parts]
        code = codes[0] if head in ("sum", "base") else join(head, *codes)
    varies = any(piece.varies for part in parts for monomial in part for piece, _ in monomial)
    return Piece(code, head, parts, varies)


def add(left: Sum, right: Sum) -> Sum:
    """The sum, like terms collected."""
    total = dict(left)
    for monomial, coefficient in right.items():
        value = checked(total.pop(monomial, 0) + coefficient)
        if value:
            total[monomial] = value
    return total


def scale(terms: Sum, factor: Number) -> Sum:
    """Every term times a number."""
    return {monomial: times(c, factor) for monomial, c in terms.items()} if factor else {}


def times(left: Number, right: Number) -> Number:
    """The product of two numbers.

    Raises:
      OutOfRange: it overflows or underflows.
    """
    if abs(left) == 1 or abs(right) == 1:
        return left * right
    value = checked(left * right)
    if not value and left and right:
        raise OutOfRange
    return value


def checked(value: Number) -> Number:
    """The number, unless it is too large for a constant or a literal, or lost digits near zero."""
    if isinstance(value, float):
        if not math.isfinite(value) or 0 < abs(value) < sys.float_info.min:
            raise OutOfRange
    elif max(abs(value.numerator), value.denominator).bit_length() > MOST_BITS:
        raise OutOfRange
    return value


def magnitude(value: Number) -> Number:
    """The absolute value of a number."""
    return -value if value < 0 else value


def is_exactly(value: Number | None, integer: int) -> bool:
    """Whether a number is that integer, and not a float."""
    return isinstance(value, Fraction) and value == integer


def content(terms: Sum) -> Fraction:
    """The rational factor that all coefficients share, with the sign of the first term."""
    sign = 1 if terms[min(terms, key=_order)] > 0 else -1
    exact = [c for c in terms.values() if isinstance(c, Fraction)]
    if len(exact) < len(terms):
        return Fraction(sign)
    above = math.gcd(*(c.numerator for c in exact))
    return Fraction(sign * above, math.lcm(*(c.denominator for c in exact)))


def to_code(terms: Sum) -> Code:
    """Tokens and constants of a sum; a common rational factor is put outside if that is shorter."""
    if not terms:
        return ("0",), ()
    code = _sum_code(terms)
    share = content(terms) if len(terms) > 1 else ONE
    if abs(share) != 1:
        outside = _term_code(share, [(_sum_code(scale(terms, 1 / share)), ONE)])
        code = min(code, outside, key=lambda choice: len(choice[0]))
    return code


def _order(monomial: Monomial) -> tuple:
    """Sorting key: longer products first, higher powers first, numbers last."""
    varies = any(piece.varies for piece, _ in monomial)
    return not varies, *((0, piece.order, -exponent) for piece, exponent in monomial), (1,)


def _sum_code(terms: Sum) -> Code:
    ordered = sorted(terms, key=_order)
    first = next((m for m in ordered if terms[m] > 0), ordered[0])
    ordered.remove(first)
    code = _monomial_code(terms[first], first)
    for monomial in ordered:
        coefficient = terms[monomial]
        head = "add" if coefficient > 0 else "sub"
        code = join(head, code, _monomial_code(magnitude(coefficient), monomial))
    return code


def _monomial_code(coefficient: Number, monomial: Monomial) -> Code:
    return _term_code(coefficient, [(piece.code, exponent) for piece, exponent in monomial])


def _term_code(coefficient: Number, powers: Sequence[tuple[Code, Fraction]]) -> Code:
    """A number times powers: one fraction whose numerator and denominator are products."""
    above = [_power_code(base, e) for base, e in powers if e > 0]
    below = [_power_code(base, -e) for base, e in powers if e < 0]
    if isinstance(coefficient, float):
        above.insert(0, (("C",), (coefficient,)))
    else:
        if coefficient == -1 and above:
            above[0] = negate(above[0])
        elif coefficient.numerator != 1 or not above:
            above.insert(0, integer(coefficient.numerator))
        if coefficient.denominator != 1:
            below.insert(0, integer(coefficient.denominator))
    numerator = _product_code(above)
    return divide(numerator, _product_code(below), OPERATORS) if below else numerator


def _product_code(codes: Sequence[Code]) -> Code:
    return functools.reduce(lambda left, right: join("mul", left, right), codes)


def _power_code(base: Code, exponent: Fraction) -> Code:
    return base if exponent == 1 else raise_to(base, _term_code(exponent, []), OPERATORS)
