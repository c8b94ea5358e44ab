"""Motion that nothing was fitted to, predicted and compared with what was measured of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.measured.law_motion import LawFit, LawFitter, MeasuredMotion
from jaxsym.inference import Observations, smooth
from jaxsym.inference.smoothing import FEWEST_SAMPLES

_SEEN = 1.0 / 3.0  # of the times, which tell the first states of a prediction
_LOST = 3.0  # standard errors, root mean square over bodies and coordinates
_LEAST = 4  # times that tell a first state


class HeldOut(NamedTuple):
    """What held-out trajectories say of a law.

    Attributes:
      residual: root mean square of measured minus the law's motion, in standard errors, where the
        first states alone are fitted; about 1 for a law that holds.
      horizon: usual time from the last measurement that a prediction knows until it leaves three
        standard errors.
      predicted: usual time over which predictions could be tested; no less than the horizon.
    """

    residual: float
    horizon: float
    predicted: float


def held_out_errors(found: LawFit, fitter: LawFitter, motion: MeasuredMotion) -> HeldOut:
    """Fit first states alone, to all times and to the first third of them.

    Args:
      found: the law.
      fitter: whose compiled functions are used again.
      motion: held-out data.
    """
    count = len(motion.data.time)
    # as many trajectories as the fit had: nothing is compiled anew
    padded = _padded(
        motion._replace(states=_smoothed(motion, found.law.order)),
        max(count, len(fitter.motion.data.time)),
    )
    whole = fitter.motion_of(found, padded)
    residual = whole.residuals[:count]
    seen = padded._replace(data=_early(padded.data), states=whole.states)
    early = fitter.motion_of(found, seen, near=True)
    data = motion.data
    assert data.sigma is not None
    off = np.where(data.present, (data.value - early.predicted[:count]) / data.sigma, np.nan)
    horizons = [_horizon(time, each, time[_cut(time)]) for time, each in zip(data.time, off)]  # noqa: B905
    lasted, longest = np.median(np.array(horizons), axis=0)
    return HeldOut(float(np.sqrt(np.nanmean(residual**2))), float(lasted), float(longest))


def _smoothed(motion: MeasuredMotion, order: int) -> Float[np.ndarray, "R T S"] | None:
    """Positions and velocities where fits start; None where there are too few samples."""
    data = motion.data
    assert data.sigma is not None
    if data.present.sum(axis=1).min() < FEWEST_SAMPLES:
        return None
    runs = []
    columns = (data.time, data.value, data.present, data.sigma)
    for time, value, present, sigma in zip(*columns, strict=True):
        seen = np.where(present, value, np.nan).reshape(len(time), motion.bodies, motion.dims)
        spread = np.where(present, sigma, np.inf).min(axis=0).reshape(seen.shape[1:])
        runs.append(smooth(time, seen, spread).estimate[:order])
    states = np.stack(runs)  # [R, 2, T, N, D]
    return np.moveaxis(states, 1, 2).reshape(*data.time.shape, -1)


def _padded(motion: MeasuredMotion, count: int) -> MeasuredMotion:
    """With trajectories of one time at which nothing was measured."""
    data, more = motion.data, count - len(motion.data.time)
    assert data.sigma is not None

    def longer(values: np.ndarray, kind: Any = "edge", **given: Any) -> np.ndarray:
        return np.pad(values, [(0, more), *[(0, 0)] * (values.ndim - 1)], kind, **given)

    time = longer(data.time)
    time[len(data.time) :] = time[-1:, :1]
    chosen = Observations(
        time, longer(data.value, "constant"), longer(data.present, "constant"),
        longer(data.sigma, "constant", constant_values=1.0),
        longer(data.lengths, "constant", constant_values=1),
        {name: longer(values) for name, values in data.inputs.items()},
    )  # fmt: skip
    return motion._replace(
        data=chosen, states=None if motion.states is None else longer(motion.states)
    )


def _cut(time: Float[np.ndarray, " T"]) -> int:
    return min(max(_LEAST, round(_SEEN * len(time))), len(time) - 2)


def _early(data: Observations) -> Observations:
    seen = np.arange(data.time.shape[1]) < _cut(data.time[0])
    return data._replace(present=data.present & seen[None, :, None])


def _horizon(time: np.ndarray, off: np.ndarray, begin: float) -> tuple[float, float]:
    """How long a prediction lasted, and how long it could be followed."""
    usable = np.isfinite(off).any(axis=1) & (time > begin)
    if not usable.any():
        return 0.0, 0.0
    when, size = time[usable], np.sqrt(np.nanmean(off[usable] ** 2, axis=1))
    gone = np.flatnonzero(size > _LOST)
    last = when[gone[0]] if len(gone) else when[-1]
    return float(last - begin), float(when[-1] - begin)
