"""Constants of one expression by Levenberg-Marquardt in numpy: no compilation, for tiny work.

Derivatives are forward differences: all perturbed copies of the constants, and all starts, are rows
of one evaluation. On residuals that vanish their error only slows the last steps down, so that
constants still come out to float64's last digits. Damping as in
`jaxsym.expr.fitting.levenberg_marquardt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr.expression import Expression, evaluate_operator
from jaxsym.expr.tokens import literal_value

_STEP = 1e-7  # of the forward differences, relative
_UNSEEN = 1e-10  # a relative change of the values below which rounding spoils a difference
_LEAST = 1e-17  # change that such a step is enlarged from
_SETTLED = 1e-10  # an improvement below this share of the loss ends the search
_ROUNDING = 1e-31  # share of mean(y**2) below which nothing is left to improve
_STUCK = 1e16  # damping at which steps are nothing


class Solution(NamedTuple):
    """Fitted constants of one expression.

    Attributes:
      constants: K, the best found.
      loss: weighted mean squared error there; infinite where no start was finite.
      curvature: `[K, K]` weighted mean of the products of derivatives.
    """

    constants: tuple[float, ...]
    loss: float
    curvature: Float[np.ndarray, "K K"]


def least_squares(
    expression: Expression,
    columns: Mapping[str, Float[np.ndarray, " n"]],
    y: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"],
    *,
    starts: Float[np.ndarray, "S K"] | None = None,
    steps: int = 50,
    through: Float[np.ndarray, "m n"] | None = None,
) -> Solution:
    """Minimize `sum(w * (f(X; c) - y)**2) / sum(w)` over the constants c.

    With a matrix A the target is linear in the values, `A @ f(X; c)`, such as integrals over them.

    Args:
      expression: K constants.
      columns: values of every variable.
      y: targets, n or, with a matrix, m of them.
      weights: not negative, with a positive sum.
      starts: S starts, which all take the same steps; by default the expression's own constants.
      steps: most evaluations per start.
      through: the matrix A, dense or sparse; the identity by default.

    >>> from jaxsym.expr import parse
    >>> x = np.linspace(1.0, 3.0, 50)
    >>> found = least_squares(parse("1.0*x**1.0"), {"x": x}, 2.5 * x**1.5, np.ones(50))
    >>> [round(c, 9) for c in found.constants]
    [2.5, 1.5]
    """
    first = np.atleast_2d(expression.constants if starts is None else starts).astype(float)
    share = weights / weights.sum()
    fit = _Fit(expression, columns, np.asarray(y, float), share, first, through)
    enough = _ROUNDING * float(share @ y**2)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            if not fit.step(enough):
                break
    best = int(np.argmin(fit.loss))
    constants = tuple(fit.constants[best].tolist())
    return Solution(constants, float(fit.loss[best]), fit.curvature[best])


class _Fit:
    """All starts between two evaluations."""

    def __init__(self, expression, columns, y, weights, starts: np.ndarray, through):
        self.expression, self.columns, self.y, self.weights = expression, columns, y, weights
        self.through = through
        count, slots = starts.shape
        self.constants, self.trial = starts.copy(), starts.copy()
        self.loss = np.full(count, np.inf)
        self.curvature = np.zeros((count, slots, slots))
        self.gradient = np.zeros((count, slots))
        self.promised = np.ones(count)
        self.damping, self.growth = np.full(count, 3e-3), np.full(count, 2.0)
        self.going = np.ones(count, bool)

    def step(self, enough: float) -> bool:
        """Evaluate all trials and choose the next; False when all starts have ended."""
        active = np.flatnonzero(self.going)
        if not len(active):
            return False
        loss, curvature, gradient = self._linearize(self.trial[active])
        old = self.loss[active]
        better = loss < old
        taken = active[better]
        self.constants[taken], self.loss[taken] = self.trial[taken], loss[better]
        self.curvature[taken], self.gradient[taken] = curvature[better], gradient[better]
        gain = np.where(np.isfinite(old), (old - loss) / self.promised[active], 1.0)
        shrink = np.maximum(1 / 3, 1 - (2 * np.minimum(gain, 2) - 1) ** 3)
        self.damping[active] *= np.where(better, shrink, self.growth[active])
        self.growth[active] = np.where(better, 2.0, 2 * self.growth[active])
        settled = better & (old - loss <= _SETTLED * loss) | (self.loss[active] <= enough)
        ended = (
            settled
            | (self.constants.shape[1] == 0)
            | (self.damping[active] > _STUCK)
            | ~np.isfinite(self.loss[active])
        )
        self.going[active[ended]] = False
        self._propose(active[~ended])
        return True

    def _propose(self, rows: np.ndarray) -> None:
        if not len(rows):
            return
        scale = np.diagonal(self.curvature[rows], axis1=1, axis2=2)
        scale = np.where(scale > 0, scale, 1.0)
        damped = self.damping[rows, None] * scale
        root = np.sqrt(scale)
        matrix = self.curvature[rows] / (root[:, :, None] * root[:, None, :])
        matrix = matrix + self.damping[rows, None, None] * np.eye(scale.shape[1])
        right = -(self.gradient[rows] / root)[..., None]
        try:
            move = np.linalg.solve(matrix, right)[..., 0] / root
        except np.linalg.LinAlgError:
            self.going[rows] = False
            return
        self.promised[rows] = np.sum(move * (damped * move - self.gradient[rows]), axis=1)
        self.trial[rows] = self.constants[rows] + move
        small = np.all(np.abs(move) <= 1e-15 * np.abs(self.constants[rows]), axis=1)
        self.going[rows[small]] = False

    def _linearize(self, constants: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        step = _STEP * np.where(constants == 0, 1.0, np.abs(constants))
        values, slopes, change = self._differences(constants, step)
        if np.any(change < _UNSEEN):  # a constant that is small for what it is added to
            step *= np.where(change < _UNSEEN, _STEP / np.maximum(change, _LEAST), 1.0)
            values, slopes, _ = self._differences(constants, step)
        residual = values - self.y
        weighted = slopes * self.weights
        loss = residual**2 @ self.weights
        gradient = (weighted @ residual[..., None])[..., 0]
        curvature = weighted @ slopes.swapaxes(1, 2)
        return np.where(np.isfinite(loss), loss, np.inf), curvature, np.nan_to_num(gradient)

    def _differences(
        self, constants: np.ndarray, step: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`[B, n]` values, `[B, K, n]` slopes, `[B, K]` changes relative to the largest value."""
        count, slots = constants.shape
        copies = np.repeat(constants[:, None], slots + 1, axis=1)
        copies[:, 1:] += step[:, None] * np.eye(slots)
        points = len(self.y) if self.through is None else self.through.shape[1]
        values = _values(self.expression, self.columns, np.concatenate(copies), points)
        if self.through is not None:
            values = values @ self.through.T
        values = values.reshape(count, slots + 1, -1)
        taken = np.diagonal(copies[:, 1:], axis1=1, axis2=2) - constants
        change = values[:, 1:] - values[:, :1]
        slopes = np.nan_to_num(change / taken[..., None], nan=0.0, posinf=0.0, neginf=0.0)
        size = np.abs(change).max(2) / np.abs(values[:, 0]).max(1, keepdims=True)
        return values[:, 0], slopes, np.where(np.isfinite(size), size, 1.0)


def _values(
    expression: Expression, columns: Mapping[str, np.ndarray], constants: np.ndarray, points: int
) -> np.ndarray:
    """`[B, n]` values for `[B, K]` constants."""
    values = expression.fold(
        variable=lambda name: columns[name][None],
        constant=lambda slot: constants[:, slot, None],
        literal=lambda token: np.float64(literal_value(token)),
        apply=evaluate_operator,
    )
    return np.broadcast_to(values, (len(constants), points)).astype(float)
