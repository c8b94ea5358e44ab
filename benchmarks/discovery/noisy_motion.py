"""Laws from noisy positions alone: which are recovered, with what errors, in what time.

Twelve trajectories of 60 times of four bodies in the plane; `jaxsym.discover` gets positions,
masses and charges, with normal noise of a share of the positions' standard deviation that it is
not told. A form counts as recovered if some constants make it the true law exactly; its constants
are then compared with these, in their own standard errors and in the Cramer-Rao bound's of all
twelve trajectories. Further cases have more noise, gaps and uneven times, or planets on nearly
circular orbits in two systems of units. Runs found in FILE are not repeated.

    python -m benchmarks.noisy_motion [--quick] [--json FILE] [--seeds 0,1,2] [--cases spring,r2]
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.integrate
import scipy.optimize

import jaxsym
from benchmarks import common
from jaxsym.datasets import measured_trajectories
from jaxsym.distill import Discovery, ParticleLaw
from jaxsym.distill.measured.constants import constants_of
from jaxsym.distill.measured.law_motion import law_field, measured_motion
from jaxsym.distill.tasks import simulated_truth
from jaxsym.distill.verdict import pair_samples
from jaxsym.inference import cramer_rao
from jaxsym.laws.pairs import VARIABLES
from jaxsym.simulate import Law, Truth, particles
from jaxsym.simulate.laws import charged_state
from jaxsym.trajectories import Trajectories

_TIMES, _BODIES = 60, 4
_FINER = 10  # steps of the simulation between two times
_POOL = 20  # times as many trajectories as are wanted, where few are fit
_SAME_FORM = 1e-6  # relative misfit of a form that holds the truth


class Case(NamedTuple):
    """What is discovered.

    Attributes:
      law: a name in `jaxsym.simulate.LAWS`, or a law; None for planets.
      dt: between times; None for the law's own.
      noise: share of the positions' standard deviation.
      trajectories: R.
      spoiled: uneven times, a fifth of the samples missing, one body for a third of the time.
      apart: least distance of two bodies, in trajectories that count: without softening the others
        are thrown far by encounters that no measurement resolves.
      unit: of length, time and mass of planets, in astronomical units, years and solar masses.
    """

    law: str | Law | None
    dt: float | None = None
    noise: float = 1e-3
    trajectories: int = 12
    spoiled: bool = False
    apart: float = 0.0
    unit: tuple[float, float, float] = (1.0, 1.0, 1.0)


_YUKAWA = Law(
    "yukawa",
    lambda r, mass_i, mass_j, charge_i, charge_j: charge_i * charge_j * jnp.exp(-r / 1.7) / r,
    dt=0.05,
    initial=charged_state,
    truth=Truth("-q1*q2*exp(-r/1.7)*(1/r + 1/1.7)/r**2", ("0",) * 3),
)
_MORSE = Law(
    "morse",
    lambda r, mass_i, mass_j, charge_i, charge_j: (1 - jnp.exp(-1.5 * (r - 1.2))) ** 2,
    dt=0.05,
    truth=Truth("3*(exp(-1.5*(r - 1.2)) - exp(-3*(r - 1.2)))/r", ("0",) * 3),
)
_AU, _YEAR, _SUN = 1.495978707e11, 3.15576e7, 1.98892e30

CASES = {
    "spring": Case("spring", 0.1),
    "r1": Case("r1", 0.05),
    "r2": Case("r2", 0.01),
    "charge": Case("charge", 0.01),
    "damped": Case("damped", 0.1),
    "yukawa": Case(_YUKAWA, apart=0.2),
    "morse": Case(_MORSE),
    "spring 1%": Case("spring", 0.1, 1e-2),
    "r1 1%": Case("r1", 0.05, 1e-2),
    "r2 1%": Case("r2", 0.01, 1e-2),
    "charge 1%": Case("charge", 0.01, 1e-2),
    "spring with gaps": Case("spring", 0.1, spoiled=True),
    "r2 with gaps": Case("r2", 0.01, spoiled=True),
    "planets": Case(None, noise=0.0),
    "planets in SI units": Case(None, noise=0.0, unit=(_AU, _YEAR, _SUN)),
}
_MASSES = np.array([1.0, 3.0015e-6, 9.5425e-4, 2.4485e-6])
_RADII = np.array([0.0, 1.0, 5.2, 0.72])
_G = 4 * np.pi**2


class Made(NamedTuple):
    """Data and what they are made of.

    Attributes:
      data: what `jaxsym.discover` gets.
      truth: coefficient of the true force.
      states: true positions and velocities, of all trajectories.
      sigma: of the noise.
    """

    data: Trajectories
    truth: jaxsym.Expression
    states: np.ndarray
    sigma: float


def make(case: Case, seed: int) -> Made:
    """The data of a case, the same motion with noise of its own for every seed."""
    if case.law is None:
        return _planets(case)
    rng = np.random.default_rng(seed)
    system = particles(case.law, bodies=_BODIES, dims=2)
    dt = system.law.dt if case.dt is None else case.dt
    motion = system.simulate(
        jax.random.key(0), trajectories=case.trajectories * (_POOL if case.apart else 1),
        steps=_FINER * (_TIMES - 1) + 1, dt=dt / _FINER,
    )  # fmt: skip
    runs = np.flatnonzero(_least_distance(motion) > case.apart)[: case.trajectories]
    some = np.arange(_TIMES) * _FINER
    if case.spoiled:
        chosen = np.random.default_rng(1).permutation(some[-1])[: _TIMES - 1]
        some = np.sort(np.r_[0, 1 + chosen])
    when = np.asarray(motion.time, np.float64)[some]
    x, v = (np.asarray(a, np.float64)[runs][:, some] for a in (motion.position, motion.velocity))
    sigma = case.noise * float(x.std())
    seen = x + sigma * rng.normal(size=x.shape)
    if case.spoiled:
        seen[rng.random(seen.shape[:3]) < 0.2] = np.nan
        seen[:, : _TIMES // 3, 1] = np.nan
    data = measured_trajectories(
        seen, time=when, mass=np.asarray(motion.mass, np.float64)[runs],
        charge=np.asarray(motion.charge, np.float64)[runs],
    )  # fmt: skip
    truth = simulated_truth(system)
    assert truth is not None
    states = np.concatenate([a.reshape(*a.shape[:2], -1) for a in (x, v)], axis=-1)
    return Made(data, truth.coefficient, states, sigma)


def _least_distance(motion: Trajectories) -> np.ndarray:
    """Of two bodies, in each trajectory."""
    x = np.asarray(motion.position, np.float64)
    first, second = np.triu_indices(_BODIES, 1)
    return np.linalg.norm(x[:, :, first] - x[:, :, second], axis=-1).min(axis=(1, 2))


def _planets(case: Case) -> Made:
    """Three planets on nearly circular orbits about a star, 600 times in ten years."""
    length, year, sun = case.unit
    speed = np.sqrt(_G / np.maximum(_RADII, 1e-9)) * (_RADII > 0)
    start = np.zeros((2, 4, 2))
    start[0, :, 0], start[1, :, 1] = _RADII, speed

    def rate(_, flat):
        x, v = flat.reshape(2, 4, 2)
        d = x[None] - x[:, None]
        r3 = np.sum(d**2, axis=-1) ** 1.5 + np.eye(4)
        return np.stack([v, _G * np.einsum("j,ijd->id", _MASSES, d / r3[..., None])]).ravel()

    when = np.linspace(0.0, 10.0, 600)
    done = scipy.integrate.solve_ivp(
        rate, (0.0, 10.0), start.ravel(), "DOP853", when, rtol=1e-12, atol=1e-12
    )
    x, v = np.moveaxis(done.y.reshape(2, 4, 2, -1), -1, 1)
    names = ["star", "inner", "giant", "innermost"]
    data = measured_trajectories(
        x * length, time=when * year, mass=_MASSES * sun, names=names, origin="simulated"
    )
    strength = _G * length**3 / year**2 / sun
    truth = jaxsym.parse(f"{strength!r}*m1*m2/r**3")
    states = np.concatenate(
        [a.reshape(1, len(when), -1) for a in (x * length, v * length / year)], -1
    )
    return Made(data, truth, states, 0.0)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the cases and print their table."""
    options = common.arguments(__doc__)
    options.add_argument("--seeds", default="0,1,2", help="of the noise, separated by commas")
    options.add_argument("--cases", default=",".join(CASES), help="separated by commas")
    given = options.parse_args(argv)
    seeds = [int(seed) for seed in given.seeds.split(",")][: 1 if given.quick else None]
    runs = common.kept(given.json, "runs")
    for name in ["spring"] if given.quick else given.cases.split(","):
        case = CASES[name]._replace(trajectories=5) if given.quick else CASES[name]
        for seed in seeds[: None if case.noise else 1]:
            key = f"{name}/{seed}"
            if key not in runs:
                runs[key] = common.stamped(run(case, seed))
                common.write(_result(given.quick, runs), given.json)
            print(key, _line(runs[key]), flush=True)
    _table(runs)
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "noisy_motion", "quick": quick, "runs": runs} | common.machine()


