"""Sparse linear regression: all terms first, then fewer as long as the data do not object."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float, Int

from jaxsym.expr.fitting.correlation import effective_rows

# Relative error that float64 data and sums leave anyway: no misfit below it counts as evidence.
ROUNDING = 1e-13
# Degrees of freedom of Student's t: large residuals count less (Lange, Little & Taylor 1989).
_FREEDOM = 4.0
_TURNS = 4  # in which what is left tells the weights of rows, and how many are independent
_SETTLED = 30  # steps to the size of Student's t, each a third of what is left
# Share of a column that is left once the columns before it are taken out, below which it is theirs.
_DEPENDENT = 1e-11


class SparseFit(NamedTuple):
    """A regression with few terms.

    Attributes:
      support: S, places of the terms kept, in the order of the columns.
      coefficients: of each.
      errors: standard errors of the coefficients.
      scale: root mean square of the residual for each group of rows.
    """

    support: Int[np.ndarray, " S"]
    coefficients: Float[np.ndarray, " S"]
    errors: Float[np.ndarray, " S"]
    scale: Float[np.ndarray, " G"]


class _Rows(NamedTuple):
    """What the rows are worth.

    Attributes:
      weights: square roots of weights: one over the size of the noise, less where a row is far off.
      independent: number of rows that tell as much as all do.
      widening: variance of coefficients over that of least squares with these weights.
    """

    weights: Float[np.ndarray, "n G"]
    independent: float
    widening: float


def sparse_fit(
    columns: Float[np.ndarray, "n G K"],
    target: Float[np.ndarray, "n G"],
    *,
    kept: Bool[np.ndarray, " K"] | None = None,
) -> SparseFit:
    """Least squares with as few columns as the noise permits.

    Rows come in G groups (the coordinates), each with noise of its own size, which is estimated and
    weighed by. Rows that are far off count less, as if the noise were Student's t of 4 degrees of
    freedom. A term stays if its coefficient is further from zero than chance among K terms and n
    rows allows: the extended Bayesian information criterion (Chen & Chen 2008), used backward from
    all terms, which sees every term beside all the others. What is left of neighboring rows may be
    alike, as in a series in time: n is then the number of independent rows (`effective_rows`).

    Args:
      columns: what each term contributes to each row, in the order in which rows may be alike.
      target: what they are to add up to.
      kept: terms that stay whatever their evidence; none by default.

    Raises:
      ValueError: fewer rows than terms.

    >>> x = np.linspace(-1.0, 1.0, 60)
    >>> table = np.stack([x, x**2, np.sin(3 * x)], axis=-1)[:, None]
    >>> fit = sparse_fit(table, 2 * x[:, None] - 3 * x[:, None] ** 2)
    >>> fit.support.tolist(), fit.coefficients.round(9).tolist()
    ([0, 1], [2.0, -3.0])
    """
    samples, groups, count = columns.shape
    if samples * groups <= count:
        raise ValueError(
            f"{samples} samples of {groups} coordinates are too few for a library of {count} "
            f"terms; expected more than {count // groups} samples"
        )
    forced = np.zeros(count, bool) if kept is None else np.asarray(kept)
    scale = np.sqrt(np.mean(target**2, axis=0) + np.mean(columns**2, axis=(0, 2)))
    alike = np.broadcast_to(1 / np.where(scale > 0, scale, 1.0), target.shape)
    fit = _eliminate(columns, target, forced, _Rows(alike, samples * groups, 1.0))
    rounding = ROUNDING * np.sqrt(np.mean(target**2))
    for _ in range(_TURNS):
        left = target - columns[..., fit.support] @ fit.coefficients
        before, fit = fit, _eliminate(columns, target, forced, _rows(left, rounding))
        if np.array_equal(fit.support, before.support):
            break
    return fit


def _rows(left: Float[np.ndarray, "n G"], rounding: float) -> _Rows:
    """What the rows are worth, told by what a fit leaves of them."""
    usual = np.sqrt(np.mean(left**2, axis=0))
    # a group that fits without any error must not outweigh all others
    least = max(rounding, 1e-3 * usual.max(), 1e-300)
    scale = np.maximum(usual, least)
    for _ in range(_SETTLED):
        weights = (_FREEDOM + 1) / (_FREEDOM + (left / scale) ** 2)
        scale = np.maximum(np.sqrt(np.mean(weights * left**2, axis=0)), least)
    size = left / scale
    weights = (_FREEDOM + 1) / (_FREEDOM + size**2)
    pull = weights * size
    slope = weights * (_FREEDOM - size**2) / (_FREEDOM + size**2)
    order = np.arange(len(left))
    independent = sum(effective_rows(column, order) for column in pull.T)
    # the variance of an M-estimator (Huber 1981, section 3.2) over that of weighted least squares
    noise = np.mean(pull * size)
    widening = np.mean(pull**2) * np.mean(weights) / (noise * np.mean(slope) ** 2) if noise else 1.0
    return _Rows(np.sqrt(weights) / scale, independent, max(float(widening), 1.0))


def _eliminate(
    columns: np.ndarray, target: np.ndarray, forced: np.ndarray, worth: _Rows
) -> SparseFit:
    """One backward elimination with rows weighed by the size of their noise."""
    samples, groups, count = columns.shape
    table = (columns * worth.weights[..., None]).reshape(samples * groups, count)
    wanted = (target * worth.weights).ravel()
    sizes = np.sqrt(np.mean(table**2, axis=0))
    active = np.flatnonzero(sizes > 1e-12 * sizes.max(initial=0.0))
    table = table[:, active] / sizes[active]
    active, triangle, projected, rest = _compress(table, wanted, active)
    threshold = math.log(worth.independent) + 2 * math.log(max(count, 2))
    floor = (ROUNDING * np.sqrt(np.mean(wanted**2))) ** 2
    local = np.arange(len(active))
    while True:
        solved, spread, misfit = _solve(triangle[:, local], projected)
        variance = worth.widening * _variance(misfit + rest, worth, len(local)) + floor
        evidence = solved**2 / (variance * spread)
        evidence[forced[active[local]]] = np.inf
        weak = np.flatnonzero(evidence < threshold)
        if not len(weak):
            break
        # the weakest half first: taking one out changes what the others can explain
        order = weak[np.argsort(evidence[weak])]
        local = np.delete(local, order[: max(1, len(order) // 2)])
    support = np.sort(active[local])
    return _finish(columns, target, support, worth)


def _variance(misfit: float, worth: _Rows, terms: int) -> float:
    """Of the rows' noise, times rows over independent ones."""
    return misfit / max(worth.independent - terms, 1)


