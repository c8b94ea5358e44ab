"""Masses of the planets and the Moon, and gravity's exponent, from noisy positions.

Ten years of positions every 2.5 days from each epoch, with normal noise of a share of each body's
usual distance from the center: in the ephemeris' frame, or relative to the Sun. The GM of all
bodies, the exponent and the first states are fitted by multiple shooting. The start knows no mass:
accelerations in weak form are linear in the GM where the exponent is 2. The Sun's post-Newtonian
pull (Einstein, Infeld and Hoffmann 1938; one heavy body) is part of the law and not fitted. Further
runs start without it and fit its factor, too: 1 in general relativity, 0 in Newton's theory. Runs
found in FILE are not repeated.

    python -m benchmarks.solar_system_masses [--noise 1e-6,1e-4,1e-2] [--epochs 1920,1980,2060]
        [--frames barycenter,sun] [--relativity 1e-6] [--years 10] [--quick] [--json FILE]
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from benchmarks import common
from jaxsym.datasets import solar_system, solar_system_gm
from jaxsym.datasets.ephemeris import BODIES
from jaxsym.inference import (
    Observations,
    TrajectoryFit,
    fit_trajectories,
    observations,
    second_order,
)

FRAMES = ("barycenter", "sun")
_J2000, _DAYS_IN_YEAR = 2_451_544.5, 365.25
_LIGHT = 299_792.458 * 86_400 * _DAYS_IN_YEAR / 149_597_870.7  # AU/yr, exact by definition
_HALF_WINDOW = 12  # samples on each side: of the order of an orbit of Mercury
_SMOOTHNESS = 8  # of the test function (1 - u^2)^8: its sums miss integrals by 2e-6
# Of the joints, stage by stage. The start is near, but what is loose adds up along 180 segments: to
# a turn of the Moon at 0.03, so that the stages from there on are no more than tenfold.
_LOOSENESS = (3.0, 0.3, 0.03, 3e-3, 3e-4, 1e-6)
_COMPANION = 1e-3  # prior width of a companion's mass in units of the Sun's: they are light


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__)
    options.add_argument("--noise", default="1e-6,1e-4,1e-2", help="separated by commas")
    options.add_argument("--epochs", default="1920,1980,2060", help="years, separated by commas")
    options.add_argument("--frames", default=",".join(FRAMES), help="separated by commas")
    options.add_argument(
        "--relativity", default="1e-6", help="noises at which its factor is fitted, too"
    )
    options.add_argument("--years", type=float, default=10.0, help="of observation")
    given = options.parse_args(argv)
    runs = common.kept(given.json, "runs")
    frames, epochs = given.frames.split(","), given.epochs.split(",")
    noises = [(n, False) for n in given.noise.split(",")]
    noises += [(n, True) for n in given.relativity.split(",") if n]
    cases = [(y, n, f, free) for n, free in noises for f in frames for y in epochs]
    years = 0.5 if given.quick else given.years
    for year, noise, frame, free in [("1980", "1e-4", FRAMES[0], False)] if given.quick else cases:
        name = f"{year}/{noise}/{frame}/{years:g}" + ("/relativity" if free else "")
        if name not in runs:
            runs[name] = common.stamped(measure(int(year), float(noise), frame, years, free))
            common.write(_result(given.quick, runs), given.json)
    report(runs)
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "solar_system_masses", "quick": quick, "runs": runs} | common.machine()


def measure(
    year: int, noise: float, frame: str, years: float, relativity: bool = False
) -> dict[str, Any]:
    """One fit.

    Args:
      year: when the observations begin.
      noise: standard deviation as a share of each body's median distance from the center.
      frame: an entry of `FRAMES`.
      years: how long.
      relativity: fit the factor of the post-Newtonian pull, from zero on.
    """
    data = observed(year, noise, frame, years)
    begin = clock.process_time()
    gm = start_masses(data, frame)
    start = {"exponent": np.array(2.0), "gm": gm, "relativity": np.array(float(not relativity))}
    free = {"exponent": True, "gm": True, "relativity": relativity}
    # 20 days are less than the Moon's month
    fit = fit_trajectories(
        LAWS[frame], start, data, order=2, free=free, looseness=_LOOSENESS, intervals=8
    )
    mass, error = mass_ratios(fit)
    true = np.array([solar_system_gm()[body] for body in BODIES])
    off = mass / (true[1:] / true[0]) - 1
    relative = error / (true[1:] / true[0])
    named = lambda values: dict(zip(BODIES[1:], values.tolist(), strict=True))  # noqa: E731
    factor = {
        "relativity": float(fit.constants["relativity"]),
        "relativity_standard_error": float(fit.standard_errors["relativity"]),
    }
    return (factor if relativity else {}) | {
        "exponent": float(fit.constants["exponent"]),
        "exponent_standard_error": float(fit.standard_errors["exponent"]),
        "mass_errors": named(off),
        "mass_standard_errors": named(np.where(np.isfinite(relative), relative, -1.0)),
        "start_errors": named(gm[1:] / gm[0] / (true[1:] / true[0]) - 1),
        "chi2_per_dof": fit.chi2_per_dof,
        "converged": fit.converged,
        "iterations": fit.iterations,
        "cpu_seconds": clock.process_time() - begin,
    }


def observed(year: int, noise: float, frame: str, years: float) -> Observations:
    """Noisy positions; those relative to the Sun are of the other nine bodies."""
    begin = _J2000 + (year - 2000) * _DAYS_IN_YEAR
    motion = solar_system(years, start=begin)
    position = np.asarray(motion.position)[0]
    if frame == "sun":
        position = position[:, 1:] - position[:, :1]
    sigma = noise * np.median(np.linalg.norm(position, axis=-1), axis=0)
    drawn = np.random.default_rng(year).normal(size=position.shape)
    seen = (position + sigma[:, None] * drawn).reshape(len(position), -1)
    return observations(np.asarray(motion.time), seen, sigma=np.repeat(sigma, 3))


def _pulls(gm: Array, exponent: Array, x: Array) -> Array:
    """Accelerations ``[N, 3]`` by all other bodies, ``GM r^-exponent`` each."""
    apart = x[None] - x[:, None]
    # a body is no distance from itself, and does not pull itself
    square = jnp.sum(apart**2, axis=-1) + np.eye(len(BODIES))
    pull = gm * square ** (-(exponent + 1) / 2)
    return jnp.sum(pull[..., None] * apart, axis=1)


def _relativity(gm: Array, x: Array, v: Array) -> Array:
    """The Sun's post-Newtonian pull on the others."""
    r, w = x[1:] - x[0], v[1:] - v[0]
    distance = jnp.sqrt(jnp.sum(r**2, axis=-1, keepdims=True))
    along = 4 * gm[0] / distance - jnp.sum(w**2, axis=-1, keepdims=True)
    pull = along * r + 4 * jnp.sum(r * w, axis=-1, keepdims=True) * w
    pull = gm[0] / (_LIGHT**2 * distance**3) * pull
    return jnp.concatenate([jnp.zeros((1, 3)), pull])