def run(case: Case, seed: int) -> dict[str, Any]:
    """One discovery: its result object, and how it compares with the truth."""
    made = make(case, seed)
    begin, cpu = time.perf_counter(), time.process_time()
    try:
        found = jaxsym.discover(made.data, seed=seed)
    except ValueError as error:
        return {"failed": str(error)}
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
    return found.to_json() | {"wall": spent} | _compared(found, made)


def _compared(found: Discovery, made: Made) -> dict[str, Any]:
    """The constants against those that make the form the true law, if any do."""
    law = found.law.as_force()
    inputs = pair_samples(made.data, None)[1]
    true = true_constants(law, made.truth, inputs)
    if true is None:
        return {"form": False, "sigma_true": made.sigma}
    same = found.law.force or len(law.coefficient.constants) == len(found.law.coefficient.constants)
    names = [name for name in found.constants if name.startswith("c")]
    error = np.array([found.constants[name] for name in names]) - true if same else np.zeros(0)
    spread = np.array([(found.uncertainty or {})[name] for name in names])
    told = {"form": True, "sigma_true": made.sigma, "true_constants": true.tolist()}
    if not same or not made.sigma:
        return told
    bound = _bound(law, true, made)
    return told | {
        "in_standard_errors": (error[spread > 0] / spread[spread > 0]).tolist(),
        "in_bound": (error / bound).tolist(),
        "standard_errors_over_bound": (spread / bound).tolist(),
    }


