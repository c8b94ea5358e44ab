"""Motion under a learned network and under the equation read from it, against the true motion.

Each case begins with `jaxsym.discover`; then both models move bodies from starts that they never
saw: as many as in training, twice as many, three times as heavy, and three times as fast. Errors
are distances from the true places over the bodies' distance from their center; the drift is the
change of the law's own energy over the kinetic energy at the start. Both are medians over systems.

    python -m benchmarks.graph_rollouts [--cases spring:bottleneck,charge:hamiltonian] [--seed 0]
        [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import common
from jaxsym import discover
from jaxsym.distill import Discovery, Rollout, roll_out, rollout_error, symbolic_network
from jaxsym.graphs import Bodies, topology
from jaxsym.laws.units import natural_units
from jaxsym.simulate import ParticleSystem, particles
from jaxsym.simulate.laws import State
from jaxsym.trajectories import Trajectories

CASES = "spring:bottleneck,spring:hamiltonian,charge:hamiltonian"
_TIMES = 21  # that are kept
_SYSTEMS = 40
_TOLD = ("law", "constants", "message_r2", "errors", "recovered", "seconds")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__)
    options.add_argument("--cases", default=CASES, help="law:model, separated by commas")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args(argv)
    runs = common.kept(given.json, "runs")
    for case in ["spring:bottleneck"] if given.quick else given.cases.split(","):
        name = f"{case}/{given.seed}"
        if name not in runs:
            found = measure(*case.split(":"), seed=given.seed, quick=given.quick)
            runs[name] = common.stamped(found)
            common.write(_result(given, runs), given.json)
        report(name, runs[name])
    return _result(given, runs)


def _result(given: argparse.Namespace, runs: dict[str, Any]) -> dict[str, Any]:
    found = {"benchmark": "graph_rollouts", "quick": given.quick, "runs": runs}
    return found | common.machine()


def measure(law: str, model: str, *, seed: int, quick: bool = False) -> dict[str, Any]:
    """Discover a law of four bodies in the plane and roll out network and equation.

    Args:
      law: a name in `jaxsym.simulate.LAWS`.
      model: see `jaxsym.distill.learning`.
      seed: of everything random.
      quick: hardly train, and few systems.
    """
    found = discover(law, model=model, seed=seed, steps=200 if quick else None)
    if set(natural_units(found.task.train)) != {1.0}:
        raise ValueError(f"law {law} is not of order one, and its network would see other units")
    systems, stride = (4, 2) if quick else (_SYSTEMS, 50)
    cases = {
        name: _compare(found, *start, stride)
        for name, start in _starts(law, jax.random.key(seed + 1), systems).items()
    }
    told = found.to_json()
    return {name: told[name] for name in _TOLD} | {"cases": cases}


def _starts(law: str, key: jax.Array, count: int) -> dict[str, tuple[ParticleSystem, State]]:
    few, many = particles(law, bodies=4), particles(law, bodies=8)
    with jax.enable_x64(True):
        usual, crowd = few.initial(key, count), many.initial(key, count)
        return {
            "as in training": (few, usual),
            "8 bodies": (many, crowd),
            "masses x 3": (few, usual._replace(mass=3 * usual.mass)),
            "speeds x 3": (few, usual._replace(velocity=3 * usual.velocity)),
        }


def _compare(found: Discovery, system: ParticleSystem, start: State, stride: int) -> dict[str, Any]:
    """Errors and drifts by time; every ``stride``-th of the law's usual steps is kept."""
    learned, edges = found.network, topology(system.bodies)
    with jax.enable_x64(True):
        true = system.rollout(start, steps=stride * (_TIMES - 1) + 1).thin(stride)
        label = jnp.broadcast_to(jnp.arange(system.bodies), start.mass.shape)
        bodies = Bodies(start.position, start.velocity, start.mass, start.charge, label)
        models = {
            "network": (learned.model.apply, learned.params),
            "equation": symbolic_network(found.law),
        }
        moved = {
            name: roll_out(
                *model,
                bodies,
                edges,
                dt=stride * system.law.dt,
                steps=_TIMES,
                substeps=stride,
            )
            for name, model in models.items()
        }
        return {
            "time": np.asarray(true.time).tolist(),
            "error": {name: _median(rollout_error(run, true)) for name, run in moved.items()},
            "energy_drift": {
                name: _median(_drift(system, start, run))
                for name, run in (moved | {"truth": true}).items()
            },
        }


def _drift(system: ParticleSystem, start: State, motion: Rollout | Trajectories) -> np.ndarray:
    """|E(t) - E(0)| over the kinetic energy at the start, ``[R, T]``."""
    mass, charge = start.mass[:, None], start.charge[:, None]
    moving = jnp.asarray(motion.position), jnp.asarray(motion.velocity)
    energy = np.asarray(system.energy(*moving, mass, charge))
    kinetic = 0.5 * np.sum(np.asarray(start.mass)[..., None] * start.velocity**2, axis=(1, 2))
    return np.abs(energy - energy[:, :1]) / kinetic[:, None]


def _median(values: np.ndarray) -> list[float]:
    """Over the systems; motions that left the finite numbers count as the worst."""
    return np.median(np.nan_to_num(values, nan=np.inf, posinf=np.inf), axis=0).tolist()


def report(name: str, run: dict[str, Any]) -> None:
    """Print errors halfway and at the end, and the drifts at the end."""
    print(f"{name}: {run['law']['components'][0]}, recovered {run['recovered']}")
    rows = []
    for case, found in run["cases"].items():
        half = len(found["time"]) // 2
        errors = [found["error"][m][k] for k in (half, -1) for m in ("network", "equation")]
        drifts = [found["energy_drift"][m][-1] for m in ("network", "equation", "truth")]
        rows.append([case, f"{found['time'][-1]:.3g}", *(f"{e:.1e}" for e in errors + drifts)])
    models = ["network", "equation"]
    halfway, drifts = (f"{m}, half" for m in models), [f"drift, {m}" for m in (*models, "truth")]
    common.show(["", "time", *halfway, *models, *drifts], rows)
