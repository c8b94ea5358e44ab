"""Simulation of particles against the original's way, in time and in energy.

A thousand systems of 4 bodies on springs in 2 dimensions (Cranmer et al. 2020, arXiv 2006.11287),
1000 states kept of each, 0.01 apart, float32, from the same initial states. The original integrates
one system after the other by `jax.experimental.ode.odeint` (adaptive Dormand-Prince, default
tolerances), compiled anew at each call; beside it the same solver under `jax.vmap`. Compilation is
timed apart. Seconds of the processor are the fairer measure on a busy machine.

    python -m benchmarks.simulation [--quick] [--json FILE]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.ode import odeint

from benchmarks import common
from jaxsym.simulate import ParticleSystem, State, particles

OURS = "jaxsym"
LOOP = "odeint, one system after the other (the original's way)"
BATCHED = "odeint, vmapped"
DT = 0.01
# The original's own code at these settings, simulate.py of its repository, measured on two cores:
# it also draws the states one by one, and compiles within the call.
ORIGINAL = {"seconds": 32.7, "cpu_seconds": 16.0}
TARGET = 20.0
CLOCKS = ("seconds", "cpu_seconds")


def measure(*, trajectories: int = 1000, steps: int = 1000, repeats: int = 7) -> dict[str, Any]:
    """Time all three in turns, and compare how well they keep the energy.

    Args:
      trajectories: systems to simulate.
      steps: states kept of each.
      repeats: number of turns; the vmapped solver has one.
    """
    system = particles("spring", bodies=4, dims=2)
    state = system.initial(jax.random.key(0), trajectories)
    starts = [np.asarray(values) for values in state[:3]]
    time_grid = DT * jnp.arange(steps)
    solve = jax.jit(lambda x, v, m: odeint(_derivative, (x, v), time_grid, m, mxstep=2000))
    batched = jax.jit(jax.vmap(solve))

    def loop() -> tuple[Any, Any]:
        each = [solve(x, v, m) for x, v, m in zip(*starts, strict=True)]
        x, v = (np.stack([np.asarray(one[k]) for one in each]) for k in range(2))
        return x, v

    def ours() -> tuple[Any, Any]:
        data = system.rollout(state, steps=steps, dt=DT)
        return data.position, data.velocity

    calls: dict[str, Callable[[], tuple[Any, Any]]] = {
        OURS: ours,
        LOOP: loop,
        BATCHED: lambda: batched(*starts),
    }
    once = {
        OURS: ours,
        LOOP: lambda: solve(*(values[0] for values in starts)),
        BATCHED: calls[BATCHED],
    }
    first = {name: _clock(call)[0] for name, call in once.items()}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    results = {}
    for turn in range(repeats):
        for name, call in calls.items():
            if name != BATCHED or turn == 0:
                clocks, results[name] = _clock(call)
                turns[name].append(clocks)
    engines = {
        name: {
            # the loop's first call, which compiles, integrates one system alone
            "compile": _compilation(first[name], turns[name][0], trajectories, name == LOOP),
            **{clock: common.spread([turn[clock] for turn in turns[name]]) for clock in CLOCKS},
            "energy_drift": _drift(system, state, *results[name]),
        }
        for name in calls
    }
    return {
        "benchmark": "simulation",
        "settings": {"law": "spring", "bodies": 4, "dims": 2, "dt": DT, "seed": 0}
        | {"trajectories": trajectories, "steps": steps, "turns": repeats},
        "engines": engines,
        "times_faster": {
            name: {clock: _ratio(found, engines[OURS], clock) for clock in CLOCKS}
            for name, found in engines.items()
        },
        "original_measured_before": ORIGINAL,
        "times_faster_than_original_measured_before": {
            clock: ORIGINAL[clock] / engines[OURS][clock]["median"] for clock in CLOCKS
        }
        if (trajectories, steps) == (1000, 1000)
        else None,
        "target_ratio": TARGET,
        **common.machine(),
    }


def _ratio(other: dict[str, Any], ours: dict[str, Any], clock: str) -> dict[str, float]:
    """How often ours fits into the other's time, without and with the other's compilation."""
    median = ours[clock]["median"]
    return {
        "running": other[clock]["median"] / median,
        "compiling_too": (other[clock]["median"] + other["compile"][clock]) / median,
    }


def _compilation(
    first: dict[str, float], later: dict[str, float], trajectories: int, single: bool
) -> dict[str, float]:
    """What the first call took longer than a later one."""
    share = trajectories if single else 1
    return {clock: max(0.0, first[clock] - later[clock] / share) for clock in CLOCKS}


def _potential(x: jax.Array) -> jax.Array:
    """The springs' energy, pair by pair as the original sums it."""
    pairs = combinations(range(len(x)), 2)
    return sum((jnp.linalg.norm(x[i] - x[j]) + 0.01 - 1) ** 2 for i, j in pairs)


def _derivative(state: tuple[jax.Array, jax.Array], t: jax.Array, mass: jax.Array) -> Any:
    x, v = state
    return v, -jax.grad(_potential)(x) / mass[:, None]


def _clock(call: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = jax.block_until_ready(call())
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
    }, result


def _drift(system: ParticleSystem, state: State, position: Any, velocity: Any) -> dict[str, float]:
    """``max_t |E(t) - E(0)| / E(0)`` over the trajectories, summed in float64."""
    with jax.enable_x64(True):
        double = partial(np.asarray, dtype=np.float64)
        mass, charge = double(state.mass)[:, None], double(state.charge)[:, None]
        energy = np.asarray(system.energy(double(position), double(velocity), mass, charge))
    drift = np.abs(energy / energy[:, :1] - 1).max(axis=1)
    return {"median": float(np.median(drift)), "most": float(drift.max())}


def report(result: dict[str, Any]) -> None:
    """Print the table and the ratios."""
    rows = []
    for name, found in result["engines"].items():
        cpu, drift = found["cpu_seconds"], found["energy_drift"]
        rows.append(
            [
                name,
                f"{found['seconds']['median']:.2f}",
                f"{cpu['median']:.2f}",
                f"{cpu['least']:.2f} to {cpu['most']:.2f}",
                f"{found['compile']['cpu_seconds']:.1f}",
                f"{drift['median']:.1e}",
                f"{drift['most']:.1e}",
            ]
        )
    header = ["", "wall s", "CPU-s", "spread", "compile CPU-s", "drift, median", "drift, worst"]
    common.show(header, rows)
    for name in (LOOP, BATCHED):
        times = result["times_faster"][name]["cpu_seconds"]
        print(
            f"{times['running']:.1f} times less CPU time than {name} "
            f"({times['compiling_too']:.1f} with its compilation)"
        )
    if times := result["times_faster_than_original_measured_before"]:
        print(
            f"{times['cpu_seconds']:.0f} times less CPU time, {times['seconds']:.0f} times less "
            f"time, than the original's code when it was measured ({ORIGINAL['cpu_seconds']} CPU-s,"
            f" {ORIGINAL['seconds']} s, its compilation included); target {TARGET:.0f}"
        )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__).parse_args(argv)
    result = measure(trajectories=20, steps=50, repeats=2) if options.quick else measure()
    common.write(result, options.json)
    report(result)
    return result
