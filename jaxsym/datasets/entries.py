"""Entries of a column: numbers, labels, or other text with the place where it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxsym._check import shown

_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
_MOSTLY = 0.5  # from this share of numbers on a column is one of numbers with a fault in it


class Column(NamedTuple):
    """A column of a table.

    Attributes:
      values: numbers in float64 (NaN where one is missing), or labels as text; None where the
        column is neither.
      fault: where and what it holds in place of numbers.
      text: whether it is a column of text; else one of numbers with a fault.
    """

    values: np.ndarray | None
    fault: str = ""
    text: bool = False


def text_column(
    cells: Sequence[str], label: bool = False, row: Callable[[int], str] = lambda i: f"row {i + 1}"
) -> Column:
    """The column that some text makes.

    Args:
      cells: its entries.
      label: whether they are names and stay text; one that is missing is None.
      row: in words where the entry of an index is.

    >>> text_column(["1", "", "2.5"]).values.tolist()
    [1.0, nan, 2.5]
    >>> text_column(["1", "2", "far"]).fault
    'holds far in row 3; expected a number'
    """
    if label:
        return Column(np.array([cell or None for cell in cells], object))
    values = parse_numbers(cells)
    if values is not None:
        return Column(values)
    bad = [i for i, cell in enumerate(cells) if parse_numbers([cell]) is None]
    return Column(None, fault(cells[bad[0]], row(bad[0])), is_text(cells))


def typed_column(kind: str) -> Column:
    """A column of values that are no numbers by their type."""
    return Column(None, f"holds values of type {shown(kind)}; expected numbers", True)


def fault(cell: str, place: str) -> str:
    """What is wrong with an entry."""
    return f"holds {shown(cell)} in {place}; expected a number"


def is_text(cells: Sequence[str]) -> bool:
    """Whether fewer than half of the entries that are given are numbers."""
    given = [cell for cell in cells if cell.strip().lower() not in _MISSING]
    numbers = sum(any(parse_numbers([cell], sign) is not None for sign in ".,") for cell in given)
    return numbers < _MOSTLY * len(given)


def parse_numbers(cells: Sequence[str], decimal: str = ".") -> np.ndarray | None:
    """Text as float64, exactly as Python reads it; None if an entry is no number.

    >>> parse_numbers(["1,5", "2"], decimal=",").tolist()
    [1.5, 2.0]
    >>> parse_numbers(["1_000"]) is None
    True
    """
    joined = " ".join(cells)
    if "_" in joined or (decimal == "," and "." in joined):
        return None
    if decimal == ",":
        cells = [cell.replace(",", ".", 1) for cell in cells]
    try:
        return np.array(cells, np.float64)
    except ValueError:
        pass
    try:
        return np.array(
            ["nan" if cell.strip().lower() in _MISSING else cell for cell in cells], np.float64
        )
    except ValueError:
        return None


def looks_like_number(cell: str) -> bool:
    """Whether an entry begins as numbers do; names of columns do not.

    >>> [looks_like_number(cell) for cell in ("-1.5", "1,5", ".5", "x1", "nan", "")]
    [True, True, True, False, False, False]
    """
    return re.fullmatch(r"[+-]?\d*[.,]?\d+([eEdD][+-]?\d+)?", cell.strip()) is not None
