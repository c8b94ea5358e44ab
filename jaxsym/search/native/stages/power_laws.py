"""Stage: power laws, by a robust straight line through logarithms.

`y = c * prod_i x_i**p_i`, optionally times `exp(k g(x))`, is linear in log|y|. Signs are read apart
from sizes, so that charges of +1 and -1 count too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from jaxsym.expr import Expression, apply, constant
from jaxsym.search.native.monomials import monomial
from jaxsym.search.native.stages.log_linear import logarithms, regression
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING, TINY

_STEPS = 10  # of iteratively reweighted least squares
_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_HUBER = 1.345  # in standard deviations: 95 % efficient on normal noise (Huber 1964)
_AGREEMENT = 0.8  # share of signs that must be explained
_LARGEST = 5  # exponent that is still tried in halves; larger ones are integers


class PowerLaw(NamedTuple):
    """A fitted power law.

    Attributes:
      exponents: `[V]` as fitted, not rounded; 0 where a variable cannot have one.
      errors: `[V]` their standard errors.
      odd: `[V]` whether the sign of the variable enters.
      scale: robust standard deviation of what is left of log|y|.
    """

    exponents: Float[np.ndarray, " V"]
    errors: Float[np.ndarray, " V"]
    odd: Bool[np.ndarray, " V"]
    scale: float


def fit_power_law(
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, " n"],
    weights: Float[ArrayLike, " n"] | None = None,
) -> PowerLaw | None:
    """Fit `|y| = c prod_i |x_i|**p_i` by Huber's robust regression of logarithms (Huber 1964).

    Args:
      X: `[n, V]` table; a column with a zero, or of constant size, gets no exponent.
      y: `[n]` target; zeros are left out.
      weights: `[n]` weights of log|y|; equal by default.

    Returns:
      the fit, or None if the signs of y are not those of a product or too few rows are left.

    >>> x = np.linspace(1.0, 2.0, 50)[:, None]
    >>> fit = fit_power_law(x, -3 * x[:, 0] ** -2.5)
    >>> fit.exponents.round(9).tolist()
    [-2.5]
    """
    table, target = np.asarray(X, np.float64), np.asarray(y, np.float64)
    weight = np.ones(len(target)) if weights is None else np.asarray(weights, np.float64)
    rows = (target != 0) & (weight > 0)
    table, target, weight = table[rows], target[rows], weight[rows]
    if len(target) < table.shape[1] + 2:
        return None
    odd = _signs(table, target)
    if odd is None:
        return None
    logs, usable = logarithms(table)
    exponents, errors = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    design = np.column_stack([logs[:, usable], np.ones(len(target))])
    found, spread, scale = _huber(design, np.log(np.abs(target)), weight)
    exponents[usable], errors[usable] = found[:-1], spread[:-1]
    return PowerLaw(exponents, errors, odd, scale)


def power_laws(problem: Problem) -> Iterator[Expression]:
    """Power laws for a problem, from all variables down to one, rounded in several ways.

    Each set of variables comes with its exponents as fitted, in halves and in integers, without
    and with an exponential factor; the leading constant is fitted to y itself.
    """
    relative = problem.weights * problem.y**2
    for weights in (np.ones(len(problem.y)), relative):
        law = fit_power_law(problem.X, problem.y, weights)
        if law is not None:
            yield from _of_weights(problem, law.odd, weights * (problem.weights > 0))


def _of_weights(problem: Problem, odd: np.ndarray, weights: np.ndarray) -> Iterator[Expression]:
    rows = (problem.y != 0) & (weights > 0)
    table, weights = problem.X[rows], weights[rows]
    target = np.log(np.abs(problem.y[rows]))
    logs, usable = logarithms(table)
    logged = np.flatnonzero(usable).tolist()
    yield from _eliminate(problem, odd, logs, logged, None, target, weights)
    factors = _exponents(problem, rows)
    if factors:
        best = min(factors, key=lambda f: _left(logs[:, logged], f[1], target, weights))
        yield from _eliminate(problem, odd, logs, logged, best, target, weights)


def _exponents(problem: Problem, rows: np.ndarray) -> list[tuple[Expression, np.ndarray]]:
    """What may stand in an exponential factor: simple functions of one variable."""
    if "exp" not in problem.operators:
        return []
    found = []
    for column, exponent in itertools.product(range(len(problem.variables)), (1.0, 2.0, -1.0)):
        with np.errstate(all="ignore"):
            values = problem.X[rows, column] ** exponent
        if np.all(np.isfinite(values)):
            found.append((monomial([problem.variables[column]], [exponent]), values))
    return found


def _eliminate(
    problem: Problem,
    odd: np.ndarray,
    logs: np.ndarray,
    logged: list[int],
    factor: tuple[Expression, np.ndarray] | None,
    target: np.ndarray,
    weights: np.ndarray,
) -> Iterator[Expression]:
    """Drop the least significant variable, again and again."""
    kept = list(logged)
    extra = np.ones((len(target), 1))
    if factor is not None:
        extra = np.column_stack([factor[1], extra])
    while True:
        found, errors, _ = _huber(np.column_stack([logs[:, kept], extra]), target, weights)
        exponents = np.zeros(len(odd))
        exponents[kept] = found[: len(kept)]
        rate = None if factor is None else apply("exp", constant(found[len(kept)]) * factor[0])
        for rounded in _roundings(exponents, odd, np.all(problem.X > 0, axis=0)):
            shape = monomial(problem.variables, rounded.tolist())
            yield _scaled(problem, shape if rate is None else shape * rate)
        if not kept:
            return
        significance = np.abs(found[: len(kept)]) / np.maximum(errors[: len(kept)], TINY)
        kept.pop(int(np.argmin(significance)))


def _roundings(
    exponents: np.ndarray, odd: np.ndarray, positive: np.ndarray
) -> Iterator[np.ndarray]:
    """Exponents in integers (of the parity that signs ask for), in halves, and as they are."""
    step = np.where(positive, 1, 2)
    shift = np.where(positive, 0, odd)
    integers = np.round((exponents - shift) / step) * step + shift
    yield integers
    halves = np.where(
        positive & (np.abs(exponents) < _LARGEST), np.round(2 * exponents) / 2, integers
    )
    if np.any(halves != integers):
        yield halves
    free = np.where(positive, exponents, integers)
    if np.any(free != halves):
        yield free


def _scaled(problem: Problem, shape: Expression) -> Expression:
    with np.errstate(all="ignore"):
        values = shape.evaluate(problem.X, problem.variables)
        top, bottom = (problem.weights * values) @ np.stack([problem.y, values], axis=1)
        scale = top / bottom
    return constant(scale if np.isfinite(scale) else 1.0) * shape


def _signs(table: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """The columns whose signs multiply to the sign of the target, or None if none do."""
    positive = (table > 0).mean(0)
    mixed = np.flatnonzero((positive > 0.01) & (positive < 0.99))
    signs, wanted = np.sign(table), np.sign(target)
    best, found = _AGREEMENT, None
    for size in range(len(mixed) + 1):
        for columns in itertools.combinations(mixed, size):
            agreement = abs(np.mean(wanted * np.prod(signs[:, columns], axis=1)))
            if agreement > best:
                best, found = agreement, columns
    return None if found is None else np.isin(np.arange(table.shape[1]), found)


def _huber(
    design: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, standard errors and scale of Huber's robust regression."""
    trust, weights = np.ones(len(target)), weights / weights.max()
    for _ in range(_STEPS):
        root = np.sqrt(weights * trust)
        found, errors = regression(root[:, None] * design, root * target)
        residual = np.abs(target - design @ found)
        scale = _NORMAL * float(np.median(residual))
        if scale < ROUNDING**0.5:
            break
        trust = np.minimum(1.0, _HUBER * scale / np.maximum(residual, TINY))
    return found, scale * errors * np.sqrt(weights.mean()), scale


def _left(logs: np.ndarray, factor: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    """Robust scale of what a factor leaves unexplained."""
    design = np.column_stack([logs, factor, np.ones(len(target))])
    return _huber(design, target, weights)[2]
