"""Weighted linear least squares: coefficients of features in closed form."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from jaxsym.search.problem.problem import Problem


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
    coefficients = np.linalg.lstsq(design, root * problem.y, rcond=1e-14)[0] / scale
    return coefficients, problem.loss_of(features @ coefficients)
