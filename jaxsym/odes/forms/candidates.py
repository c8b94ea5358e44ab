"""Candidates for one right-hand side: fitted in rows, ranked by description length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jaxsym.expr import Expression
from jaxsym.expr.fitting.single import least_squares
from jaxsym.odes.forms.rows import Points, Rows

_OPERATORS = 7  # +, -, *, /, a power, one function, and a number
_LEAST = 0.5  # chi squared for each row; the errors of rows are rather too large than too small
_KEPT = 12  # candidates of a front
_NEGLIGIBLE = 1e-12  # of a constant's influence: it does nothing


class Candidate(NamedTuple):
    """A right-hand side.

    Attributes:
      expression: its constants are those of least chi2.
      chi2: of the rows.
      bits: of the formula without the values of its constants.
    """

    expression: Expression
    chi2: float
    bits: float


def shortened(expression: Expression) -> Expression:
    """With six digits of every constant, for people.

    >>> from jaxsym.expr import parse
    >>> shortened(parse("1.300970614624*x"))
    Expression(1.30097*x)
    """
    return expression.with_constants([float(f"{c:.6g}") for c in expression.constants])


def formula_bits(expression: Expression, variables: int) -> float:
    """Bits of a formula without its constants' values: a choice of one symbol for each node.

    The symbols are the variables, a number, and the operators that most formulas make do with.
    """
    return expression.complexity * math.log2(_OPERATORS + variables)


def fitted(expressions: Iterable[Expression], rows: Rows, points: Points) -> list[Candidate]:
    """The candidates with their constants fitted, each once; only those with finite values."""
    columns, weights = points.columns(), np.ones(len(rows.target))
    found: dict[str, Candidate] = {}
    for expression in dict.fromkeys(e.canonical() for e in expressions):
        solved = least_squares(
            expression, columns, rows.target, weights, through=rows.through, steps=30
        )
        if not math.isfinite(solved.loss):
            continue
        best = expression.with_constants(solved.constants)
        shown = best.evaluate(points.table, points.variables)
        if np.all(np.isfinite(shown)):
            bits, chi2 = formula_bits(best, len(points.variables)), solved.loss * len(weights)
            found.setdefault(str(shortened(best)), Candidate(best, chi2, bits))
    return list(found.values())


def lengths(candidates: Sequence[Candidate], rows: int) -> np.ndarray:
    """Description lengths in bits.

    Where no candidate explains the rows, chi squared counts in units of what the best leaves.
    """
    least = min(c.chi2 / max(rows - len(c.expression.constants), 1) for c in candidates)
    misfit = np.array([c.chi2 for c in candidates]) / max(least, _LEAST) / (2 * math.log(2))
    numbers = np.array([len(c.expression.constants) for c in candidates])
    return misfit + [c.bits for c in candidates] + numbers * math.log2(rows) / 2


def shortest(candidates: Sequence[Candidate], rows: int, kept: int = _KEPT) -> list[Candidate]:
    """The candidates of least description length, the best first."""
    if not candidates:
        return []
    order = np.argsort(lengths(candidates, rows), kind="stable")
    return [candidates[i] for i in order[:kept]]
