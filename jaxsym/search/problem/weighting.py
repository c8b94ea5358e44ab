"""Weights that a table asks for itself: rows far off, and noise in proportion to the target.

Before there is an equation, polynomials in all variables show what noise is: a robust one, which
rows are far off (Huber 1964), and one for the logarithm, whether errors are relative. What a wrong
form leaves looks different: it is alike in neighboring rows, and large at the edges of the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from jaxsym._indices import exponents_up_to, spread
from jaxsym.search.problem.problem import Problem

_SHARE = 0.5  # coefficients per row, at most: what is left has to tell the noise
_COEFFICIENTS = 24  # at most; a fit takes a millisecond
_ROWS = 2048  # that polynomials are fitted to, at most
_DEGREE = 8
_STEPS = 10  # of iteratively reweighted least squares
_SEEN = 3.0  # standard deviations that a row far off has at least before they are robust
_HUBER = 1.345  # in standard deviations: 95 % efficient on normal noise (Huber 1964)
_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_FAR = 6.0  # standard deviations from which on a row is far off: 2e-9 of normal noise is
_MOST_FAR = 0.2  # share of the rows that may be
_BETWEEN = 0.5  # rows half as far, for each that is far: beside a pole there are as many
_MATTER = 0.5  # share of the squared residuals that these must have
_LEVER = 0.8  # mean rank of their leverage, from 0 to 1, that rows far off by chance do not have
_DECADES = 1.5  # that a target must span for its noise to be relative
_RELATIVE = (1e-6, 0.5)  # of the target: less is rounding, and more has no sign
_LEVELLED = 0.3  # size of the rank correlation of relative residuals with the target
_ALIKE = 0.2  # correlation of neighboring residuals, besides what chance makes of it
_CHANCE = 2.0  # standard deviations
_BY_CHANCE = 0.02  # probability with which scattered rows pass for others
_BETTER = 0.8  # share of the left-out error that a higher degree must reach to be needed
_LEAST = 1e-12  # relative spread of rounding


class Weighting(NamedTuple):
    """What a table asks for.

    Attributes:
      problem: with these weights.
      far: `[n]` rows that are far off and count nothing; empty if the weights were given.
      relative: whether errors are taken to be in proportion to the target.
    """

    problem: Problem
    far: Bool[np.ndarray, " n"] = np.zeros(0, bool)
    relative: bool = False

    @property
    def weights(self) -> Float[np.ndarray, " n"]:
        """Weights of the rows, 1 for those that count most."""
        return self.problem.weights / self.problem.weights.max()

    def __str__(self) -> str:
        said = []
        if np.any(self.far):
            count, rows = np.count_nonzero(self.far), len(self.far)
            said.append(f"{count} of {rows} rows are far off and count nothing")
        if self.relative:
            said.append("errors are in proportion to the target")
        return "; ".join(said)


def weighted(problem: Problem) -> Weighting:
    """A problem with the weights that its table asks for; as it is where nothing is plain.

    Args:
      problem: whose rows all have the same weight.

    >>> from jaxsym.search.problem.problem import make_problems
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(0.0, 5.0, (100, 1))
    >>> y = 2 * x + 1 + 0.1 * rng.normal(size=x.shape)
    >>> y[:5] += 50
    >>> (problem,) = make_problems(x, y, None, variables="x", operators={}, max_complexity=9)
    >>> print(weighted(problem))
    5 of 100 rows are far off and count nothing
    """
    with np.errstate(all="ignore"):
        level = _level(problem.X, problem.y)
        if level is not None:
            weights = problem.weights * (level.min() / level) ** 2
            return Weighting(problem.derived(weights), np.zeros(len(level), bool), True)
        far = _far_off(problem.X, problem.y)
        if np.any(far):
            problem = problem.derived(np.where(far, 0.0, problem.weights))
    return Weighting(problem, far, False)


def robust_scale(X: Float[np.ndarray, "n V"], y: Float[np.ndarray, " n"]) -> float:
    """Standard deviation of what a robust polynomial leaves; of the target where rows are few."""
    designs = list(_designs(X)) or [np.ones((len(y), 1))]
    return _robust(designs[-1], y)[1]


def reconsidered(given: Weighting, plain: Problem, values: Float[np.ndarray, " n"]) -> Weighting:
    """The weights again, now that an equation is known.

    Rows that it meets after all get their weight back, and others lose it that it shows to be far
    off; weights of relative errors stay.

    Args:
      given: what was found before.
      plain: the problem with all rows.
      values: of the equation.
    """
    if given.relative:
        return given
    size = np.abs(values - plain.y)
    scale = _NORMAL * float(np.median(size[~given.far]))
    far = size > _FAR * max(scale, _LEAST * float(np.abs(plain.y).max()))
    fewer = bool(np.all(given.far[far]))
    if np.array_equal(far, given.far) or not (fewer or _plain(plain.X, far, size)):
        return given
    return Weighting(plain.derived(np.where(far, 0.0, plain.weights)), far, False)


def _far_off(X: Float[np.ndarray, "n V"], y: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Rows far from a robust polynomial, and from one for logarithms where these are smoother."""
    far = _far_from_polynomial(X, y)
    if np.any(far) and _decades(y) > _DECADES:
        far &= _far_from_polynomial(_logarithms(X), np.log(np.abs(y)))
    return far


