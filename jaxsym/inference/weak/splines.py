"""Functions of distance as splines whose pieces hold enough samples and are narrow enough."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline

_DEGREE = 3
_OUTERMOST = 0.005  # share of the distances at either end that are too few for pieces of their own
_MARGIN = 0.1  # of the logarithm of distance: states that are smoothed anew may lie beyond
# Of the logarithm of distance. Where few samples lie, pieces with as many samples as the others
# would be wide, and a pull that falls steeply is off in them by more than its errors: 1/r^2 by
# 16 h^4 / 384 of itself, which is 2e-4 with this h.
_WIDEST = 0.26
_FEWEST = 20  # samples of a piece


class DistanceSpline:
    """Cubic B-splines of the logarithm of distance.

    Outside of the usual distances a piece is at most as wide as a factor of 2.

    Args:
      distance: sample of distances.
      pieces: number of pieces between the usual distances that hold as many samples each; those
        that are wide are divided further where there are samples enough.

    >>> spline = DistanceSpline(np.linspace(1.0, 3.0, 1000), 8)
    >>> bool(np.allclose(spline.values(np.array([1.5, 2.5])).sum(axis=-1), 1.0))
    True
    """

    def __init__(self, distance: Float[np.ndarray, " n"], pieces: int):
        usual = np.log(np.quantile(distance, np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, pieces + 1)))
        usual = _divided(usual, np.log(distance))
        least, most = np.log(distance.min()) - _MARGIN, np.log(distance.max()) + _MARGIN
        before = np.linspace(least, usual[0], int(np.ceil((usual[0] - least) / np.log(2.0))) + 1)
        after = np.linspace(usual[-1], most, int(np.ceil((most - usual[-1]) / np.log(2.0))) + 1)
        self._set(np.unique(np.concatenate([before, usual, after])))

    def _set(self, inner: np.ndarray) -> None:
        self.inner, self.knots = inner, np.pad(inner, _DEGREE, mode="edge")

    def every(self, stride: int) -> DistanceSpline:
        """The spline with pieces so many times as wide, whose knots are among these."""
        other = object.__new__(DistanceSpline)
        other._set(np.append(self.inner[:-1:stride], self.inner[-1]))
        return other

    def values(self, distance: Float[np.ndarray, ...]) -> Float[np.ndarray, "... P"]:
        """``[..., P]``; distances beyond the ends are moved there."""
        u = np.clip(np.log(distance), self.inner[0], self.inner[-1])
        table = BSpline.design_matrix(u.ravel(), self.knots, _DEGREE).toarray()
        return table.reshape(*distance.shape, -1)

    def coarser(self, other: DistanceSpline) -> Float[np.ndarray, "P K"]:
        """The matrix that makes the columns of ``other``, whose knots are among these."""
        u = np.exp(np.linspace(self.inner[0], self.inner[-1], 50 * len(self.inner)))
        return np.linalg.lstsq(self.values(u), other.values(u), rcond=None)[0]


def _divided(knots: np.ndarray, u: np.ndarray) -> np.ndarray:
    """More knots in wide pieces, as long as each piece holds enough samples."""
    found = [knots[0]]
    for begin, end in zip(knots[:-1], knots[1:], strict=True):
        parts = np.linspace(begin, end, int(np.ceil((end - begin) / _WIDEST)) + 1)[1:-1]
        for knot in parts:
            enough = [np.sum((u > a) & (u <= b)) for a, b in ((found[-1], knot), (knot, end))]
            if min(enough) >= _FEWEST:
                found.append(knot)
        found.append(end)
    return np.array(found)
