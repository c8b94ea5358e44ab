"""Argument checks shared by every room: errors name the argument, what was got and expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_SHOWN = 60  # characters of a value in an error
_LISTED = 40  # names in an error
_COMPARED = 1000  # names that a misspelt one is compared with, which takes a while each


class MalformedError(ValueError):
    """A file that is damaged, or is not what its name says."""


def require(condition: bool, message: str, error: type[ValueError] = ValueError) -> None:
    """Raise ``error(message)`` unless ``condition`` holds.

    >>> require(True, "never raised")
    """
    if not condition:
        raise error(message)


def numbers(name: str, values: Any) -> np.ndarray:
    """What a user brings as an array of numbers, in float64 unless it is float32.

    Raises:
      ValueError: ragged rows, text, complex numbers, or anything else that is no number.

    >>> numbers("mass", np.ones(2, np.float16)).dtype.name, numbers("mass", [1, 2]).dtype.name
    ('float64', 'float64')
    >>> numbers("mass", ["1.0", "2.0"])
    Traceback (most recent call last):
        ...
    ValueError: mass is not an array of numbers: it holds values of type <U3
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and not any(isinstance(v, str | bytes) for v in array.flat):
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is not an array of numbers: {shown(error)}") from None
    require(
        array.dtype.kind in "biuf",
        f"{name} is not an array of numbers: it holds values of type {shown(array.dtype)}",
    )
    return array if array.dtype == np.float32 else array.astype(np.float64)


def unknown_name(kind: str, got: str, known: Iterable[str]) -> ValueError:
    """The error for a name that is not in a table, with the nearest known one.

    >>> str(unknown_name("law", "sprnig", ["spring", "r2"]))
    "unknown law 'sprnig'; did you mean 'spring'? known: spring, r2"
    """
    known = list(known)
    near = difflib.get_close_matches(got, known[:_COMPARED], n=1)
    hint = f"; did you mean '{shown(near[0])}'?" if near else ";"
    return ValueError(f"unknown {kind} '{shown(got)}'{hint} known: {listed(known)}")


def shown(value: Any) -> str:
    """A value in an error: on one line, and cut where it is long.

    >>> shown("two   words"), len(shown("x" * 1000))
    ('two words', 60)
    """
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def listed(names: Iterable[Any]) -> str:
    """Names in an error, the first ones if there are many.

    >>> listed("ab"), listed(range(100)).endswith("38, 39 and 60 more")
    ('a, b', True)
    """
    names = list(names)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(shown, names[:_LISTED])) + more


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Whatever a parser of another package raises inside becomes one ``ValueError``.

    Such parsers meet damaged bytes with errors of any kind. Errors of our own stay as they are, and
    so do packages that are missing and memory that does not suffice.

    >>> with malformed("an archive"):
    ...     {}["a"]
    Traceback (most recent call last):
        ...
    jaxsym._check.MalformedError: not an archive, or cut short or damaged (KeyError: 'a')
    """
    try:
        yield
    except (ImportError, MemoryError, MalformedError):
        raise
    except Exception as error:
        raise MalformedError(
            f"not {what}, or cut short or damaged ({type(error).__name__}: {shown(error)})"
        ) from error


def finite(name: str, array: Any) -> None:
    """Raise ``ValueError`` with the place of the first NaN or infinity in ``array``.

    >>> finite("mass", [1.0, 2.0])
    >>> finite("mass", [1.0, float("nan")])
    Traceback (most recent call last):
        ...
    ValueError: mass has a non-finite value (nan) at index (1,); expected finite numbers
    """
    values = np.asarray(array)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} has a non-finite value ({values[place]}) at index {place}; "
            "expected finite numbers"
        )
