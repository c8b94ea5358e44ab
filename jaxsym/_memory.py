"""The budget of memory that a piece of work keeps to, or is refused before it begins."""

from __future__ import annotations

import os

from jaxsym._check import require

VARIABLE = "JAXSYM_MEMORY_GB"
_USUAL = 4.0  # GB: what a laptop has to spare
_BASE = 0.6  # GB that a process has taken when JAX has compiled its first programs


def budget_gb() -> float:
    """Gigabytes that one piece of work may take: 4, or what `JAXSYM_MEMORY_GB` says.

    Raises:
      ValueError: the variable is no positive number.

    >>> budget_gb()
    4.0
    """
    text = os.environ.get(VARIABLE, str(_USUAL))
    try:
        budget = float(text)
    except ValueError:
        budget = 0.0
    require(0 < budget < 1e6, f"{VARIABLE} is {text!r}; expected a positive number of gigabytes")
    return budget


def most_numbers(copies: float) -> int:
    """How many float64 numbers fit, of which so many copies are made at once.

    >>> most_numbers(copies=10)
    45634027
    """
    return max(1, int((budget_gb() - _BASE) * 2**30 / (8 * copies)))


def in_words() -> str:
    """The budget in an error.

    >>> in_words()
    '4 GB of memory (JAXSYM_MEMORY_GB)'
    """
    return f"{budget_gb():g} GB of memory ({VARIABLE})"
