"""Units in words, checked before they are given to a parser that would compute any power."""

from __future__ import annotations

import re

from jaxsym._check import require, shown

_LONGEST = 200  # characters
_LARGEST = 30  # exponents; no unit in use has one above 12
_POWER = re.compile(r"\*\*|\^")
_EXPONENT = re.compile(r"\s*(?:\(\s*)?[+-]?\s*(\d{1,3}(?:\.\d{1,6})?)(?:\s*/\s*(\d{1,3}))?\s*\)?")
_NUMBER = re.compile(r"\d{20,}|[eE][+-]?\d{4,}")


def check_unit(name: str, unit: str) -> None:
    """Whether the text of a unit can be parsed in little time.

    An exponent must be one small number, so that nothing like ``m**9**9**9`` is ever computed.

    Args:
      name: of what has the unit, for the error.
      unit: such as ``kg*m/s^2``.

    Raises:
      ValueError: it cannot.

    >>> check_unit("F", "kg*m/s**2"), check_unit("noise", "V/Hz^(1/2)")
    (None, None)
    >>> check_unit("x", "m**9**9**9")
    Traceback (most recent call last):
        ...
    ValueError: the unit of x is 'm**9**9**9'; expected exponents that are one number up to 30
    """
    said = f"the unit of {shown(name)} is '{shown(unit)}'"
    require(len(unit) <= _LONGEST, f"{said}; expected at most {_LONGEST} characters")
    require(_NUMBER.search(unit) is None, f"{said}; expected no number of so many digits")
    require(unit.count("(") <= 10, f"{said}; expected at most 10 brackets")
    for power in _POWER.finditer(unit):
        exponent = _EXPONENT.match(unit, power.end())
        chained = exponent is not None and _POWER.match(unit[exponent.end() :].lstrip(" )"))
        small = exponent is not None and float(exponent[1]) <= _LARGEST
        nested = unit[: power.start()].rstrip().endswith(")") and _POWER.search(
            unit, 0, power.start()
        )
        require(
            small and not chained and not nested,
            f"{said}; expected exponents that are one number up to {_LARGEST}",
        )
