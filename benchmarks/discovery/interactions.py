"""Laws of several terms: which are recovered, from exact accelerations and from noisy positions.

Four bodies in the plane at 60 times: twelve trajectories with exact accelerations, or twenty of
which positions alone are given, with normal noise of 0.1 % of their standard deviation.
`jaxsym.discover` is told nothing but masses and charges. A law counts as recovered if it is the
true one in its terms and within 2 % everywhere (`jaxsym.distill.recovered`), at the distances of
the data, halved and doubled. Motion that no sum over pairs and single bodies makes counts as it
should be if the result says that it is not complete. Runs found in FILE are not repeated.

    python -m benchmarks.interactions [--quick] [--json FILE] [--seeds 0,1,2] [--cases swirl,dust]
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from scipy.integrate import solve_ivp

import jaxsym
from benchmarks import common
from jaxsym.datasets import measured_trajectories
from jaxsym.distill import Task
from jaxsym.distill.tasks import simulated_truth
from jaxsym.distill.verdict import recovered
from jaxsym.simulate import particles
from jaxsym.trajectories import Trajectories, trajectories

LAWS = ("swirl", "viscous", "magnetic", "trapped", "sender", "braked", "flock", "dust")
FIRST_ORDER = ("vortices", "colloids")
WAYS = {"exact": 12, "noisy": 20}  # trajectories
_TIMES, _BODIES, _FINER, _NOISE, _POOL, _APART = 60, 4, 10, 1e-3, 3, 0.15
_LIMIT = 240.0  # seconds

Rate = Callable[[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray], np.ndarray]


def simulated(name: str, way: str, seed: int) -> Trajectories:
    """Motion of a built-in law, in which bodies do not come closer than the noise resolves."""
    system = particles(name, bodies=_BODIES)
    runs = WAYS[way]
    with jax.enable_x64(True):
        motion = system.simulate(
            jax.random.key(seed), trajectories=_POOL * runs, steps=_FINER * (_TIMES - 1) + 1,
            dt=system.law.dt / _FINER,
        )  # fmt: skip
    x = np.asarray(motion.position, np.float64)
    first, second = np.triu_indices(_BODIES, 1)
    least = np.linalg.norm(x[:, :, first] - x[:, :, second], axis=-1).min(axis=(1, 2))
    chosen = np.flatnonzero(least > _APART)[:runs]
    chosen = chosen if len(chosen) == runs else np.sort(np.argsort(-least)[:runs])
    return jax.tree.map(np.asarray, _picked(motion.thin(_FINER), chosen))


def _picked(data: Trajectories, runs: np.ndarray) -> Trajectories:
    return trajectories(
        np.asarray(data.position)[runs], velocity=np.asarray(data.velocity)[runs],
        acceleration=np.asarray(data.acceleration)[runs], time=data.time,
        mass=np.asarray(data.mass)[runs], charge=np.asarray(data.charge)[runs],
    )  # fmt: skip


def given(data: Trajectories, way: str, seed: int) -> Trajectories:
    """What is told: all of it, or positions with noise."""
    if way == "exact":
        return data
    x = np.asarray(data.position)
    seen = x + _NOISE * x.std() * np.random.default_rng(seed).normal(size=x.shape)
    return measured_trajectories(seen, time=data.time, mass=data.mass, charge=data.charge)


def _springs(x: np.ndarray) -> np.ndarray:
    d = x[None] - x[:, None]
    r = np.linalg.norm(d, axis=-1) + np.eye(len(x))
    return np.sum((2.0 * (r - 1.0) / r * (1 - np.eye(len(x))))[..., None] * d, axis=1)


def _slope(energy: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    found, step = np.zeros_like(x), 1e-5
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        found[place] = (energy(x + moved) - energy(x - moved)) / (2 * step)
    return found


def _triples(x: np.ndarray) -> float:
    """Triple dipoles (Axilrod and Teller 1943), softened."""
    total = 0.0
    for i in range(len(x)):
        for j in range(i):
            for k in range(j):
                a, b, c = x[j] - x[i], x[k] - x[j], x[i] - x[k]
                sizes = np.prod([np.sqrt(side @ side + 0.3) for side in (a, b, c)])
                total += 1.5 * (1 - 3 * (a @ b) * (b @ c) * (c @ a) / sizes**2) / sizes
    return total


def _angles(x: np.ndarray) -> float:
    """Bonds that would be at right angles, as of Stillinger and Weber 1985."""
    total = 0.0
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        for a, j in enumerate(others):
            for k in others[:a]:
                p, q = x[j] - x[i], x[k] - x[i]
                rp, rq = np.sqrt(p @ p + 0.05), np.sqrt(q @ q + 0.05)
                total += 2.0 * np.exp(-(rp + rq) / 2) * (p @ q / (rp * rq)) ** 2
    return total


def _crowded(x: np.ndarray) -> np.ndarray:
    """Pulls that weaken where many are near, as of embedded atoms (Daw and Baskes 1984)."""
    d = x[None] - x[:, None]
    off = 1 - np.eye(len(x))
    r = np.linalg.norm(d, axis=-1) + np.eye(len(x))
    density = np.sqrt(np.sum(np.exp(-r) * off, axis=1) + 0.05)
    size = 3.0 * (1 / density[:, None] + 1 / density[None]) * np.exp(-r) * off / r
    return np.sum(size[..., None] * d, axis=1)


def _hidden(x: np.ndarray, t: float) -> np.ndarray:
    """A body on a circle that nobody sees."""
    d = np.array([2.5 * np.cos(0.9 * t), 2.5 * np.sin(0.9 * t)]) - x
    return 4.0 * d / (np.sum(d**2, axis=-1, keepdims=True) + 0.2) ** 1.5


# forces over masses of place, velocity, mass, time, and a velocity that lags behind
OUTSIDE: dict[str, Rate] = {
    "triple dipoles": lambda x, v, m, t, past: (_springs(x) - _slope(_triples, x)) / m,
    "angles of bonds": lambda x, v, m, t, past: (_springs(x) - _slope(_angles, x)) / m,
    "embedded bodies": lambda x, v, m, t, past: _crowded(x) / m,
    "friction with memory": lambda x, v, m, t, past: (_springs(x) - 1.5 * past) / m,
    "a hidden body": lambda x, v, m, t, past: _springs(x) / m + _hidden(x, t),
}


def outside(name: str, runs: int, seed: int) -> Trajectories:
    """Motion that no sum over pairs and single bodies makes."""
    rng, rate = np.random.default_rng(seed), OUTSIDE[name]
    when = np.linspace(0.0, 3.0, _TIMES)
    grid = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    states, rates, masses = [], [], []
    for _ in range(runs):
        mass = np.exp(0.5 * rng.normal(size=4))
        x, v = grid + 0.5 * rng.normal(size=(4, 2)), 0.5 * rng.normal(size=(4, 2))

        def motion(t: float, flat: np.ndarray, mass: np.ndarray = mass) -> np.ndarray:
            x, v, past = flat.reshape(3, 4, 2)
            return np.stack([v, rate(x, v, mass[:, None], t, past), 2.0 * (v - past)]).ravel()

        start = np.stack([x, v, np.zeros((4, 2))]).ravel()
        done = solve_ivp(motion, (0.0, 3.0), start, t_eval=when, rtol=1e-7, atol=1e-7)
        path = done.y.T.reshape(_TIMES, 3, 4, 2)
        states.append(path)
        rates.append(
            [rate(*p[:2], mass[:, None], t, p[2]) for p, t in zip(path, when, strict=True)]
        )
        masses.append(mass)
    path = np.array(states)
    return trajectories(
        path[:, :, 0], velocity=path[:, :, 1], acceleration=np.array(rates), time=when,
        mass=np.array(masses),
    )  # fmt: skip


def run(name: str, way: str, seed: int) -> dict[str, Any]:
    """One discovery: its result object, and whether it is what it should be."""
    known = name not in OUTSIDE
    data = simulated(name, way, seed) if known else outside(name, WAYS[way], seed)
    begin, cpu = time.perf_counter(), time.process_time()
    try:
        found = jaxsym.discover(given(data, way, seed), seed=seed, time_limit=_LIMIT)
    except ValueError as error:
        return {"failed": str(error)}
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}
    result = found.to_json() | {"wall": spent}
    if not known:
        return result | {"as_it_should_be": found.complete is False}
    truth = simulated_truth(particles(name))
    task = Task(name, data, data, None, "", truth)
    right = recovered(found.law, task.truth, [data], None)
    return result | {"recovered": right, "as_it_should_be": bool(right and found.complete)}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the cases and print their table."""
    names = (*LAWS, *FIRST_ORDER, *OUTSIDE)
    options = common.arguments(__doc__)
    options.add_argument("--seeds", default="0,1,2", help="separated by commas")
    options.add_argument("--cases", default=",".join(names), help="separated by commas")
    options.add_argument("--ways", default="exact,noisy", help="exact, noisy, or both")
    asked = options.parse_args(argv)
    cases = ["magnetic"] if asked.quick else asked.cases.split(",")
    seeds = [0] if asked.quick else [int(seed) for seed in asked.seeds.split(",")]
    ways = ["exact"] if asked.quick else asked.ways.split(",")
    runs = common.kept(asked.json, "runs")
    for way in ways:
        for name in cases:
            for seed in seeds:
                key = f"{name}/{way}/{seed}"
                if key not in runs:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        runs[key] = common.stamped(run(name, way, seed))
                    common.write(_result(asked.quick, runs), asked.json)
                print(key, _line(runs[key]), flush=True)
    _table(runs)
    return _result(asked.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "interactions", "quick": quick, "runs": runs} | common.machine()


def _line(found: dict[str, Any]) -> str:
    if "failed" in found:
        return f"FAILED {found['failed']}"
    terms = [f"{term['name']}: {term['coefficient']}" for term in found["law"]["terms"]]
    return (
        f"{found['as_it_should_be']} complete={found['complete']} explained={found['explained']} "
        f"{'; '.join(terms)} {found['wall']['cpu_seconds']:.0f} CPU s"
    )


def _table(runs: dict[str, Any]) -> None:
    rows = []
    for name in dict.fromkeys(key.split("/")[0] for key in runs):
        for way in WAYS:
            mine = [r for key, r in runs.items() if key.startswith(f"{name}/{way}/")]
            whole = [r for r in mine if "failed" not in r]
            if whole:
                right = sum(r["as_it_should_be"] for r in whole)
                cpu = np.median([r["wall"]["cpu_seconds"] for r in whole])
                rows.append([name, way, f"{right}/{len(mine)}", f"{cpu:.0f}"])
    common.show(["case", "data", "as it should be", "CPU s"], rows)


if __name__ == "__main__":
    main()
