"""Stribeck's friction: the speed at which it falls, which no linear regression tells."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_SPEEDS = 24  # tried first, from a hundredth of the largest to the largest
_LEAST_GAIN = 20.0  # rise of the log-likelihood: two more numbers are not found by chance
_STEPS = 30  # of Gauss and Newton
_SETTLED = 1e-13  # relative change of the speed
_DIGITS = 10  # of the speed: what others would add changes no torque beyond rounding


def stribeck_speed(
    velocity: Float[np.ndarray, " n"],
    others: Float[np.ndarray, "n S"],
    target: Float[np.ndarray, " n"],
) -> float | None:
    """The speed v of ``sign(qd) exp(-(qd/v)^2)`` that explains a coordinate's torque best.

    By variable projection: all coefficients follow from v by linear least squares (Kaufman 1975).

    Args:
      velocity: of the coordinate.
      others: what the other terms contribute.
      target: what all are to add up to.

    Returns:
      None if such a term explains no more than chance would.

    >>> qd = np.linspace(-2.0, 2.0, 200)
    >>> others = np.stack([qd, np.sign(qd)], axis=1)
    >>> torque = others @ [0.1, 0.3] + 0.2 * np.sign(qd) * np.exp(-((qd / 0.25) ** 2))
    >>> stribeck_speed(qd, others, torque)
    0.25
    """
    largest = np.abs(velocity).max()
    basis, _ = np.linalg.qr(others)

    def apart(column: np.ndarray) -> np.ndarray:
        return column - basis @ (basis.T @ column)

    left = apart(target)
    plain = left @ left
    grid = np.geomspace(1e-2, 1.0, _SPEEDS) * largest
    speed = min(grid, key=lambda v: _misfit(apart(_shape(velocity, v)), left))
    for _ in range(_STEPS):
        column, slope = (apart(f(velocity, speed)) for f in (_shape, _slope))
        if not column @ column > 0:
            return None
        size = column @ left / (column @ column)
        both = np.stack([column, size * slope], axis=1)
        step = float(np.clip(np.linalg.lstsq(both, left)[0][1], -speed / 2, speed))
        speed += step
        if abs(step) <= _SETTLED * speed:
            break
    misfit = _misfit(apart(_shape(velocity, speed)), left)
    floor = 1e-30 * (target @ target)
    gain = len(left) / 2 * np.log((plain + floor) / (misfit + floor))
    found = gain > _LEAST_GAIN and speed < 2 * largest
    return float(f"{speed:.{_DIGITS}g}") if found else None


def _shape(velocity: np.ndarray, speed: float) -> np.ndarray:
    return np.sign(velocity) * np.exp(-((velocity / speed) ** 2))


def _slope(velocity: np.ndarray, speed: float) -> np.ndarray:
    """By the speed."""
    return _shape(velocity, speed) * 2 * velocity**2 / speed**3


def _misfit(column: np.ndarray, left: np.ndarray) -> float:
    size = column @ column
    rest = left - column * (column @ left / size) if size > 0 else left
    return float(rest @ rest)
