"""Time derivatives of sampled motion by splines, smoothed as much as the noise asks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline, make_interp_spline, make_lsq_spline

from jaxsym._check import require

FEWEST_TIMES = 5


class Spline(NamedTuple):
    """A way to draw a curve through samples.

    Attributes:
      degree: of the polynomials.
      stride: samples for each piece; 1 goes through every sample, more smooths by least squares.
    """

    degree: int
    stride: int = 1

    def fit(self, time: np.ndarray, values: np.ndarray) -> BSpline:
        """The spline of each column of ``values [T, S]``."""
        if self.stride == 1:
            return make_interp_spline(time, values, k=self.degree)
        inner = time[self.stride : -self.stride : self.stride]
        ends = np.ones(self.degree + 1)
        knots = np.concatenate([time[0] * ends, inner, time[-1] * ends])
        return make_lsq_spline(time, values, knots, k=self.degree)

    def fits(self, times: int) -> bool:
        """Whether that many samples determine it."""
        return times > self.degree if self.stride == 1 else times >= self.degree + 2 * self.stride

    def __str__(self) -> str:
        if self.stride == 1:
            return f"interpolating spline of degree {self.degree}"
        return f"least-squares spline of degree {self.degree}, {self.stride} samples a piece"


_SIMPLEST = Spline(3)  # where samples are too few to compare
_CANDIDATES = (Spline(7), Spline(5), _SIMPLEST, *(Spline(5, 2**k) for k in range(1, 9)))


def derivatives(
    time: Float[np.ndarray, " T"], values: Float[np.ndarray, "R T N D"], *, orders: tuple[int, ...]
) -> tuple[list[Float[np.ndarray, "R T N D"]], str]:
    """Derivatives of sampled motion, and in words how they were made.

    For each body the spline is chosen that predicts every second sample best from the others:
    exact data get a curve of high degree through all samples, noisy data a smooth one. Near the
    first and the last time the derivatives are less certain.

    Args:
      time: increasing.
      values: samples of each coordinate of each body.
      orders: of the derivatives that are wanted, in that order.

    Raises:
      ValueError: fewer than 5 times.

    >>> time = np.linspace(0, 10, 201)
    >>> (speed,), how = derivatives(time, np.sin(time)[None, :, None, None], orders=(1,))
    >>> bool(abs(speed[0, :, 0, 0] - np.cos(time)).max() < 1e-7), how
    (True, 'interpolating spline of degree 7')
    """
    require(
        len(time) >= FEWEST_TIMES,
        f"there are {len(time)} times; expected at least {FEWEST_TIMES} to estimate derivatives",
    )
    runs, times, bodies, dims = values.shape
    results = [np.empty(values.shape) for _ in orders]
    chosen = []
    for body in range(bodies):
        columns = np.moveaxis(values[:, :, body], 1, 0).reshape(times, runs * dims)
        spline = _best(time, columns.astype(np.float64))
        chosen.append(spline)
        curve = spline.fit(time, columns)
        for order, result in zip(orders, results, strict=True):
            there = curve.derivative(order)(time).reshape(times, runs, dims)
            result[:, :, body] = np.moveaxis(there, 1, 0)
    return results, " or ".join(dict.fromkeys(map(str, chosen)))


def _best(time: np.ndarray, columns: np.ndarray) -> Spline:
    """The candidate that predicts the odd samples best from the even ones."""
    known, hidden = slice(0, None, 2), slice(1, len(time) - 1, 2)
    scale = columns.std(axis=0) + np.finfo(float).tiny
    best, least = _SIMPLEST, np.inf
    for candidate in _CANDIDATES:
        if not candidate.fits(len(time[known])):
            continue
        predicted = candidate.fit(time[known], columns[known])(time[hidden])
        error = np.mean(((predicted - columns[hidden]) / scale) ** 2)
        if error < least:
            best, least = candidate, error
    # half the samples had the same pieces in time
    return best if best.stride == 1 else best._replace(stride=2 * best.stride)
