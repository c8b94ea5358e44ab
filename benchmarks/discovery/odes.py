"""Equations of motion from one noisy trajectory: which are recovered, and what they predict.

Systems come from a file: a JSON list of ``{"dim", "equations", "inits", "t_end"}`` with states
x_0, x_1, ..., as those of ODEBench (d'Ascoli et al. 2024, arXiv 2310.05573), or from `OWN`. Each is
integrated accurately at 150 times from its first start; noise is multiplicative and normal. A
system counts as recovered if all of its right-hand sides are within 1e-3 of their range (3 % where
there is noise) on the states of both starts' trajectories, and as predicting if its motion from the
second start has R2 above 0.9. Its time is that of the process. Where pysindy can be imported, its
polynomials of degree 3 are fitted to the same data. Runs found in FILE are not repeated.

    python -m benchmarks.odes [--systems FILE] [--every 5] [--noise 0,0.01,0.05] [--time-limit 60]
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jaxsym
from benchmarks import common
from jaxsym.expr import Expression, parse
from jaxsym.odes import implicit_flow

_SAMPLES = 150
_EXACT, _NOISY = 1e-3, 0.03  # of the right-hand sides' range
_PREDICTS = 0.9


class System(NamedTuple):
    """What is to be found.

    Attributes:
      names: of the states.
      equations: right-hand sides.
      starts: two first states.
      end: of the time, which starts at zero.
    """

    names: tuple[str, ...]
    equations: tuple[Expression, ...]
    starts: tuple[tuple[float, ...], ...]
    end: float


def _system(equations: Sequence[str], starts: Sequence[Sequence[float]], end: float) -> System:
    names = tuple(f"x_{k}" for k in range(len(equations)))
    right = tuple(parse(text, variables=names) for text in equations)
    return System(names, right, tuple(tuple(map(float, s)) for s in starts), float(end))


OWN = {
    "logistic": _system(["0.8*x_0 - 0.016*x_0**2"], [[2.0], [70.0]], 10),
    "predator and prey": _system(
        ["1.3*x_0 - 0.7*x_0*x_1", "0.4*x_0*x_1 - 0.9*x_1"], [[2.0, 1.0], [3.0, 2.5]], 12
    ),
    "van der Pol": _system(["x_1", "1.7*(1 - x_0**2)*x_1 - x_0"], [[1.0, 0.5], [-0.3, 2.0]], 12),
    "pendulum": _system(["x_1", "-0.15*x_1 - 2.2*sin(x_0)"], [[2.0, 0.5], [1.0, 1.0]], 12),
    "Duffing": _system(["x_1", "x_0 - 0.8*x_0**3 - 0.2*x_1"], [[1.8, 0.0], [0.5, 0.9]], 15),
    "epidemic": _system(
        ["-0.03*x_0*x_1", "0.03*x_0*x_1 - 0.4*x_1", "0.4*x_1"], [[60, 1, 0], [40, 5, 3]], 12
    ),
    "enzyme": _system(["0.2 - 1.4*x_0/(0.8 + x_0)"], [[5.0], [2.0]], 8),
    "Lorenz": _system(
        ["11*(x_1 - x_0)", "x_0*(26 - x_2) - x_1", "x_0*x_1 - 2.4*x_2"],
        [[2, 3, 20], [-4, 1, 15]],
        8,
    ),
    "Brusselator": _system(
        ["1.2 - 3.9*x_0 + x_0**2*x_1", "2.9*x_0 - x_0**2*x_1"], [[1.0, 2.0], [2.0, 1.5]], 15
    ),
    "FitzHugh and Nagumo": _system(
        ["x_0 - x_0**3/3 - x_1 + 0.6", "0.09*(x_0 + 0.65 - 0.75*x_1)"], [[-1, 0.3], [1, -0.5]], 60
    ),
    "toggle switch": _system(
        ["3.1/(1 + x_1**2) - 0.9*x_0", "2.7/(1 + x_0**2) - x_1"], [[0.6, 1.4], [2.0, 0.3]], 12
    ),
    "satiated predator": _system(
        ["x_0*(1 - x_0/4) - 1.6*x_0*x_1/(1.1 + x_0)", "0.9*x_0*x_1/(1.1 + x_0) - 0.35*x_1"],
        [[1.2, 0.8], [2.5, 0.4]],
        25,
    ),
}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    parser = common.arguments(__doc__)
    parser.add_argument("--systems", type=Path, metavar="FILE", help="by default twelve of its own")
    parser.add_argument("--every", type=int, default=1, help="each how manieth of the systems")
    parser.add_argument("--noise", default="0,0.01,0.05", help="shares, with commas between them")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for a system")
    parser.add_argument("--seed", type=int, default=0, help="of noise and search")
    given = parser.parse_args(argv)
    systems = OWN if given.systems is None else read_systems(given.systems)
    chosen = dict(list(systems.items())[: 1 if given.quick else None : given.every])
    runs = common.kept(given.json, "runs")
    for noise in map(float, given.noise.split(",")[: 1 if given.quick else None]):
        for name, system in chosen.items():
            key = f"{name}/{noise:g}/{given.seed}"
            if key not in runs:
                runs[key] = common.stamped(_run(system, noise, given.seed, given.time_limit))
                common.write(_result(given.quick, runs), given.json)
            print(key, _line(runs[key]), flush=True)
    _table(runs)
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "odes", "quick": quick, "runs": runs} | common.machine()


def read_systems(path: Path) -> dict[str, System]:
    """Systems of a file; equations are parsed, never run."""
    return {
        str(row.get("id", place)): _system(row["equations"], row["inits"], row["t_end"])
        for place, row in enumerate(json.loads(path.read_text()))
    }


def _run(system: System, noise: float, seed: int, limit: float) -> dict[str, Any]:
    when = np.linspace(0.0, system.end, _SAMPLES)
    motions = [_motion(system.equations, system, start, when) for start in system.starts]
    shaken = motions[0] * (1 + noise * np.random.default_rng(seed).normal(size=motions[0].shape))
    began, wall = time.process_time(), time.monotonic()
    try:
        found = jaxsym.discover_ode(when, shaken, names=system.names, time_limit=limit, seed=seed)
    except Exception as failure:
        return {"failed": f"{type(failure).__name__}: {failure}"}
    seconds, waited = time.process_time() - began, time.monotonic() - wall
    right = tuple(found.equations.values())
    return {
        **_judged(right, system, motions, when, _NOISY if noise else _EXACT),
        "equations": {name: str(e) for name, e in found.equations.items()},
        "chi2_per_dof": found.chi2_per_dof,
        "errors": found.errors._asdict(),
        "constants": found.constants,
        "uncertainty": found.uncertainty,
        "cpu_seconds": seconds,
        "seconds": waited,
        "pysindy": _pysindy(when, shaken, system, motions, _NOISY if noise else _EXACT),
    }


def _motion(equations, system: System, start, when) -> np.ndarray:
    return implicit_flow(equations, (*system.names, "t"), 1, start, when)


def _judged(right, system: System, motions, when, tolerance: float) -> dict[str, Any]:
    """Right-hand sides on the states of both starts, and the second start's motion."""
    places = np.concatenate(motions)
    places = places[np.isfinite(places).all(axis=1)]
    names = (*system.names, "t")
    table = np.column_stack([places, np.zeros(len(places))])
    off = []
    for mine, true in zip(right, system.equations, strict=True):
        shown, wanted = mine.evaluate(table, names), true.evaluate(table, names)
        worst = np.abs(shown - wanted).max()
        off.append(float(worst / max(np.ptp(wanted), 1e-300)) if np.isfinite(worst) else np.inf)
    there = np.isfinite(motions[1]).all(axis=1)
    predicted = _motion(right, system, system.starts[1], when)
    score = _r_squared(motions[1][there], predicted[there])
    return {
        "recovered": max(off) <= tolerance,
        "off": max(off),
        "predicts": score > _PREDICTS,
        "second_start": score,
    }


