"""Weighted linear least squares in closed form: coefficients, and shares that are explained."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import RCOND, ROUNDING


def linear_fit(
    problem: Problem, features: Float[np.ndarray, "n k"]
) -> tuple[Float[np.ndarray, " k"], float]:
    """Coefficients with the least weighted squared error, and that error as a mean.

    The error is infinite, and the coefficients zero, where a feature is not finite.
    """
    root = np.sqrt(problem.weights)
    with np.errstate(all="ignore"):
        design = root[:, None] * features
        scale = np.sqrt((design**2).sum(0))
        design = design / scale
    if not np.all(np.isfinite(design)):
        return np.zeros(features.shape[1]), math.inf
    coefficients = np.linalg.lstsq(design, root * problem.y, rcond=RCOND)[0] / scale
    return coefficients, problem.loss_of(features @ coefficients)


def two_regressors(a: Any, b: Any, overlap: Any, *, min_rest: float, xp: Any = np) -> Any:
    """Share of a target's variance that two regressors and an offset explain together.

    Args:
      a, b: correlations of either regressor with the target.
      overlap: their correlation with each other.
      min_rest: least `1 - overlap**2` that rounding leaves of different regressors; below it the
        better one counts alone.
      xp: numpy, or jax.numpy.

    >>> float(two_regressors(0.6, 0.8, 0.0, min_rest=1e-9))
    1.0
    """
    rest = 1 - overlap**2
    both = (a**2 + b**2 - 2 * a * b * overlap) / xp.maximum(rest, min_rest)
    either = xp.maximum(a**2, b**2) + 0 * overlap
    return xp.where(rest > min_rest, xp.clip(both, either, 1.0), either)


def as_short(loss: float, rows: int, square: float) -> float:
    """The loss up to which a form with one constant less describes the data as shortly.

    A constant costs half the logarithm of the number of rows (Schwarz 1978), and half the number of
    rows times the logarithm of the loss is what it must save.

    Args:
      loss: of the form with all constants.
      rows: number of rows.
      square: weighted square of the target, of which a share is rounding.

    >>> round(as_short(1.0, 256, 0.0), 3)
    1.022
    """
    return loss * rows ** (1 / rows) + ROUNDING * square
