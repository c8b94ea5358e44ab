"""Views of a result: what is drawn, typeset or compared may fail, and the result stays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class LeftOutWarning(UserWarning):
    """A view of a result could not be made; everything else is there."""


def attempt(what: str, make: Callable[[], T], otherwise: T) -> T:
    """What ``make`` returns, or ``otherwise`` and a warning with the reason if it raises.

    Args:
      what: is made, in words.
      make: makes it. Ctrl-C in it is raised.
      otherwise: takes its place.

    >>> attempt("the sum", lambda: 1 + 1, 0)
    2
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     attempt("the quotient", lambda: 1 / 0, None)
    >>> print(told[0].message)
    the quotient is left out: ZeroDivisionError: division by zero
    """
    try:
        return make()
    except Exception as failure:
        reason = f"{type(failure).__name__}: {failure}".rstrip(": ")
        warnings.warn(f"{what} is left out: {reason}", LeftOutWarning, stacklevel=3)
        return otherwise
