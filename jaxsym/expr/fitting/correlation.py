"""How many independent rows there are where errors of neighboring rows are alike."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_TINY = 1e-300


def effective_rows(residual: Float[np.ndarray, " n"], order: Float[np.ndarray, " n"]) -> float:
    """Number of rows over the integrated autocorrelation time of what an equation leaves.

    The autocorrelations of neighbors are summed in pairs for as long as these are positive (Geyer
    1992, Statistical Science 7:473, section 3.3).

    Args:
      residual: of an equation; of one that has the right form, it is the error.
      order: along which errors may be alike, such as time.

    >>> rng = np.random.default_rng(0)
    >>> time = rng.permutation(400.0 * np.arange(400))
    >>> 300 < effective_rows(rng.normal(size=400), time) <= 400
    True
    >>> effective_rows(np.sin(time / 8000.0), time) < 30
    True
    """
    series = residual[np.argsort(order, kind="stable")]
    series = series - series.mean()
    count = len(series)
    power = np.abs(np.fft.rfft(series, 2 * count)) ** 2
    covariances = np.fft.irfft(power)[:count]
    if not covariances[0] > _TINY:
        return float(count)
    alike = covariances / covariances[0]
    pairs = alike[: count - count % 2].reshape(-1, 2).sum(1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if len(ends) else pairs
    return float(np.clip(count / max(2 * positive.sum() - 1, 1.0), 1.0, count))
