"""The noise of measured positions, from these alone; jumps, and periodic boxes undone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float, Int

from jaxsym._check import require

FEWEST_SAMPLES = 5
_DEGREES = (2, 3, 4, 5, 6)
_SPARE = 3  # samples of a window beyond those that determine its polynomial, where there are many
_FAR = 6.0  # times the usual mean square: windows beyond hold motion or jumps besides noise
_ALIKE = 3.0  # standard errors within which noises of several groups count as one
_ABRUPT = 10.0  # how much a jump stands out from the steps around it
_FASTER = 3.0  # than nine tenths of all steps is a jump
_AROUND = 3  # steps to either side
_BEYOND = 2  # steps that there must be to either side: an encounter at an end looks like a jump
_SLIGHT = 1e-3  # of a column's standard deviation: ten times as much is the least jump


class Noise(NamedTuple):
    """Standard deviation of independent normal noise of S columns.

    Attributes:
      sigma: of each column.
      error: its standard error.
      pooled: whether all columns have one sigma, as the data do not tell them apart.
    """

    sigma: Float[np.ndarray, " S"]
    error: Float[np.ndarray, " S"]
    pooled: bool


class Jump(NamedTuple):
    """A step that the motion around it does not explain.

    Attributes:
      column: of the values.
      sample: the first one after it.
      size: of the step beyond what was expected.
    """

    column: int
    sample: int
    size: float


def estimate_noise(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, "T S"],
    *,
    groups: Int[np.ndarray, " S"] | None = None,
) -> Noise:
    """Noise as what local polynomials leave, with their degrees of freedom.

    Each window of successive samples leaves a residual that a polynomial of low degree cannot
    take. Lower degrees leave motion, too: the lowest counts that leaves no more than the least.
    Windows that leave far more than usual hold an encounter or a jump and do not count.

    Args:
      time: increasing, unevenly spaced as may be.
      values: NaN where a sample is missing.
      groups: columns with the same number have the same sigma; by default each is its own group.
        Groups that the data do not tell apart are pooled; those whose motion is too fast for
        their samples, so that every degree leaves less, get at most what the others have.

    Raises:
      ValueError: a column with fewer than five samples.

    >>> rng = np.random.default_rng(0)
    >>> time = np.sort(rng.uniform(0.0, 10.0, 300))
    >>> found = estimate_noise(time, (np.sin(time) + 0.02 * rng.normal(size=300))[:, None])
    >>> bool(abs(found.sigma[0] - 0.02) < 3.0 * found.error[0] < 0.006)
    True
    """
    columns = values.shape[1]
    groups = np.arange(columns) if groups is None else groups
    present = ~np.isnan(values)
    fewest = int(present.sum(axis=0).min())
    require(
        fewest >= FEWEST_SAMPLES,
        f"a column has {fewest} samples; expected at least {FEWEST_SAMPLES} to estimate its noise",
    )
    spare = min(_SPARE, fewest - 1 - _DEGREES[0])
    found = [_residuals(time, values, present, degree, spare) for degree in _DEGREES]
    names = np.unique(groups)
    each = [_least(found, groups == name) for name in names]
    settled = np.array([one.settled for one in each])
    sigma, error = np.array([one[:2] for one in each]).T
    if settled.any():
        together = _least(found, settled[np.searchsorted(names, groups)])
        apart = np.abs(sigma - together.sigma)[settled] / error[settled]
        if np.quantile(apart, 0.9) <= _ALIKE:
            return Noise(np.full(columns, together.sigma), np.full(columns, together.error), True)
        sigma[~settled] = np.minimum(sigma[~settled], together.sigma)
    which = np.searchsorted(names, groups)
    return Noise(sigma[which], error[which], False)


def noise_exceeds_motion(
    values: Float[np.ndarray, "T S"], sigma: Float[np.ndarray, " S"]
) -> Bool[np.ndarray, " S"]:
    """Which columns vary by noise more than by motion.

    >>> noise_exceeds_motion(np.array([[0.1, 5.0], [-0.1, 1.0]]), np.array([0.1, 0.1])).tolist()
    [True, False]
    """
    return np.nanvar(values, axis=0) < 2.0 * sigma**2


def find_jumps(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, "T S"],
    sigma: Float[np.ndarray, " S"],
) -> list[Jump]:
    """Steps far larger than the velocities before and after let expect: lost tracks, boxes' edges.

    A step counts that differs from the median of the three steps to either side by ten times what
    all of these but one differ from it, noise included. A single sample that is off makes two. The
    first two steps and the last two do not count: bodies that meet there move alike.

    Args:
      time: increasing.
      values: NaN where a sample is missing.
      sigma: of the noise.

    >>> time = np.linspace(0.0, 1.0, 21)
    >>> [jump] = find_jumps(time, (3.0 * time % 2.0)[:, None], np.array([1e-3]))
    >>> jump.sample, round(jump.size, 6)
    (14, -2.0)
    """
    found = []
    for column in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(values[:, column]))
        if len(known) > 2 * _AROUND:
            after = _jumps(time[known], values[known, column], sigma[column])
            found += [Jump(column, int(known[i]), float(size)) for i, size in after]
    return found


def unwrap(values: Float[np.ndarray, "T ..."], box: float) -> Float[np.ndarray, "T ..."]:
    """Positions in a periodic box of edge ``box`` as continuous motion; NaN stays NaN.

    >>> unwrap(np.array([1.6, 1.9, 0.2, np.nan, 0.6]), 2.0).round(6).tolist()
    [1.6, 1.9, 2.2, nan, 2.6]

    Raises:
      ValueError: a box that is not positive.
    """
    require(box > 0, f"box is {box}; expected the positive length of the periodic box")
    result = np.array(values, float, order="C")  # columns are changed in place
    flat = result.reshape(len(result), -1)
    for column in flat.T:
        known = ~np.isnan(column)
        column[known] = np.unwrap(column[known], period=box)
    return result


def _jumps(time: np.ndarray, values: np.ndarray, sigma: float) -> list[tuple[int, float]]:
    """Index after each jump and its size."""
    step = np.diff(time)
    rate = np.diff(values) / step
    least = np.maximum(2.0 * sigma, _SLIGHT * np.std(values)) / step
    fast = _FASTER * np.quantile(np.abs(rate), 0.9)
    found = []
    for i in range(_BEYOND, len(rate) - _BEYOND):
        around = np.r_[rate[max(0, i - _AROUND) : i], rate[i + 1 : i + 1 + _AROUND]]
        expected = np.median(around)
        # the largest may be another jump, as where a single sample is off
        usual = max(np.sort(np.abs(around - expected))[-2], least[i])
        if abs(rate[i] - expected) > max(_ABRUPT * usual, fast):
            found.append((i + 1, (rate[i] - expected) * step[i]))
    return found


class _Residuals(NamedTuple):
    """Mean squares of windows, with ``spare`` degrees of freedom each, and their columns."""

    column: np.ndarray
    variance: np.ndarray
    spare: int


def _residuals(time, values, present, degree, spare) -> _Residuals:
    """Of windows as far apart as they have degrees of freedom: each tells something of its own."""
    count = degree + 1 + spare
    column, variance = [], []
    for c in range(values.shape[1]):
        known = np.flatnonzero(present[:, c])
        start = np.arange(0, len(known) - count + 1, spare)
        index = known[start[:, None] + np.arange(count)]
        t, y = time[index], values[index, c]
        u = 2.0 * (t - t[:, :1]) / (t[:, -1:] - t[:, :1]) - 1.0
        q, _ = np.linalg.qr(u[..., None] ** np.arange(degree + 1))
        y = y - y.mean(axis=1, keepdims=True)
        left = y - np.einsum("wip,wjp,wj->wi", q, q, y)
        column.append(np.full(len(start), c))
        variance.append(np.sum(left**2, axis=1) / spare)
    return _Residuals(np.concatenate(column), np.concatenate(variance), spare)


class _Least(NamedTuple):
    sigma: float
    error: float
    settled: bool  # whether the highest degree leaves no less than another


def _least(found: list[_Residuals], chosen: Bool[np.ndarray, " S"]) -> _Least:
    """Noise of the chosen columns, by the lowest degree that suffices."""
    pairs = [_pooled(one, chosen) for one in found]
    sigma, error = min(pairs)
    first = next(k for k, pair in enumerate(pairs) if pair[0] <= sigma + error)
    return _Least(*pairs[first], first < len(pairs) - 1)


def _pooled(found: _Residuals, chosen: Bool[np.ndarray, " S"]) -> tuple[float, float]:
    """Standard deviation and its standard error over the windows of the chosen columns."""
    variance = found.variance[chosen[found.column]]
    if len(variance) == 0:
        return np.inf, np.inf
    spare = found.spare
    usual = np.median(variance) / (scipy.stats.chi2.median(spare) / spare)
    kept = variance[variance <= _FAR * usual]
    sigma = np.sqrt(np.mean(kept) / _trimmed(spare))
    return float(sigma), float(sigma / np.sqrt(2.0 * spare * len(kept)))


def _trimmed(spare: int) -> float:
    """Mean below `_FAR` of chi-squared with so many degrees of freedom over their number."""
    below = scipy.stats.chi2.cdf(_FAR * spare, [spare + 2, spare])
    return float(below[0] / below[1])
