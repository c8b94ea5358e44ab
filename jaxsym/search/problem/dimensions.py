"""Dimensions of variables and of expressions.

A dimension is a vector of exponents of base units. Units themselves matter no further: data are not
converted, so that lengths in meters and in feet differ by a factor that a fit finds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from jaxsym._check import require
from jaxsym.expr import Expression, Operator
from jaxsym.expr.tokens import literal_value

if TYPE_CHECKING:
    from pint import UnitRegistry

Unit: TypeAlias = str | Sequence[float]
Dimension: TypeAlias = tuple[float, ...]

_CLOSE = 1e-6  # exponents that differ by less are the same: a fitted 1.9999999 is 2
_LONGEST = 200  # characters of a unit
_HIGHEST = 1000  # product of all powers in a unit
_NUMBER = r"[+-]?\s*[0-9]{1,6}(?:\.[0-9]{0,6})?"
_FRACTION = rf"\(\s*{_NUMBER}\s*(?:/\s*{_NUMBER}\s*)?\)"
_EXPONENT = re.compile(rf"\*\*\s*({_NUMBER}|{_FRACTION})(?![0-9.eE]|\s*\*\*)")  # no tower of powers
_POWER_WORDS = re.compile(r"\b(?:square|squared|sq|cubic|cubed)\b")
_SUPERSCRIPTS = re.compile("[\u207a\u207b⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = str.maketrans("\u207a\u207b⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_DIMENSIONLESS = ("", "1", "-")


class UnitsError(ValueError):
    """Units that cannot be read, or that no expression can have."""


@dataclass(frozen=True)
class Dimensions:
    """The dimensions of a table.

    Attributes:
      variables: dimension of each variable.
      target: dimension of the target.
      free_constants: whether constants may have any dimension; else they have none.
    """

    variables: Mapping[str, Dimension]
    target: Dimension
    free_constants: bool = False

    def __post_init__(self) -> None:
        if not self.free_constants and not self.reachable:
            raise UnitsError(
                "no expression of these variables can have the target's dimension while constants "
                "have none; declare them free, or name a constant that has a unit"
            )

    @property
    def reachable(self) -> bool:
        """Whether a product of powers of the variables has the target's dimension."""
        if not any(self.target):
            return True
        matrix = np.array([*self.variables.values()]).T
        exponents = np.linalg.lstsq(matrix, np.array(self.target), rcond=None)[0]
        return bool(np.allclose(matrix @ exponents, self.target, atol=_CLOSE))

    def allow(self, expression: Expression) -> bool:
        """Whether an expression can have the target's dimension.

        >>> from jaxsym.expr import parse
        >>> meters, seconds = (1.0, 0.0), (0.0, 1.0)
        >>> speed = Dimensions({"x": meters, "t": seconds}, (1.0, -1.0))
        >>> [speed.allow(parse(f)) for f in ("2*x/t", "x + t", "x/t*sin(t)", "x**2/(t*x)")]
        [True, False, False, True]
        """
        found = self._of(expression)
        return found is not None and (found.any or _same(found.exponents, self.target))

    def _of(self, expression: Expression) -> _Known | None:
        none = _Known((0.0,) * len(self.target))
        number = _ANY if self.free_constants else none
        return expression.fold(
            variable=lambda name: _Known(self.variables[name]),
            constant=lambda slot: number._with(expression.constants[slot]),
            literal=lambda token: (_ANY if token == "0" else number)._with(literal_value(token)),
            apply=lambda operator, arguments: _apply(operator, arguments, none),
        )


@dataclass(frozen=True)
class _Known:
    """What is known of a part of an expression: its dimension, and its value if it is a number."""

    exponents: Dimension
    any: bool = False
    value: float | None = None

    def _with(self, value: float) -> _Known:
        return _Known(self.exponents, self.any, value)


_ANY = _Known((), any=True)


def read_dimensions(
    variables: Sequence[str],
    units: Sequence[Unit] | Mapping[str, Unit],
    target: Unit,
    *,
    free_constants: bool = False,
) -> Dimensions:
    """Read units, written as pint does (`"kg*m/s^2"`) or as exponents of base units of your own.

    Args:
      variables: V names.
      units: V units in their order, or by name; a variable that is not named has none.
      target: unit of the target.
      free_constants: whether constants may have any dimension.

    Raises:
      UnitsError: another number of units than of variables, units that cannot be read, or a target
        that no expression can reach.
      ModuleNotFoundError: units in words without `pint`.

    >>> dimensions = read_dimensions(["m", "a"], [(1, 0, 0), (0, 1, -2)], (1, 1, -2))
    >>> dimensions.target
    (1.0, 1.0, -2.0)
    """
    if isinstance(units, Mapping):
        strange = [name for name in units if name not in variables]
        require(not strange, f"units name {strange}; the variables are {', '.join(variables)}")
        units = [units.get(name, "") for name in variables]
    if isinstance(units, str) or len(units) != len(variables):
        raise UnitsError(f"units are {units!r}; expected one for each of {', '.join(variables)}")
    read = _in_one_basis([*units, target], [*variables, "the target"])
    return Dimensions(dict(zip(variables, read, strict=False)), read[-1], free_constants)


