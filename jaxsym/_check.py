"""Argument checks shared by every room: errors name the argument, what was got and expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless ``condition`` holds.

    >>> require(True, "never raised")
    """
    if not condition:
        raise ValueError(message)


def unknown_name(kind: str, got: str, known: Iterable[str]) -> ValueError:
    """The error for a name that is not in a table, with the nearest known one.

    >>> str(unknown_name("law", "sprnig", ["spring", "r2"]))
    "unknown law 'sprnig'; did you mean 'spring'? known: spring, r2"
    """
    known = list(known)
    near = difflib.get_close_matches(got, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return ValueError(f"unknown {kind} '{got}'{hint} known: {', '.join(known)}")


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
