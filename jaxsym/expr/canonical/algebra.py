"""Products and powers of `Sum`s.

Products are not expanded, except that a rational number times a sum is. Powers follow sympy's
automatic rules: ``x/x`` is 1 and ``sqrt(x)**2`` is ``x``, though undefined at some ``x``, but
``sqrt(x**2)`` stays, and only what is sure to be positive leaves a root.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import TypeAlias

from jaxsym.expr.canonical.terms import (
    MOST_BITS,
    ONE,
    Number,
    OutOfRange,
    Piece,
    Sum,
    add,
    as_number,
    as_piece,
    checked,
    content,
    from_piece,
    is_exactly,
    number,
    opaque,
    scale,
    times,
)

Factors: TypeAlias = dict[Piece, Fraction]

# A negative power of zero.
_INFINITE = Piece((("div", "1", "0"), ()), "inv", varies=False)


def factor(terms: Sum) -> tuple[Number, Factors]:
    """A sum as a number times powers of pieces.

    A sum of several terms becomes one piece, free of the rational factor that its terms share,
    and with a first term that is positive.
    """
    if not terms:
        return Fraction(0), {}
    if len(terms) == 1:
        ((monomial, coefficient),) = terms.items()
        return coefficient, dict(monomial)
    share = content(terms)
    return share, {opaque("sum", scale(terms, 1 / share)): ONE}


def multiply(left: Sum, right: Sum) -> Sum:
    """The product, equal bases collected."""
    (a, factors), (b, others) = factor(left), factor(right)
    _collect(factors, others, ONE)
    return product(times(a, b), factors)


def power(base: Sum, exponent: Fraction) -> Sum:
    """The base to a rational power."""
    coefficient, factors = factor(base)
    whole = exponent.denominator == 1
    inside = {} if whole else {p: e for p, e in factors.items() if not _positive(p)}
    if coefficient < 0 and not whole:
        # nothing leaves the root of a negative number, which is no real number
        sign, size = (-ONE, -coefficient) if inside else (coefficient, ONE)
    else:
        sign, size = ONE, coefficient
    value, result = _number_power(size, exponent)
    _collect(result, {p: e for p, e in factors.items() if p not in inside}, exponent)
    if sign != 1 or len(inside) > 1 or any(abs(own) > 1 for own in inside.values()):
        inside = {opaque("base", product(sign, inside)): ONE}
    _collect(result, inside, exponent)
    return product(value, result)


def exponential(terms: Sum) -> Sum:
    """``exp`` of a sum."""
    value = as_number(terms)
    if is_exactly(value, 0):
        return number(ONE)
    if isinstance(value, float) and abs(value) < 700:
        return number(math.exp(value))
    euler = (("e",), ()) if is_exactly(value, 1) else None
    return from_piece(opaque("exp", terms, code=euler))


def product(coefficient: Number, factors: Factors) -> Sum:
    """A number times powers of pieces, in normal form."""
    factors = dict(factors)
    while base := next((p for p, e in factors.items() if _opens(p, e)), None):
        exponent = factors.pop(base)
        inner, bases = factor(base.parts[0])
        value, rest = _number_power(inner, exponent)
        coefficient = times(coefficient, value)
        _collect(factors, bases, exponent)
        _collect(factors, rest, ONE)
    exponents = [scale(p.parts[0], e) for p, e in factors.items() if p.head == "exp"]
    if exponents:
        value, merged = factor(exponential(functools.reduce(add, exponents)))
        coefficient = times(coefficient, value)
        factors = {p: e for p, e in factors.items() if p.head != "exp"} | merged
    if not coefficient:
        return {}
    factors = _merged_powers(factors)
    powers = ((p, e) for p, e in factors.items() if e)
    monomial = tuple(sorted(powers, key=lambda item: item[0].order))
    alone = as_piece({monomial: ONE})
    if alone is not None and alone.head == "sum" and isinstance(coefficient, Fraction):
        return scale(alone.parts[0], coefficient)
    return {monomial: coefficient}


def _merged_powers(factors: Factors) -> Factors:
    """``x**2 * x**0.3`` as ``x**2.3``: real powers of one base together with its other powers."""
    exponents: dict[Piece, list[tuple[Piece, float]]] = {}
    for piece, own in factors.items():
        real = as_number(piece.parts[1]) if piece.head == "pow" else None
        if isinstance(real, float):
            share, inside = factor(piece.parts[0])
            if is_exactly(share, 1) and list(inside.values()) == [ONE]:
                (base,) = inside
                exponents.setdefault(base, []).append((piece, float(own) * real))
    for base, powers in exponents.items():
        known = factors.get(base, Fraction(0))
        if len(powers) == 1 and not known and abs(factors[powers[0][0]]) == 1:
            continue
        total = float(known) + sum(exponent for _, exponent in powers)
        gone = {base, *(piece for piece, _ in powers)}
        factors = {piece: own for piece, own in factors.items() if piece not in gone}
        if total:
            merged = opaque("pow", from_piece(base), number(abs(total)))
            _collect(factors, {merged: ONE}, Fraction(1 if total > 0 else -1))
    return factors


def _opens(piece: Piece, exponent: Fraction) -> bool:
    return piece.head == "base" and exponent.denominator == 1


def _positive(piece: Piece) -> bool:
    """Whether a piece is sure to be positive: exponentials, pi and positive numbers."""
    if piece.head == "base":
        value = as_number(piece.parts[0])
        return value is not None and value > 0
    return piece.head == "exp" or piece.code == (("pi",), ())


def _collect(factors: Factors, others: Factors, exponent: Fraction) -> None:
    """Multiply ``factors`` by ``others`` to a power, in place."""
    for piece, own in others.items():
        total = factors.get(piece, Fraction(0)) + own * exponent
        checked(total)
        factors[piece] = total


def _number_power(base: Number, exponent: Fraction) -> tuple[Number, Factors]:
    """``base**exponent`` for a base that is positive, or an exponent that is whole."""
    if not base and exponent < 0:
        return ONE, {_INFINITE: ONE}
    if isinstance(base, float):
        return _float_power(base, float(exponent)), {}
    if exponent.denominator == 1:
        return _whole_power(base, int(exponent)), {}
    above, roots = _root(base.numerator, exponent)
    below, more = _root(base.denominator, -exponent)
    _collect(roots, more, ONE)
    return times(above, below), roots


def _float_power(base: float, exponent: float) -> float:
    try:
        value = base**exponent
    except OverflowError:
        raise OutOfRange from None
    if not value:
        raise OutOfRange
    return value


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    size = max(abs(base.numerator), base.denominator)
    if abs(exponent) * math.log2(max(size, 1)) > MOST_BITS:
        raise OutOfRange
    return base**exponent


def _root(base: int, exponent: Fraction) -> tuple[Fraction, Factors]:
    """A whole number to a fractional power, as a rational number times a root that stays."""
    whole = math.floor(exponent)
    rest = exponent - whole
    value = _whole_power(Fraction(base), whole) if base else Fraction(0)
    root = round(base ** (1 / rest.denominator))
    if root**rest.denominator == base:
        return value * root**rest.numerator, {}
    return value, {opaque("base", number(Fraction(base))): rest}