def _r_squared(true: np.ndarray, shown: np.ndarray) -> float:
    """Over all states together, each in units of its deviation."""
    spread = np.maximum(true.std(axis=0), 1e-12 * np.abs(true).max() + 1e-300)
    if not np.isfinite(shown).all():
        return -np.inf
    return float(1 - np.mean(((true - shown) / spread) ** 2))


def _pysindy(when, shaken, system: System, motions, tolerance: float) -> dict[str, Any] | None:
    """The same by pysindy, where it is installed."""
    if importlib.util.find_spec("pysindy") is None:
        return None
    import pysindy

    model = pysindy.SINDy(feature_library=pysindy.PolynomialLibrary(degree=3))
    model.fit(shaken, t=when, feature_names=list(system.names))
    texts = [text.replace(" ", "*").replace("*+*", " + ") for text in model.equations(precision=12)]
    try:
        right = tuple(parse(text.replace("^", "**"), variables=system.names) for text in texts)
    except ValueError as failure:
        return {"failed": str(failure)}
    return _judged(right, system, motions, when, tolerance)


def _line(run: dict[str, Any]) -> str:
    if "failed" in run:
        return f"FAILED {run['failed']}"
    told = "; ".join(run["equations"].values())
    return (
        f"recovered={run['recovered']} (off {run['off']:.1e}) predicts={run['predicts']} "
        f"chi2/dof {run['chi2_per_dof']:.3g} {run['cpu_seconds']:.0f} CPU s: {told}"
    )


def _table(runs: dict[str, Any]) -> None:
    rows = []
    for noise in sorted({key.split("/")[1] for key in runs}, key=float):
        found = [run for key, run in runs.items() if key.split("/")[1] == noise]
        whole = [run for run in found if "failed" not in run]
        rows.append([
            noise, len(found), sum(r["recovered"] for r in whole),
            sum(r["predicts"] for r in whole),
            f"{np.median([r['cpu_seconds'] for r in whole]):.0f}" if whole else "",
        ])  # fmt: skip
    common.show(["noise", "systems", "recovered", "predict the second start", "CPU s"], rows)


if __name__ == "__main__":
    main()
