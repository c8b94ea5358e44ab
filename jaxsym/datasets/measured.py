"""Trajectories of which positions alone were measured, with gaps as may be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.interpolate import PchipInterpolator

from jaxsym._check import numbers, require
from jaxsym.datasets.splines import FEWEST_TIMES, derivatives
from jaxsym.trajectories import Measured, Trajectories, trajectories


def measured_trajectories(
    position: ArrayLike,
    *,
    time: ArrayLike | Sequence[float],
    velocity: ArrayLike | None = None,
    mass: ArrayLike | None = None,
    charge: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    origin: str = "positions",
) -> Trajectories:
    """`Trajectories` from positions, which are kept as measured beside what is derived of them.

    Accelerations are derivatives of a spline of the velocities, and those of one of the positions
    if these are not given either; ``origin`` of the result says which.

    Args:
      position: ``[R, T, N, D]``, or ``[T, N, D]`` for one trajectory; NaN where a sample is
        missing.
      time: ``[T]``, increasing, unevenly spaced as may be.
      velocity: the same shape as position.
      mass: ``[R, N]``, or ``[N]`` for all trajectories. None when unknown.
      charge: the same. None when there is none.
      sigma: standard errors of the positions: a number, or one for each body, ``[N]`` or
        ``[R, N]``. None when unknown.
      names: N different names.
      pairs: the pairs of bodies that interact, when not all do.
      origin: where the numbers come from, in words.

    Raises:
      ValueError: fewer than five times, a body with fewer samples than that in a trajectory, a
        sigma that is not positive or of another shape, and whatever `trajectories` refuses.

    >>> time = np.linspace(0.0, 1.0, 30)
    >>> position = np.stack([np.stack([time, time], -1), np.stack([2 + time**2, time], -1)], 1)
    >>> position[5, 0] = np.nan
    >>> data = measured_trajectories(position, time=time, sigma=0.01)
    >>> data.position[0, 5, 0].round(3).tolist(), bool(np.isnan(data.measured.position[0, 5, 0, 0]))
    ([0.172, 0.172], True)
    """
    seen = numbers("position", position)
    seen = seen[None] if seen.ndim == 3 else seen
    usable = seen.ndim == 4 and seen.size > 0
    gone = np.isnan(seen).any(axis=-1) if usable else np.zeros(1, bool)
    filled = np.where(gone[..., None], 0.0, seen) if usable else seen
    made: dict[str, Any] = {"mass": mass, "charge": charge, "names": names, "pairs": pairs}
    # the checks of `trajectories` come first: a spline of bad input would hide its fault
    given = filled if velocity is None else velocity
    if gone.any():
        when = trajectories(_apart(filled), velocity=given, acceleration=filled, time=time).time
        _check_samples(gone, names)
        filled = _between(np.asarray(when, np.float64), seen, gone)
    checked = trajectories(filled, velocity=given, acceleration=filled, time=time, **made)
    missing = ("velocity", "acceleration") if velocity is None else ("acceleration",)
    source = "position" if velocity is None else "velocity"
    estimates, how = derivatives(
        np.asarray(checked.time, np.float64),
        np.asarray(getattr(checked, source)),
        orders=tuple(range(1, len(missing) + 1)),
    )
    found: dict[str, Any] = dict(zip(missing, estimates, strict=True))
    return dataclasses.replace(
        checked,
        **found,
        measured=Measured(
            np.where(gone[..., None], np.nan, seen), _sigma(sigma, checked.position.shape)
        ),
        origin=f"{origin}; {' and '.join(missing)} from {source} by {how}",
    )


def with_sigma(data: Trajectories, sigma: ArrayLike) -> Trajectories:
    """The same measurements with other standard errors, see `measured_trajectories`.

    Raises:
      ValueError: accelerations were given, a sigma that is not positive or of another shape.
    """
    require(
        data.measured is not None,
        "sigma is given for data with accelerations; expected positions without accelerations",
    )
    assert data.measured is not None
    spread = _sigma(sigma, data.position.shape)
    return dataclasses.replace(data, measured=data.measured._replace(sigma=spread))


def _apart(position: np.ndarray) -> np.ndarray:
    """Positions that no two bodies share, for checks of everything else."""
    return position + np.arange(position.shape[2])[:, None] * (1.0 + np.ptp(position))


def _check_samples(gone: np.ndarray, names: Sequence[str] | None) -> None:
    there = (~gone).sum(axis=1)
    few = np.argwhere(there < FEWEST_TIMES)
    if len(few):
        run, body = (int(i) for i in few[0])
        name = names[body] if names is not None else body
        raise ValueError(
            f"body {name} was measured at {there[run, body]} times of trajectory {run}; expected "
            f"at least {FEWEST_TIMES}"
        )


def _between(
    time: Float[np.ndarray, " T"], position: np.ndarray, gone: np.ndarray
) -> Float[np.ndarray, "R T N D"]:
    """Missing samples by monotone interpolation, those before and after all others as the end."""
    filled = position.copy()
    for run, body in np.argwhere(gone.any(axis=1)):
        there = ~gone[run, :, body]
        inside = np.clip(time, time[there][0], time[there][-1])
        curve = PchipInterpolator(time[there], position[run, there, body])
        filled[run, ~there, body] = curve(inside[~there])
    return filled


def _sigma(sigma: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if sigma is None:
        return None
    runs, _, bodies, _ = shape
    array = numbers("sigma", sigma)
    require(
        array.shape in ((), (bodies,), (runs, bodies)),
        f"sigma has shape {array.shape}; expected a number, ({bodies},) or ({runs}, {bodies}), one "
        "for each body",
    )
    wrong = array[~(np.isfinite(array) & (array > 0))]
    require(
        wrong.size == 0,
        f"sigma is {wrong.ravel()[0] if wrong.size else ''}; expected positive numbers",
    )
    return np.broadcast_to(array, (runs, bodies))
