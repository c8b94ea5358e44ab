"""Losses other than squares, as squares with weights: what counts as an error, and how much.

A search compares squared errors, weighted. Near an equation any loss is such a square: its slope is
that of `w (f - z)**2` with weights w and targets z that follow from the equation's values. They are
made again for the equation that is found until they stay (iteratively reweighted least squares;
Green 1984, J. R. Stat. Soc. B 46:149).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym._check import require, unknown_name
from jaxsym.search.problem.problem import Problem
from jaxsym.search.problem.weighting import robust_scale

Values: TypeAlias = Float[np.ndarray, " n"]

_SMALL = 1e-6  # share of the median error below which errors weigh alike
_HUBER = 1.345  # in standard deviations: 95 % efficient on normal noise (Huber 1964)
_STEP = 1e-3  # of the target's deviation, at which a user's function is tried


@dataclass(frozen=True)
class Loss:
    """A loss of predictions.

    Attributes:
      of: `[n]` losses of predictions and targets; infinite or nan where a prediction cannot be.
      weight: `[n]` weights of squared errors with the slope of the loss.
      first: `[n]` such weights before there is an equation, of the targets.
      width: columns of one target: 1, or 2 for the ends of an interval.
      exponent: of the error in the loss: bits of n samples are `n / exponent * log2(loss)`; 0 for a
        logarithm of a probability, whose bits are `n * loss / log(2)`.
      positive: whether targets must be.
    """

    of: Callable[..., Values]
    weight: Callable[..., Values]
    first: Callable[[Values], Values] = np.ones_like
    width: int = 1
    exponent: float = 2.0
    positive: bool = False

    def check(self, targets: Float[np.ndarray, "n k"]) -> None:
        """Raise unless targets suit the loss, and the loss has values there.

        Raises:
          ValueError: targets that are not positive, another number of columns, ends of intervals
            in the wrong order, a function that returns another shape or no number.
        """
        columns = targets.shape[1]
        if self.width == 2:
            require(columns == 2, f"y has {columns} columns; loss='interval' takes low and high")
            ordered = bool(np.all(targets[:, 0] <= targets[:, 1]))
            require(ordered, "y has an interval whose low end is above its high end")
        low = float(targets.min())
        require(
            low > 0 or not self.positive, f"y has a value of {low:g}; this loss takes positive ones"
        )
        y = targets if self.width == 2 else targets[:, 0]
        beside = center(self, targets)[:, 0] + _STEP * (float(np.std(targets)) or 1.0)
        losses = np.asarray(self.of(beside, y))
        require(
            losses.shape == beside.shape,
            f"the loss of {beside.shape} predictions has shape {losses.shape}; expected one each",
        )
        require(
            bool(np.all(np.isfinite(losses))),
            "the loss is not a finite number for predictions close to the targets",
        )

    def mean(self, values: Values, y: Float[np.ndarray, "n ..."], weights: Values) -> float:
        """The weighted mean loss of some predictions; infinite if one is not a finite number."""
        with np.errstate(all="ignore"):
            loss = float(weights @ self.of(values, y))
        return loss if math.isfinite(loss) else math.inf

    def as_squares(
        self, problem: Problem, values: Values, y: Float[np.ndarray, "n ..."]
    ) -> Problem:
        """A problem of squares whose slope at some predictions is that of this loss.

        Args:
          problem: with the user's weights.
          values: predictions.
          y: targets, or the ends of intervals.
        """
        with np.errstate(all="ignore"):
            weights = np.nan_to_num(self.weight(values, y), posinf=0.0)
        nearest = np.clip(values, y[:, 0], y[:, 1]) if self.width == 2 else y
        return problem.derived(problem.weights * weights, y=nearest)


def center(loss: Loss, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """The targets of a search: those given, or the middles of intervals."""
    return targets.mean(1, keepdims=True) if loss.width == 2 else targets


def read_loss(given: str | Callable[..., Any], X: np.ndarray, y: np.ndarray) -> Loss | None:
    """The loss of that name, or of a user's JAX function; None for squares.

    Args:
      given: "squared", "absolute", "huber", "poisson", "log", "interval", or a function.
      X: `[n, V]` table; it and y tell where Huber's squares end, at 1.345 standard deviations of
        what a robust polynomial leaves.
      y: `[n, k]` targets.

    Raises:
      ValueError: an unknown name, or targets that do not suit the loss.

    >>> rows = np.ones((5, 1))
    >>> read_loss("squared", rows, rows) is None, read_loss("absolute", rows, rows).exponent
    (True, 1.0)
    """
    if given == "squared":
        return None
    if not callable(given) and given != "huber" and given not in LOSSES:
        raise unknown_name("loss", str(given), ["squared", "huber", *LOSSES])
    if callable(given):
        loss = _of_function(given)
    elif given == "huber":
        loss = _huber(_HUBER * robust_scale(X, y[:, 0]))
    else:
        loss = LOSSES[given]
    loss.check(y)
    return loss


def _of_function(function: Callable[..., Any]) -> Loss:
    """A loss `function(prediction, target) -> [n]`; its slope by JAX."""

    def of(f: Values, y: Values) -> Values:
        with jax.enable_x64(True):
            return np.asarray(function(jnp.asarray(f), jnp.asarray(y)), np.float64)

    def weight(f: Values, y: Values) -> Values:
        with jax.enable_x64(True):
            slope = jax.grad(lambda p: jnp.sum(function(p, jnp.asarray(y))))(jnp.asarray(f))
        return _over_error(np.asarray(slope), f - y)

    def first(y: Values) -> Values:
        return weight(y + _STEP * (float(np.std(y)) or 1.0), y)

    return Loss(of, weight, first)


def _over_error(slope: Values, error: Values) -> Values:
    """`slope / (2 error)`, where errors that are next to nothing count as small ones."""
    size = np.abs(error)
    least = _SMALL * float(np.median(size)) or np.finfo(float).tiny
    return np.maximum(np.sign(error) * slope, 0.0) / (2 * np.maximum(size, least))


def _huber(edge: float) -> Loss:
    """Squares up to an edge, and straight on from there."""
    edge = edge or float(np.finfo(float).tiny)

    def of(f: Values, y: Values) -> Values:
        size = np.abs(f - y)
        return np.where(size <= edge, size**2, 2 * edge * size - edge**2)

    return Loss(of, lambda f, y: np.minimum(1.0, edge / np.maximum(np.abs(f - y), edge)))


def _poisson(f: Values, y: Values) -> Values:
    known = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)), 0.0) - y
    return np.where(f > 0, f - y * np.log(f) + known, np.inf)


def _log_weight(f: Values, y: Values) -> Values:
    ratio = np.where(f > 0, f / y, 1.0)
    near = np.abs(ratio - 1) < _SMALL
    other = np.log(ratio) / np.where(near, 1.0, ratio * (ratio - 1))
    return np.where(near, 1.0, other) / y**2


LOSSES: Mapping[str, Loss] = {
    "absolute": Loss(
        lambda f, y: np.abs(f - y), lambda f, y: _over_error(np.sign(f - y), f - y), exponent=1.0
    ),
    "poisson": Loss(
        _poisson,
        lambda f, y: np.divide(0.5, np.where(f > 0, f, np.maximum(y, 1.0))),
        lambda y: np.divide(0.5, np.maximum(y, 1.0)),
        exponent=0.0,
    ),
    "log": Loss(
        lambda f, y: np.log(f / y) ** 2, _log_weight, lambda y: y.min() ** 2 / y**2, positive=True
    ),
    "interval": Loss(
        lambda f, y: (f - np.clip(f, y[:, 0], y[:, 1])) ** 2,
        lambda f, y: np.ones_like(f),
        width=2,
    ),
}
