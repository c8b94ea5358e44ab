"""Local polynomials as linear functions of samples: smoothing, derivatives, interpolation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int


class LocalPolynomials(NamedTuple):
    """A polynomial about each of Q times, fitted to the n samples nearest to it.

    Attributes:
      nearest: which samples.
      weights: what value, first and second derivative at the time are of these samples.
      samples: T, of the whole series.
    """

    nearest: Int[np.ndarray, "Q n"]
    weights: Float[np.ndarray, "3 Q n"]
    samples: int

    def apply(self, values: Float[np.ndarray, "T ..."], order: int = 0) -> np.ndarray:
        """Value or derivative ``[Q, ...]`` of series with samples ``[T, ...]``."""
        return np.einsum("qn,qn...->q...", self.weights[order], values[self.nearest])

    def matrix(self, order: int = 0) -> scipy.sparse.csr_array:
        """`apply` as a matrix ``[Q, T]``."""
        rows = np.repeat(np.arange(len(self.nearest)), self.nearest.shape[1])
        entries = (self.weights[order].ravel(), (rows, self.nearest.ravel()))
        return scipy.sparse.csr_array(entries, shape=(len(self.nearest), self.samples))


def local_polynomials(
    time: Float[np.ndarray, " T"], at: Float[np.ndarray, " Q"], *, count: int, degree: int
) -> LocalPolynomials:
    """Least-squares polynomials through the ``count`` samples nearest to each time.

    Samples weigh as Epanechnikov's kernel has it, ``1 - u^2`` (Fan and Gijbels 1996, section 3.2),
    which reaches zero at the first sample that is left out. With one sample more than the degree
    the polynomials interpolate.

    Args:
      time: of the samples, increasing.
      at: times of interest.
      count: n, above the degree and at most T.
      degree: of the polynomials.

    >>> time = np.array([0.0, 0.1, 0.3, 0.4, 0.7, 0.9])
    >>> fit = local_polynomials(time, np.array([0.5]), count=5, degree=2)
    >>> [round(float(fit.apply(time**2, order)[0]), 9) for order in (0, 1, 2)]
    [0.25, 1.0, 2.0]
    """
    index = _nearest(time, at, count)[:, None] + np.arange(count)
    away = time[index] - at[:, None]
    reach = np.abs(away).max(axis=1, keepdims=True)
    u = away / reach
    # the first sample left out is about one spacing beyond the last
    kernel = 1.0 - (u / (1.0 + 2.0 / count)) ** 2
    powers = u[..., None] ** np.arange(degree + 1)
    root = np.sqrt(kernel)[..., None]
    solved = np.linalg.pinv(root * powers) * root.swapaxes(1, 2)  # [Q, degree + 1, n]
    orders = range(3)
    weights = np.zeros((3, *index.shape))
    for order in orders[: degree + 1]:
        weights[order] = math.factorial(order) * solved[:, order] / reach**order
    return LocalPolynomials(index, weights, len(time))


def _nearest(time: np.ndarray, at: np.ndarray, count: int) -> np.ndarray:
    """The first of the ``count`` successive samples whose farthest is nearest."""
    starts = np.arange(len(time) - count + 1)
    # moving one on pays as soon as the sample gained is nearer than the sample lost
    middles = (time[starts[:-1]] + time[starts[1:] + count - 1]) / 2.0
    return np.searchsorted(middles, at)
