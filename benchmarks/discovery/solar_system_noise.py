"""Planets and the Moon with noise on their positions: which figures survive.

`jaxsym.discover` is given positions alone, ten years of them every 2.5 days from each epoch, with
normal noise of a share of each body's usual distance from the center; velocities and accelerations
are derivatives of smoothing splines, masses are unknown. The law found is tested on the true
accelerations of the ten years that follow. The ephemeris has one moon, the Earth's. Runs found in
FILE are not repeated.

    python -m benchmarks.solar_system_noise [--noise 0,1e-6,1e-4,1e-2]
        [--epochs 1920,1980,2060] [--steps 16000] [--quick] [--json FILE]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import common
from jaxsym import discover
from jaxsym.datasets import derivatives, solar_system, solar_system_gm
from jaxsym.distill import Discovery, symbolic_errors
from jaxsym.trajectories import Trajectories

_YEARS = 10.0
_J2000, _DAYS_IN_YEAR = 2_451_544.5, 365.25


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__)
    options.add_argument("--noise", default="0,1e-6,1e-4,1e-2", help="separated by commas")
    options.add_argument("--epochs", default="1920,1980,2060", help="years, separated by commas")
    options.add_argument("--steps", type=int, help="of training; those of discover by default")
    given = options.parse_args(argv)
    limits = {"time_limit": 10.0} if given.quick else {"steps": given.steps}
    runs = common.kept(given.json, "runs")
    cases = [(y, n) for n in given.noise.split(",") for y in given.epochs.split(",")]
    for year, noise in [("1980", "0")] if given.quick else cases:
        name = f"{year}/{noise}"
        if name not in runs:
            runs[name] = common.stamped(measure(int(year), float(noise), **limits))
            common.write(_result(given.quick, runs), given.json)
    report(runs)
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "solar_system_noise", "quick": quick, "runs": runs} | common.machine()


def measure(year: int, noise: float, **limits: Any) -> dict[str, Any]:
    """One discovery from noisy positions.

    Args:
      year: when they begin.
      noise: standard deviation as a share of each body's median distance from the center.
      limits: steps or a time limit for `jaxsym.discover`.
    """
    begin = _J2000 + (year - 2000) * _DAYS_IN_YEAR
    seen = solar_system(_YEARS, start=begin)
    later = solar_system(_YEARS, start=begin + _YEARS * _DAYS_IN_YEAR)
    found = discover(noisy(seen, noise, seed=year), **limits)
    told = found.to_json()
    return {
        "law": told["law"]["components"][0],
        "free_exponent": told["free_exponent"],
        "error_on_true_accelerations": _error(found, later),
        "errors": told["errors"],
        "mass_errors": mass_errors(found),
        "seconds": told["seconds"],
        "limits": limits,
    }


def noisy(data: Trajectories, noise: float, *, seed: int) -> Trajectories:
    """Positions with noise, and the derivatives that can be had from them."""
    rng = np.random.default_rng(seed)
    distance = np.median(np.linalg.norm(data.position, axis=-1), axis=(0, 1))
    drawn = rng.normal(size=data.position.shape) * distance[:, None]
    position = np.asarray(data.position) + noise * drawn
    time = np.asarray(data.time)
    (velocity, acceleration), _ = derivatives(time, position, orders=(1, 2))
    return dataclasses.replace(
        data, position=position, velocity=velocity, acceleration=acceleration
    )


def _error(found: Discovery, test: Trajectories) -> dict[str, float]:
    """Median relative error of the law's acceleration of each body."""
    masses = found.masses
    assert masses is not None and test.names is not None
    log_mass = np.log([masses[name] for name in test.names])
    errors = np.median(symbolic_errors(found.law, log_mass, test), axis=0)
    return dict(zip(test.names, errors.tolist(), strict=True))


def mass_errors(found: Discovery) -> dict[str, float]:
    """Relative error of each mass over the Sun's."""
    true, masses = solar_system_gm(), found.masses
    assert masses is not None
    return {name: masses[name] / masses["Sun"] / (true[name] / true["Sun"]) - 1 for name in true}


def report(runs: dict[str, Any]) -> None:
    """Law, exponent, errors and masses within a tenth, a row a run."""
    rows = []
    for name, run in runs.items():
        right = [body for body, error in run["mass_errors"].items() if abs(error) < 0.1]
        errors = list(run["error_on_true_accelerations"].values())
        power = run["free_exponent"]
        exponent = "-" if power is None else f"{power:.6f}"
        planets = f"{np.median(errors):.1e}"
        rows.append(
            [name, run["law"], exponent, planets, ", ".join(b for b in right if b != "Sun")]
        )
    header = ["epoch/noise", "law", "exponent", "error, true", "masses within a tenth"]
    common.show(header, rows)