def _acceleration(constants: Any, x: Array, v: Array) -> Array:
    gm = constants["gm"]
    newton = _pulls(gm, constants["exponent"], x)
    return newton + constants["relativity"] * _relativity(gm, x, v)


def _in_barycenter(constants: Any, x: Array, v: Array, time: Array, inputs: Any) -> Array:
    return _acceleration(constants, x.reshape(-1, 3), v.reshape(-1, 3)).ravel()


def _from_sun(constants: Any, x: Array, v: Array, time: Array, inputs: Any) -> Array:
    with_sun = lambda a: jnp.pad(a.reshape(-1, 3), ((1, 0), (0, 0)))  # noqa: E731
    acceleration = _acceleration(constants, with_sun(x), with_sun(v))
    return (acceleration[1:] - acceleration[0]).ravel()


LAWS = {"barycenter": second_order(_in_barycenter), "sun": second_order(_from_sun)}


def start_masses(data: Observations, frame: str) -> Float[np.ndarray, " N"]:
    """The GM by linear least squares in weak form, the exponent being 2 (see `jaxsym.inference`).

    The companions' masses have a prior of `_COMPANION` about zero, as no acceleration tells the
    least of them.
    """
    time, seen, sigma = data.time[0], data.value[0], data.sigma
    assert sigma is not None
    position = seen.reshape(len(time), -1, 3)
    if frame == "sun":
        position = np.pad(position, ((0, 0), (1, 0), (0, 0)))
    apart = position[:, None] - position[:, :, None]
    square = np.sum(apart**2, axis=-1, keepdims=True)
    field = apart / np.where(square > 0, square, 1.0) ** 1.5  # [T, on, by, 3]
    if frame == "sun":
        field = field[:, 1:] - field[:, :1]
    columns = np.moveaxis(field, 3, 2).reshape(len(time), -1, len(BODIES))
    u = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1) / _HALF_WINDOW
    test = (1 - u**2) ** _SMOOTHNESS
    width = _HALF_WINDOW * (time[1] - time[0])
    inner = 2 * (_SMOOTHNESS - 1) * u**2 - (1 - u**2)
    curved = 2 * _SMOOTHNESS * inner * (1 - u**2) ** (_SMOOTHNESS - 2) / width**2
    windows = lambda a: np.lib.stride_tricks.sliding_window_view(a, len(u), axis=0)  # noqa: E731
    left, right = windows(seen)[::4] @ curved, windows(columns)[::4] @ test
    weight = 1 / (sigma[0, 0] * np.linalg.norm(curved))
    rows = (right * weight[:, None]).reshape(-1, len(BODIES))
    unit = np.linalg.lstsq(rows, (left * weight).ravel())[0][0] * _COMPANION
    prior = np.eye(len(BODIES))[1:] / unit
    full = np.concatenate([rows, prior])
    return np.linalg.lstsq(full, np.append((left * weight).ravel(), np.zeros(len(prior))))[0]


