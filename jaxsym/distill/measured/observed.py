"""Measured positions made ready: noise, jumps, periodic boxes, natural units."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.datasets import measured_trajectories
from jaxsym.distill.measured.restating import MotionUnits
from jaxsym.inference import estimate_noise, find_jumps, noise_exceeds_motion, unwrap
from jaxsym.laws.units import in_units, natural_units
from jaxsym.trajectories import Trajectories

# Of the motion's standard deviation: less noise is taken for this much at first, since simulated
# data are off by their integrator's steps. A law that leaves less lowers it.
_EXACT = 1e-6
_STILL = 0.5  # share of the coordinates that may be noise alone, as of bodies at rest


def unwrapped(data: Trajectories, box: float) -> Trajectories:
    """Positions in a periodic box as continuous motion.

    Args:
      data: of which positions alone were measured.
      box: the length of its edges.

    Raises:
      ValueError: a box that is not positive, or data with accelerations.
    """
    require(
        data.measured is not None,
        "box is given for data with accelerations; expected positions without accelerations",
    )
    assert data.measured is not None
    seen = np.moveaxis(np.asarray(data.measured.position, np.float64), 1, 0)
    return measured_trajectories(
        np.moveaxis(unwrap(seen, box), 0, 1), time=data.time, mass=data.mass, charge=data.charge,
        sigma=data.measured.sigma, names=data.names, pairs=data.pairs,
        origin=data.origin.split(";")[0],
    )  # fmt: skip


def noise_of(data: Trajectories) -> Float[np.ndarray, "R N"]:
    """The standard errors that were given, or what local polynomials leave, a millionth at least.

    Args:
      data: of which positions alone were measured.
    """
    assert data.measured is not None
    if data.measured.sigma is not None:
        return np.asarray(data.measured.sigma, np.float64)
    seen = np.asarray(data.measured.position, np.float64)
    runs, times, bodies, dims = seen.shape
    columns = np.moveaxis(seen, 1, 0).reshape(times, -1)
    groups = np.tile(np.repeat(np.arange(bodies), dims), runs)
    sigma = estimate_noise(np.asarray(data.time, np.float64), columns, groups=groups).sigma
    return np.maximum(sigma.reshape(runs, bodies, dims)[..., 0], _EXACT * float(np.nanstd(seen)))


def check_motion(data: Trajectories, sigma: Float[np.ndarray, "R N"]) -> None:
    """Whether there is a motion to explain.

    Args:
      data: of which positions alone were measured.
      sigma: standard errors of the coordinates.

    Raises:
      ValueError: a jump (with body and time), or noise larger than the motion.
    """
    assert data.measured is not None
    seen, time = np.asarray(data.measured.position, np.float64), np.asarray(data.time)
    runs, times, bodies, dims = seen.shape
    spread = np.repeat(sigma, dims, axis=1)
    for run in range(runs):
        columns = seen[run].reshape(times, -1)
        jumps = find_jumps(time, columns, spread[run])
        if jumps:
            first = min(jumps, key=lambda jump: jump.sample)
            body = first.column // dims
            name = data.names[body] if data.names is not None else body
            raise ValueError(
                f"body {name} jumps by {first.size:.3g} at time {time[first.sample]:g} of "
                f"trajectory {run}, and there are {len(jumps)} such steps in this trajectory; "
                "expected continuous motion: cut the track there, or give the length of a "
                "periodic box"
            )
    still = np.concatenate(
        [noise_exceeds_motion(x.reshape(times, -1), s) for x, s in zip(seen, spread, strict=True)]
    )
    require(
        still.mean() <= _STILL,
        f"the noise, {np.median(sigma):.3g}, is larger than the motion in {still.mean():.0%} of "
        "the coordinates; no law can be told from it",
    )


def in_motion_units(data: Trajectories) -> tuple[Trajectories, MotionUnits]:
    """The motion in units in which lengths, speeds and masses are of order one, times too.

    Args:
      data: measured or given.
    """
    usual = natural_units(data)
    time = usual.length / usual.velocity
    natural = usual._replace(acceleration=usual.velocity / time)
    units = MotionUnits(natural, time, float(data.time[0]))
    return to_motion_units(data, units), units


def to_motion_units(data: Trajectories, units: MotionUnits) -> Trajectories:
    """Other data in units of which the origin of time need not be theirs."""
    length, seen = units.natural.length, data.measured
    if seen is not None:
        sigma = None if seen.sigma is None else np.asarray(seen.sigma) / length
        position = np.asarray(seen.position, np.float64) / length
        seen = seen._replace(position=position, sigma=sigma)
    return dataclasses.replace(
        in_units(data, units.natural),
        time=(np.asarray(data.time, np.float64) - units.origin) / units.time,
        measured=seen,
    )