def _compress(
    table: np.ndarray, wanted: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Independent columns, as a triangle: least squares on few rows instead of many."""
    if not len(active):
        return active, np.zeros((0, 0)), np.zeros(0), float(wanted @ wanted)
    basis, triangle, order = scipy.linalg.qr(table, mode="economic", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(triangle)) > _DEPENDENT * abs(triangle[0, 0])))
    projected = basis.T @ wanted
    # a residual in full precision, which the difference of two squares has not
    rest = wanted - basis @ projected
    place = np.argsort(order[:rank])
    return (
        active[order[:rank]][place],
        triangle[:, :rank][:, place],
        projected,
        float(rest @ rest),
    )


def _solve(triangle: np.ndarray, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, the diagonal of the inverse of the normal matrix, and the misfit."""
    if not triangle.shape[1]:
        return np.zeros(0), np.zeros(0), float(projected @ projected)
    basis, corner = np.linalg.qr(triangle)
    solved = scipy.linalg.solve_triangular(corner, basis.T @ projected)
    inverse = scipy.linalg.solve_triangular(corner, np.eye(len(corner)))
    rest = projected - triangle @ solved
    return solved, np.sum(inverse**2, axis=1), float(rest @ rest)


def _finish(
    columns: np.ndarray, target: np.ndarray, support: np.ndarray, worth: _Rows
) -> SparseFit:
    """Coefficients of the terms kept, with one step of refinement, and what they leave."""
    samples, groups, _ = columns.shape
    weighed = columns[..., support] * worth.weights[..., None]
    table, wanted = weighed.reshape(samples * groups, -1), (target * worth.weights).ravel()
    solved, spread, _ = _solve(table, wanted)
    solved = solved + _solve(table, wanted - table @ solved)[0]
    rest = wanted - table @ solved
    floor = ROUNDING * np.sqrt(np.mean(wanted**2))
    variance = worth.widening * _variance(rest @ rest, worth, len(support)) + floor**2
    residual = target - columns[..., support] @ solved
    return SparseFit(
        support, solved, np.sqrt(variance * spread), np.sqrt(np.mean(residual**2, axis=0))
    )