def mass_ratios(fit: TrajectoryFit) -> tuple[np.ndarray, np.ndarray]:
    """Masses over the Sun's and their standard errors; infinite where nothing is known."""
    gm = np.asarray(fit.constants["gm"])
    covariance = fit.covariance[1 : 1 + len(gm), 1 : 1 + len(gm)]
    slopes = np.concatenate([-gm[1:, None] / gm[0], np.eye(len(gm) - 1)], axis=1) / gm[0]
    variance = [
        (s[used] @ covariance[np.ix_(used, used)] @ s[used])
        for i, s in enumerate(slopes)
        for used in [[0, i + 1]]
    ]
    return gm[1:] / gm[0], np.sqrt(variance)


def report(runs: dict[str, Any]) -> None:
    """Exponent, chi squared and masses with their errors, a row a run."""
    rows = []
    for name, run in runs.items():
        pairs = zip(run["mass_errors"].values(), run["mass_standard_errors"].values(), strict=True)
        masses = [f"{off:+.1e}/{error:.1e}" for off, error in pairs]
        exponent = f"{run['exponent'] - 2:+.1e}/{run['exponent_standard_error']:.1e}"
        factor = "-"
        if "relativity" in run:
            factor = f"{run['relativity']:.4f}/{run['relativity_standard_error']:.1e}"
        rows.append([name, f"{run['chi2_per_dof']:.3f}", exponent, factor, *masses])
    head = ["case: errors/standard errors", "chi2/dof", "exponent", "relativity", *BODIES[1:]]
    common.show(head, rows)
