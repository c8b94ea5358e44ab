"""Functions of distance as splines whose pieces hold as many samples each."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline

_DEGREE = 3
_OUTERMOST = 0.005  # share of the distances at either end that are too few for pieces of their own
_MARGIN = 0.1  # of the logarithm of distance: states that are smoothed anew may lie beyond


class DistanceSpline:
    """Cubic B-splines of the logarithm of distance, as many samples in each piece.

    Outside of the usual distances a piece is at most as wide as a factor of 2.

    Args:
      distance: sample of distances.
      pieces: number of pieces between the usual distances.

    >>> spline = DistanceSpline(np.linspace(1.0, 3.0, 1000), 8)
    >>> bool(np.allclose(spline.values(np.array([1.5, 2.5])).sum(axis=-1), 1.0))
    True
    """

    def __init__(self, distance: Float[np.ndarray, " n"], pieces: int):
        usual = np.log(np.quantile(distance, np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, pieces + 1)))
        least, most = np.log(distance.min()) - _MARGIN, np.log(distance.max()) + _MARGIN
        before = np.linspace(least, usual[0], int(np.ceil((usual[0] - least) / np.log(2.0))) + 1)
        after = np.linspace(usual[-1], most, int(np.ceil((most - usual[-1]) / np.log(2.0))) + 1)
        inner = np.unique(np.concatenate([before, usual, after]))
        self.inner = inner
        self.knots = np.pad(inner, _DEGREE, mode="edge")

    def values(self, distance: Float[np.ndarray, ...]) -> Float[np.ndarray, "... P"]:
        """``[..., P]``; distances beyond the ends are moved there."""
        u = np.clip(np.log(distance), self.inner[0], self.inner[-1])
        table = BSpline.design_matrix(u.ravel(), self.knots, _DEGREE).toarray()
        return table.reshape(*distance.shape, -1)

    def coarser(self, other: DistanceSpline) -> Float[np.ndarray, "P K"]:
        """The matrix that makes the columns of ``other``, whose knots are among these."""
        u = np.exp(np.linspace(self.inner[0], self.inner[-1], 50 * len(self.inner)))
        return np.linalg.lstsq(self.values(u), other.values(u), rcond=None)[0]
