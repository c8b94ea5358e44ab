"""Standard errors of fitted constants."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_SINGULAR = 1e-14  # eigenvalue, of a curvature with ones on its diagonal, that is rounding


def standard_errors(
    curvature: Float[np.ndarray, "K K"], variance: float
) -> Float[np.ndarray, " K"]:
    """Roots of the diagonal of ``variance * inverse(curvature)``, large where that is singular.

    Args:
      curvature: weighted mean of the products of the residuals' derivatives.
      variance: weighted mean squared residual over the number of residuals.

    >>> standard_errors(np.diag([4.0, 1.0]), 0.25).tolist()
    [0.25, 0.5]
    """
    return np.sqrt(np.diag(covariance(curvature, variance)))


def covariance(curvature: Float[np.ndarray, "K K"], variance: float) -> Float[np.ndarray, "K K"]:
    """``variance * inverse(curvature)``, large in the directions in which that is singular.

    Args:
      curvature: weighted mean of the products of the residuals' derivatives.
      variance: weighted mean squared residual over the number of residuals.

    >>> covariance(np.array([[2.0, 1.0], [1.0, 2.0]]), 3.0).round(9).tolist()
    [[2.0, -1.0], [-1.0, 2.0]]
    """
    scale = np.sqrt(np.diag(curvature))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    inverse = (vectors / np.maximum(values, _SINGULAR)) @ vectors.T
    return variance * inverse / np.outer(scale, scale)
