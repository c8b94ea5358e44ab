"""Pairs of library entries, scored by dense linear algebra with constants in closed form.

For entries f and g the best `a f + b g + c` and `(a f + b) g + c` follow from weighted moments of
f, g and the target, and the moments of all pairs are matrix products. A first pass in float32 finds
for each f how well its best partner does; a second in float64 names the partners of the best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym._programs import bounded_jit
from jaxsym._settings import full_precision
from jaxsym.expr.program import Numbers
from jaxsym.search.native.library import Library
from jaxsym.search.native.linear import two_regressors
from jaxsym.search.native.ranking import smallest, spread
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import LARGEST, LARGEST_SINGLE, SAME, SPANNED, SPANNED_SINGLE

_BLOCK = 512  # rows scored at a time: 24 MB in float32 for 12,000 entries
_FEW = 4096  # entries for which compiling would take longer than numpy does
_PARTNERS = 6  # kept for each of the best entries, so that one entry is not all there is
_DIGITS = 10  # to which shares must differ to count as different


class Moments(NamedTuple):
    """What scores need of M entries, each scaled to unit weighted size.

    Attributes:
      values: `[M, n]`.
      mean: `[M]` weighted means.
      variance: `[M]` weighted variances.
      fit: `[M]` correlation with the target.
    """

    values: Float[Numbers, "M n"]
    mean: Float[Numbers, " M"]
    variance: Float[Numbers, " M"]
    fit: Float[Numbers, " M"]


class Pairs(NamedTuple):
    """The best pairs of one kind, best first: `[K]` entries f and g, and the share explained."""

    f: Int[np.ndarray, " K"]
    g: Int[np.ndarray, " K"]
    share: Float[np.ndarray, " K"]


def best_pairs(
    library: Library,
    problem: Problem,
    *,
    rows: int,
    keep: int,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Pairs]:
    """The best `keep` pairs "sum" and "product" for a problem on the library's sample.

    Args:
      library: M entries.
      problem: the target, on the rows that the library was built on.
      rows: number of entries f that are paired with all M, simple and well correlated ones.
      keep: pairs of each kind that are returned.
      stop: whether time is over; the rows scored until then count.
    """
    moments = make_moments(library.values, problem)
    best = _rows(moments, library, rows)
    root = np.sqrt(problem.weights)
    target = problem.y - problem.weights @ problem.y
    target = target / np.sqrt(problem.weights @ target**2)
    padded = Moments(*(_lengthened(a) for a in moments))
    few = len(library) <= _FEW
    single = jax.tree.map(
        lambda a: np.clip(a, -LARGEST_SINGLE, LARGEST_SINGLE).astype(np.float32),
        (padded, root, target),
    )
    if not few:
        single = (Moments(*map(spread, single[0])), *single[1:])
    scores: list[np.ndarray] = []
    for start in range(0, len(best), _BLOCK):
        if scores and stop():
            break
        block = best[start : start + _BLOCK]
        if few:
            scores.append(_in_numpy(block, *single))
        else:  # repeats fill the last block, so that one compiled function does
            scores.append(np.asarray(_compiled(np.resize(block, _BLOCK), *single)))
    found = {}
    best = best[: len(scores) * _BLOCK]
    for kind, score in zip(_KINDS, np.concatenate(scores, axis=1)[:, : len(best)], strict=True):
        usable = ~library.shifted if kind == "sum" else np.ones(len(library), bool)
        order = best[np.argsort(-score * usable[best], kind="stable")]
        found[kind] = _partners(
            kind, order[:keep], moments, root, target, usable, library.complexity
        )
    return found


def _single(array: np.ndarray) -> np.ndarray:
    """In float32; larger values occur where the weight is next to nothing."""
    return np.clip(array, -LARGEST_SINGLE, LARGEST_SINGLE).astype(np.float32)


def _lengthened(array: Numbers) -> np.ndarray:
    """Zeros added up to one of few lengths, so that libraries share a compiled function."""
    step = 1 << max(8, len(array).bit_length() - 3)
    return np.pad(np.asarray(array), [(0, -len(array) % step), *[(0, 0)] * (array.ndim - 1)])


def make_moments(values: Float[np.ndarray, "M n"], problem: Problem) -> Moments:
    """Moments of entries for a problem on the same n rows."""
    weights = problem.weights
    values = values / np.sqrt(np.maximum(values**2 @ weights, 1 / LARGEST**2))[:, None]
    mean = values @ weights
    deviation = values - mean[:, None]
    variance = deviation**2 @ weights
    target = problem.y - weights @ problem.y
    covariance = deviation @ (weights * target)
    size = np.sqrt(np.maximum(variance, SAME**2) * (weights @ target**2))
    return Moments(values, mean, variance, covariance / size)


def _rows(moments: Moments, library: Library, count: int) -> np.ndarray:
    """Half the simplest entries, half those that correlate best with the target."""
    simple = np.argsort(library.complexity, kind="stable")[: count // 2]
    order = np.argsort(-np.abs(moments.fit))
    related = order[~np.isin(order, simple)][: count - len(simple)]
    return np.concatenate([simple, related])


def sum_share(f: Moments, g: Moments, root, target, xp, min_rest: float):
    """`[B, M]` share of the variance that `a f + b g + c` explains."""
    rows, columns = (
        (m.values - m.mean[:, None]) * (root / xp.sqrt(xp.maximum(m.variance, min_rest))[:, None])
        for m in (f, g)
    )
    return two_regressors(f.fit[:, None], g.fit[None], rows @ columns.T, min_rest=min_rest, xp=xp)


def product_share(f: Moments, g: Moments, root, target, xp, min_rest: float):
    """`[B, M]` share of the variance that `a f g + b g + c` explains."""
    weights = root**2
    mean = (f.values * weights) @ g.values.T
    square = (f.values**2 * weights) @ (g.values**2).T
    with_target = (f.values * (weights * target)) @ g.values.T
    with_g = (f.values * weights) @ (g.values**2).T
    variance = square - mean**2
    size = xp.sqrt(xp.maximum(variance, min_rest * square))
    fit = with_target / size
    overlap = (with_g - mean * g.mean) / (size * xp.sqrt(xp.maximum(g.variance, min_rest)))
    return two_regressors(fit, g.fit[None], overlap, min_rest=min_rest, xp=xp)


_KINDS: dict[str, Callable] = {"sum": sum_share, "product": product_share}


def _row_scores(rows: Numbers, moments: Moments, root, target, xp):
    """`[2, B]` share that the best partner of each row explains, for sums and products."""
    block = Moments(*(a[rows] for a in moments))
    scores = [share(block, moments, root, target, xp, SPANNED_SINGLE) for share in _KINDS.values()]
    return xp.stack([xp.max(xp.where(xp.isfinite(s), s, 0.0), axis=1) for s in scores])


@bounded_jit()
@full_precision()
def _compiled(rows: Array, moments: Moments, root: Array, target: Array) -> Array:
    return _row_scores(rows, moments, root, target, jnp)


def _in_numpy(rows: np.ndarray, moments: Moments, root, target) -> np.ndarray:
    with np.errstate(all="ignore"):
        return _row_scores(rows, moments, root, target, np)


def _partners(
    kind: str,
    rows: np.ndarray,
    moments: Moments,
    root: np.ndarray,
    target: np.ndarray,
    usable: np.ndarray,
    complexity: np.ndarray,
) -> Pairs:
    """The best few partners of each row in float64, the simpler of equals first."""
    block = Moments(*(a[rows] for a in moments))
    with np.errstate(all="ignore"):
        share = _KINDS[kind](block, moments, root, target, np, SPANNED)
    share = np.where(np.isfinite(share) & usable, share, 0.0)
    partners = smallest(-share, _PARTNERS)
    f, g = np.repeat(rows, partners.shape[1]), partners.ravel()
    score = np.take_along_axis(share, partners, 1).ravel()
    if kind == "sum":  # the same pair may come from both ends
        f, g = np.minimum(f, g), np.maximum(f, g)
    unique = np.unique(np.column_stack([f, g]), axis=0, return_index=True)[1]
    rank = np.lexsort((complexity[f] + complexity[g], -np.round(score, _DIGITS)))
    order = rank[np.isin(rank, unique)][: len(rows)]
    return Pairs(f[order], g[order], score[order])
