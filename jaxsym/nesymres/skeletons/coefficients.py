"""Coefficients of skeletons: exact numbers, and constants still to be fitted."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, TypeAlias

FREE = "c"  # a constant to be fitted; it swallows every number that it meets
Number: TypeAlias = int | Fraction
Coefficient: TypeAlias = Any  # a number or FREE

_LARGEST = 10**6  # exact numbers beyond it are never written


class UndefinedError(ValueError):
    """No real value, or no way to write it: division by zero, roots of negative numbers, ..."""


def plus(x: Coefficient, y: Coefficient) -> Coefficient:
    """The sum.

    >>> plus(FREE, 2), plus(1, 2)
    ('c', 3)
    """
    return FREE if x == FREE or y == FREE else x + y


def times(x: Coefficient, y: Coefficient) -> Coefficient:
    """The product; zero is stronger than a free constant.

    >>> times(FREE, 2), times(FREE, 0)
    ('c', 0)
    """
    if x == 0 or y == 0:
        return 0
    return FREE if x == FREE or y == FREE else x * y


def raised(x: Coefficient, exponent: int) -> Coefficient:
    """A power.

    Raises:
      UndefinedError: an exact number that would be too long.

    >>> raised(2, -2), raised(FREE, 3)
    (Fraction(1, 4), 'c')
    """
    if x in (FREE, 1):
        return x
    if abs(exponent) * math.log(max(abs(x), 1 / abs(x))) > math.log(_LARGEST):
        raise UndefinedError(f"{x}**{exponent} is too long")
    return whole(Fraction(x) ** exponent)


def exact_root(x: Number, exponent: Fraction) -> Number | None:
    """The power of a positive number if it is rational.

    >>> exact_root(Fraction(4, 9), Fraction(1, 2)), exact_root(2, Fraction(1, 2))
    (Fraction(2, 3), None)
    """
    value = Fraction(x) ** exponent.numerator
    above = round(value.numerator ** (1 / exponent.denominator))
    below = round(value.denominator ** (1 / exponent.denominator))
    root = Fraction(above, below)
    return whole(root) if root**exponent.denominator == value else None


def whole(x: Any) -> Any:
    """An integer as int."""
    return x.numerator if isinstance(x, Fraction) and x.denominator == 1 else x


def number_code(value: Coefficient) -> tuple[str, ...]:
    """Prefix tokens of a number.

    >>> number_code(Fraction(-1, 2)), number_code(FREE)
    (('div', '-1', '2'), ('c',))
    """
    value = whole(value)
    if isinstance(value, Fraction):
        return "div", str(value.numerator), str(value.denominator)
    return (str(value),)
