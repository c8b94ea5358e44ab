"""Coefficients said as exactly as their standard errors let them be said."""

from __future__ import annotations

import math

from jaxsym.expr import Expression, constant, literal
from jaxsym.expr.fitting.snapping import exact_numbers
from jaxsym.syrenets.regression import ROUNDING

_DIGITS_SPARE = 4  # a decimal is taken for exact if it says at least so many digits less
_WIDE = 4.0  # standard errors within which an exact number may lie


def snapped(value: float, error: float) -> Expression:
    """A number as exactly as its standard error lets it be said.

    The shortest decimal if the digits that follow are all zeros, as in 7.1289; else a rational or a
    multiple of pi or e if that is shorter; else the constant as it is.

    >>> [str(snapped(v, 1e-13)) for v in (7.128900000000003, 1 / 3 + 1e-14, 0.46481666666667)]
    ['7.1289', '1/3', '0.46481666666667']
    """
    error = max(error, 4 * ROUNDING * abs(value))
    known = math.floor(-math.log10(_WIDE * error))
    for places in range(min(known - _DIGITS_SPARE, 12) + 1):
        rounded = round(value, places)
        if abs(rounded - value) <= _WIDE * error and rounded:
            return constant(rounded) if places else literal(int(rounded))
    exact = [number for number in exact_numbers(value, error) if number.tokens != ("0",)]
    return exact[0] if exact else constant(value)