def _far_from_polynomial(
    X: Float[np.ndarray, "n V"], y: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Rows far from a robust polynomial, if they are few and scattered."""
    none = np.zeros(len(y), bool)
    designs = list(_designs(X))
    if not designs:
        return none
    design = designs[-1]
    residual, scale = _robust(design, y, steps=1)
    if not np.any(np.abs(residual) > _SEEN * scale):
        return none
    residual, scale = _robust(design, y)
    size, scale = np.abs(residual), max(scale, _LEAST * float(np.abs(y).max()))
    far = size > _FAR * scale
    between = np.count_nonzero(size > _SEEN * scale) - np.count_nonzero(far)
    if between > _BETWEEN * np.count_nonzero(far) or not _plain(X, far, size):
        return none
    basis = np.linalg.qr(design)[0]
    rank = np.argsort(np.argsort((basis**2).sum(1))) / len(far)
    return far if rank[far].mean() < _LEVER else none


def _plain(
    X: Float[np.ndarray, "n V"], far: Bool[np.ndarray, " n"], size: Float[np.ndarray, " n"]
) -> bool:
    """Whether rows are few, matter, and are scattered among the others."""
    share = float(far.mean())
    if not 0 < share <= _MOST_FAR or not np.sum(size[far] ** 2) > _MATTER * np.sum(size**2):
        return False
    if _at_places(X, far):
        return False
    rows = spread(len(far), _ROWS)
    seen = far[rows]
    expected = np.count_nonzero(seen) * share
    together = np.count_nonzero(seen[_nearest(X[rows])[seen]])
    return bool(together <= expected + _CHANCE * math.sqrt(expected))


def _at_places(X: Float[np.ndarray, "n V"], far: Bool[np.ndarray, " n"]) -> bool:
    """Whether rows have other values of a variable than the table, by Kolmogorov's statistic.

    A wrong form fails where a variable is large, say; its bound is that of Massart (1990).
    """
    count, columns = np.count_nonzero(far), X.shape[1]
    ranks = np.sort(np.argsort(np.argsort(X, axis=0, kind="stable"), axis=0)[far], axis=0)
    shares = (ranks + 0.5) / len(far)
    steps = np.arange(count + 1)[:, None] / count
    distance = max(float(np.max(steps[1:] - shares)), float(np.max(shares - steps[:-1])))
    return distance > math.sqrt(math.log(2 * columns / _BY_CHANCE) / (2 * count))


def _level(
    X: Float[np.ndarray, "n V"], y: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"] | None:
    """The size of a target without its noise, if that is in proportion to it; else None."""
    if not _decades(y) > _DECADES:
        return None
    target = np.log(np.abs(y))
    found = [_needed(table, target) for table in (_logarithms(X), X)]
    fits = [fit for fit in found if fit is not None]
    if not fits:
        return None
    residual, scale = min(fits, key=lambda fit: fit[1])
    if not _RELATIVE[0] < scale < _RELATIVE[1]:
        return None
    rows = spread(len(y), _ROWS)
    clipped = np.clip(residual[rows] / scale, -_FAR, _FAR)
    alike = float(clipped @ clipped[_nearest(X[rows])] / (clipped @ clipped))
    levelled = _rank_correlation(np.abs(residual), target - residual)
    chance = _CHANCE / math.sqrt(len(rows))
    if alike > _ALIKE + chance or abs(levelled) > _LEVELLED + chance:
        return None
    return np.exp(target - residual - np.max(target))


def _decades(y: Float[np.ndarray, " n"]) -> float:
    """Decades that a target of one sign spans, but for a tenth of it; 0 for other targets."""
    if not (np.all(y > 0) or np.all(y < 0)):
        return 0.0
    low, high = np.quantile(np.log10(np.abs(y)), [0.05, 0.95])
    return float(high - low)


def _logarithms(X: Float[np.ndarray, "n V"]) -> Float[np.ndarray, "n V"]:
    """Logarithms of the columns that are positive, others as they are."""
    return np.stack([np.log(x) if np.all(x > 0) else x for x in X.T], axis=1)


def _needed(
    columns: Float[np.ndarray, "n V"], target: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], float] | None:
    """Residual and scale of a polynomial of the least degree that a higher one does not beat.

    None where the highest that the rows allow is needed: its error may be that of its form.
    """
    before: tuple[np.ndarray, float] | None = None
    error = math.inf
    for design in _designs(columns):
        residual, scale = _robust(design, target)
        basis = np.linalg.qr(design)[0]
        leverage = np.minimum((basis**2).sum(1), 0.99)
        left_out = float(np.mean(np.abs(residual / (1 - leverage))))
        if before is not None and left_out > _BETTER * error:
            return before
        before, error = (residual, scale), left_out
    return None


def _designs(columns: Float[np.ndarray, "n V"]) -> Iterator[Float[np.ndarray, "n K"]]:
    """Polynomials in the columns scaled to -1 and 1, of degree 1, 2, ... as rows allow."""
    low, range_ = columns.min(0), np.ptp(columns, axis=0)
    varying = range_ > 0
    scaled = 2 * (columns - low)[:, varying] / range_[varying] - 1
    count = scaled.shape[1]
    most = min(int(_SHARE * len(columns)), _COEFFICIENTS)
    for degree in range(1, _DEGREE + 1):
        if not count or math.comb(count + degree, degree) > most:
            return
        exponents = exponents_up_to(count, degree)
        yield np.stack([np.prod(scaled ** np.array(e), axis=1) for e in exponents], axis=1)


def _robust(
    design: Float[np.ndarray, "n K"], target: Float[np.ndarray, " n"], steps: int = _STEPS
) -> tuple[Float[np.ndarray, " n"], float]:
    """Residual and robust scale of Huber's regression, in the end without the rows far off."""
    rows = spread(len(target), _ROWS)
    some, values = design[rows], target[rows]
    trust = np.ones(len(rows))
    for step in range(steps):
        root = np.sqrt(trust)
        found = np.linalg.lstsq(root[:, None] * some, root * values, rcond=None)[0]
        size = np.abs(values - some @ found)
        scale = (
            _NORMAL * float(np.median(size)) * math.sqrt(len(rows) / (len(rows) - some.shape[1]))
        )
        if scale <= _LEAST * np.abs(values).max():
            break
        near = size <= _FAR * scale
        trust = np.minimum(1.0, _HUBER * scale / np.maximum(size, _LEAST * scale))
        if step >= steps // 2 and np.mean(near) > 1 - _MOST_FAR:  # from near the solution
            trust = near.astype(float)
    return target - design @ found, scale


def _nearest(X: Float[np.ndarray, "n V"]) -> np.ndarray:
    """The nearest other row of each, by the ranks in all columns."""
    ranks = np.argsort(np.argsort(X, axis=0, kind="stable"), axis=0)
    return KDTree(ranks).query(ranks, k=2)[1][:, 1]


def _rank_correlation(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