def _in_one_basis(units: Sequence[Unit], names: Sequence[str]) -> list[Dimension]:
    """Exponents of all units by the same base units."""
    words = [_words(unit, name) for unit, name in zip(units, names, strict=True)]
    lengths = {len(word) for word in words if isinstance(word, tuple)}
    if not lengths:
        bases = sorted({base for word in words if isinstance(word, dict) for base in word})
        return [tuple(word.get(base, 0.0) for base in bases) for word in words]  # type: ignore[union-attr]
    if len(lengths) > 1 or any(isinstance(word, dict) and word for word in words):
        raise UnitsError(
            "units mix words and exponents, or exponents of different numbers of base units: "
            f"{', '.join(f'{n}: {u!r}' for n, u in zip(names, units, strict=True))}"
        )
    none = (0.0,) * lengths.pop()
    return [word if isinstance(word, tuple) else none for word in words]


def _words(unit: Unit, name: str) -> dict[str, float] | Dimension:
    """A unit as exponents by the name of the base, or as they were given."""
    if not isinstance(unit, str):
        try:
            exponents = tuple(float(exponent) for exponent in unit)
        except (TypeError, ValueError):
            exponents = (math.nan,)
        if not all(map(math.isfinite, exponents)):
            raise UnitsError(
                f"unit of {name} is {unit!r}; expected words such as 'm/s' or exponents"
            )
        return exponents
    if unit.strip() in _DIMENSIONLESS:
        return {}
    _check_words(unit, name)
    try:
        found = _registry().parse_units(unit).dimensionality
    except ModuleNotFoundError:
        raise
    except Exception as error:  # pint's own kinds, and Python's for what its tokenizer meets
        raise UnitsError(f"unit of {name} is {unit!r}, which cannot be read: {error}") from error
    return {base: float(cast(float, power)) for base, power in found.items()}


def _check_words(unit: str, name: str) -> None:
    """Raise unless the numbers that pint computes on the way stay short.

    Pint evaluates powers as Python does, and `9**9**9` never ends. Its words and signs for powers
    count as well: all of them together must not be higher than the highest power allowed.
    """
    text = _POWER_WORDS.sub(lambda word: f"**{3 if word[0][0] == 'c' else 2} ", unit)
    text = _SUPERSCRIPTS.sub(lambda run: f"**{run[0].translate(_DIGITS)}", text)
    text = text.replace("^", "**")
    exponents = [match[1] for match in _EXPONENT.finditer(text)]
    total = math.prod(max(abs(_ratio(exponent)), 1.0) for exponent in exponents)
    if len(unit) > _LONGEST or len(exponents) < text.count("**") or total > _HIGHEST:
        raise UnitsError(
            f"unit of {name} is {unit[:_LONGEST]!r}; expected at most {_LONGEST} characters, and "
            f"powers by numbers whose product is at most {_HIGHEST}"
        )


def _ratio(exponent: str) -> float:
    """The value of an exponent such as `-2`, `0.5` or `(1/2)`."""
    above, _, below = exponent.strip("( )").partition("/")
    return float(above) / (float(below or 1) or math.inf)


def _registry() -> UnitRegistry:
    try:
        import pint
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "units in words need pint: pip install pint; exponents such as (1, 0, -2) need nothing"
        ) from error
    return pint.get_application_registry()


def _same(a: Dimension, b: Dimension) -> bool:
    return all(abs(p - q) < _CLOSE for p, q in zip(a, b, strict=True))


def _apply(operator: Operator, arguments: list[_Known | None], none: _Known) -> _Known | None:
    """What is known of an operator's result; None if its arguments do not go together."""
    parts = [part for part in arguments if part is not None]
    if len(parts) < len(arguments):
        return None
    found = _dimension(operator, parts, none)
    values = [part.value for part in parts]
    if found is None or None in values or operator.numpy is None:
        return found
    with np.errstate(all="ignore"):  # the exponent of x**(3/2) is a number
        return found._with(float(operator.numpy(*np.array(values, float))))


def _dimension(operator: Operator, parts: list[_Known], none: _Known) -> _Known | None:
    """The dimension of an operator's result; None if its arguments do not go together."""
    if operator.exponent is not None:
        return _product(parts, (float(operator.exponent),))
    match operator.name:
        case "add" | "sub" | "min" | "max":
            return _common(parts)
        case "if_greater":
            return _common(parts[2:]) if _common(parts[:2]) else None
        case "mul":
            return _product(parts, (1.0, 1.0))
        case "div":
            return _product(parts, (1.0, -1.0))
        case "pow":
            base, exponent = parts
            if exponent.value is not None:
                return _product([base], (exponent.value,))
            return none if _has_none(base) and _has_none(exponent) else None
        case "neg" | "abs":
            return _product(parts, (1.0,))
        case "sign":
            return none
    return none if all(map(_has_none, parts)) else None


def _common(parts: Sequence[_Known]) -> _Known | None:
    """One dimension that all parts can have."""
    definite = [part for part in parts if not part.any]
    if not definite:
        return _ANY
    same = all(_same(part.exponents, definite[0].exponents) for part in definite)
    return _Known(definite[0].exponents) if same else None


def _product(parts: Sequence[_Known], powers: Sequence[float]) -> _Known:
    """The dimension of a product of powers."""
    if any(part.any for part in parts):
        return _ANY
    columns = zip(*(part.exponents for part in parts), strict=True)
    return _Known(tuple(sum(p * e for p, e in zip(powers, c, strict=True)) for c in columns))


def _has_none(part: _Known) -> bool:
    return part.any or not any(abs(e) >= _CLOSE for e in part.exponents)
