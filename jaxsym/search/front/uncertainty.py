"""How well the numbers of an equation are known, and what that makes of its values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.expr import Expression
from jaxsym.expr.fitting.errors import covariance
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.expr.fitting.single import least_squares
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.problem import Problem

_STEP = 1e-6  # relative, of difference quotients
_UNKNOWN = 1.0  # relative standard error from which on a number is not determined
_DIGITS = 2  # of standard errors in words


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors of an equation's numbers, to first order.

    Attributes:
      expression: with all its numbers as constants, exact ones too, exponents apart.
      covariance: `[K, K]` of these; infinite where as many numbers as samples leave nothing that
        tells the noise.
    """

    expression: Expression
    covariance: Float[np.ndarray, "K K"]

    @classmethod
    def of(cls, expression: Expression, covariance: Sequence[Sequence[float]]) -> Uncertainty:
        """Of an equation and the covariance of its numbers; an empty one is infinite.

        Raises:
          ValueError: another number of them.
        """
        free = with_free_numbers(expression)
        shape = (len(free.constants),) * 2
        matrix = np.asarray(covariance if len(covariance) else np.full(shape, math.inf), np.float64)
        require(
            matrix.shape == shape,
            f"covariance has shape {matrix.shape}; expected {shape} for {expression}",
        )
        return cls(free, matrix)

    @property
    def constants(self) -> tuple[float, ...]:
        """`[K]` the numbers."""
        return self.expression.constants

    @property
    def errors(self) -> Float[np.ndarray, " K"]:
        """`[K]` standard errors."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> Float[np.ndarray, "K K"]:
        """`[K, K]` correlations; nan where an error is zero or infinite."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.covariance / np.outer(self.errors, self.errors)

    @property
    def determined(self) -> tuple[bool, ...]:
        """`[K]` whether each number is known better than by its own size."""
        pairs = zip(self.constants, self.errors.tolist(), strict=True)
        return tuple(error < _UNKNOWN * abs(value) for value, error in pairs)

    def std(self, X: Float[np.ndarray, "n V"], variables: Sequence[str]) -> Float[np.ndarray, " n"]:
        """Standard deviations of the equation's values at some points; the noise is not in them."""
        values = np.array(self.constants)
        steps = _STEP * np.where(values == 0, 1.0, np.abs(values))
        slopes = np.zeros((len(X), len(values)))
        for slot, step in enumerate(steps):
            above, below = values.copy(), values.copy()
            above[slot] += step
            below[slot] -= step
            ends = [
                self.expression.with_constants(end.tolist()).evaluate(X, variables)
                for end in (above, below)
            ]
            slopes[:, slot] = (ends[0] - ends[1]) / (above[slot] - below[slot])
        with np.errstate(invalid="ignore"):
            variance = np.einsum("nk,kl,nl->n", slopes, self.covariance, slopes)
        return np.sqrt(np.maximum(variance, 0.0))

    def __str__(self) -> str:
        rows = zip(self.constants, self.errors.tolist(), self.determined, strict=True)
        return "; ".join(
            _in_words(value, error) + ("" if known else " (not determined)")
            for value, error, known in rows
        )


def uncertainty(problem: Problem, expression: Expression) -> Uncertainty:
    """The standard errors of an expression that has been fitted to a problem.

    With noise that is known they follow from it, else from what the expression leaves, with one
    degree of freedom less for each number.

    Args:
      problem: the table.
      expression: with its constants at their best.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.search.problem.problem import make_problems
    >>> x = np.arange(8.0)[:, None]
    >>> y = 2 * x + 1 + 0.1 * np.array([[1, -1, -1, 1, 1, -1, -1, 1]]).T
    >>> (problem,) = make_problems(x, y, None, variables="x", operators={}, max_complexity=9)
    >>> print(uncertainty(problem, parse("2*x + 1")))
    2.000 +- 0.018; 1.000 +- 0.075
    """
    free = with_free_numbers(expression)
    count = len(free.constants)
    if not count:
        return Uncertainty(free, np.zeros((0, 0)))
    columns = dict(zip(problem.variables, problem.X.T, strict=True))
    fit = least_squares(free, columns, problem.y, problem.weights, steps=1)
    freedom = problem.samples - count
    if problem.noise:
        variance = problem.noise / problem.samples
    else:
        variance = fit.loss / freedom if freedom > 0 else math.inf
    if not (math.isfinite(variance) and np.all(np.isfinite(fit.curvature))):
        return Uncertainty(free, np.full((count, count), math.inf))
    return Uncertainty(free, covariance(fit.curvature, variance))


class Uncertainties:
    """Those of all equations of some fronts.

    Args:
      tables: for each front, by the tokens of its expressions; empty where nothing is known.
    """

    def __init__(self, tables: Sequence[Mapping[tuple[str, ...], Uncertainty]]):
        self._tables = tables

    @classmethod
    def fitted(cls, fronts: Sequence[ParetoFront], problems: Sequence[Problem]) -> Uncertainties:
        """Of fronts that were found for some problems."""
        pairs = zip(fronts, problems, strict=True)
        return cls(
            [{c.expression.tokens: uncertainty(p, c.expression) for c in f} for f, p in pairs]
        )

    @classmethod
    def from_json(cls, fronts: Sequence[ParetoFront], stored: Any) -> Uncertainties:
        """What `to_json` wrote; nothing for files of the version before, which have none.

        Raises:
          ValueError: another number of matrices, or matrices of another size.
        """
        if stored is None:
            return cls([{} for _ in fronts])
        sizes = [len(rows) for rows in stored]
        require(
            sizes == [len(front) for front in fronts],
            f"covariances of {sizes} equations are saved; expected one for each of the fronts'",
        )
        return cls(
            [
                {
                    c.expression.tokens: Uncertainty.of(c.expression, matrix)
                    for c, matrix in zip(front, rows, strict=True)
                }
                for front, rows in zip(fronts, stored, strict=True)
            ]
        )

    def to_json(self, fronts: Sequence[ParetoFront]) -> list[list[list]] | None:
        """The covariances in plain JSON types, empty where they are infinite."""
        if not all(self._tables):
            return None

        def plain(matrix: np.ndarray) -> list:
            return matrix.tolist() if np.all(np.isfinite(matrix)) else []

        pairs = zip(fronts, self._tables, strict=True)
        return [[plain(table[c.expression.tokens].covariance) for c in f] for f, table in pairs]

    def of(self, chosen: Sequence[Expression]) -> list[Uncertainty]:
        """Those of one expression of each front.

        Raises:
          ValueError: nothing is known.
        """
        require(all(self._tables), "the model was saved without standard errors; fit it again")
        return [table[e.tokens] for table, e in zip(self._tables, chosen, strict=True)]


def _in_words(value: float, error: float) -> str:
    """A number to the digits that its error lets it have."""
    if not 0 < error < math.inf:
        return f"{value:g} +- {error:g}"
    places = _DIGITS - 1 - math.floor(math.log10(error))
    if 0 <= places < 6 and abs(value) < 1e6:
        return f"{value:.{places}f} +- {error:.{places}f}"
    digits = max(_DIGITS, places + 1 + math.floor(math.log10(max(abs(value), error))))
    return f"{value:.{min(digits, 17)}g} +- {error:.{_DIGITS}g}"