def true_constants(
    law: ParticleLaw, truth: jaxsym.Expression, inputs: np.ndarray
) -> np.ndarray | None:
    """Constants that make the law the true one; None if none do."""
    start = np.array(law.coefficient.constants)
    target = truth.evaluate(inputs, VARIABLES)
    size = np.maximum(np.abs(target), 0.01 * np.median(np.abs(target)))

    def residual(factors: np.ndarray) -> np.ndarray:
        values = law.coefficient.with_constants((start * factors).tolist())
        return np.nan_to_num((values.evaluate(inputs, VARIABLES) - target) / size, nan=1e3)

    if not len(start):
        return start if np.abs(residual(start)).max() < _SAME_FORM else None
    fit = scipy.optimize.least_squares(
        residual, np.ones(len(start)), xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale="jac"
    )
    return start * fit.x if np.sqrt(np.mean(fit.fun**2)) < _SAME_FORM else None


def _bound(law: ParticleLaw, true: np.ndarray, made: Made) -> np.ndarray:
    """Least standard errors of the constants, from all trajectories."""
    exact = dataclasses.replace(law, coefficient=law.coefficient.with_constants(true.tolist()))
    spread = np.full(made.data.position.shape[::2], made.sigma)
    motion = measured_motion(made.data, spread)
    field = law_field(exact, motion.bodies, motion.pairs)
    told = cramer_rao(field, constants_of(exact), motion.data, made.states)
    return np.asarray(told.standard_errors["coefficient"])


def _line(found: dict[str, Any]) -> str:
    if "failed" in found:
        return f"FAILED {found['failed']}"
    return (
        f"form={found['form']} {found['law']['coefficient']} chi2/dof {found['chi2_per_dof']:.3f} "
        f"{found['wall']['cpu_seconds']:.0f} CPU s, errors/sigma {found.get('in_standard_errors')}"
    )


def _table(runs: dict[str, Any]) -> None:
    rows = []
    for name in CASES:
        found = [r for key, r in runs.items() if key.rsplit("/", 1)[0] == name]
        if not found:
            continue
        whole = [r for r in found if "failed" not in r]
        rows.append(
            [
                name,
                f"{sum(r['form'] for r in whole)}/{len(found)}",
                _middle(whole, lambda r: r["chi2_per_dof"], ".3f"),
                _middle(whole, lambda r: _largest(r.get("in_standard_errors")), ".1f"),
                _middle(whole, lambda r: _largest(r.get("in_bound")), ".1f"),
                _middle(whole, lambda r: _largest(r.get("standard_errors_over_bound")), ".2f"),
                _middle(whole, lambda r: r["wall"]["cpu_seconds"], ".0f"),
                whole[0]["law"]["coefficient"] if whole else "",
            ]
        )
    header = [
        "case", "form", "chi2/dof", "error/se", "error/bound", "se/bound", "CPU s", "first law",
    ]  # fmt: skip
    common.show(header, rows)


def _largest(values: Sequence[float] | None) -> float:
    return max(map(abs, values)) if values else float("nan")


def _middle(runs: list[dict[str, Any]], of: Callable[[dict[str, Any]], float], form: str) -> str:
    values = [value for run in runs if np.isfinite(value := of(run))]
    return f"{np.median(values):{form}}" if values else ""


if __name__ == "__main__":
    main()
