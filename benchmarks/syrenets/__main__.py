"""Lagrangians: the paper's tables, speed against torch, exactness, noise, adaptation.

Valle & Haddadin 2021 (arXiv 2105.14396). Operon stands in the place of MGGP, a MATLAB toolbox, and
only in Table 1: it fits values, and knows no Euler-Lagrange equation. Torch and pyoperon are
compared with where they are installed. Parts and methods that FILE holds already are kept, those
asked for are measured anew.

    python -m benchmarks.syrenets [--quick] [--json FILE] [--parts tables,speed] [--methods NN]
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import common
from benchmarks.common.processes import Engine
from benchmarks.syrenets.exact import SYSTEMS, adaptation, exact, noisy, own_terms, untrained
from benchmarks.syrenets.positions import positions
from benchmarks.syrenets.systems import textbook
from benchmarks.syrenets.tables import OPERON, PAPER, fits, grouped, learn, paper_data, syrenets
from jaxsym.search.engines.operon import OperonEngine

_NOISE = ((0.0, 0.0), (0.001, 0.0), (0.01, 0.0), (0.0, 0.001), (0.0, 0.01))
TARGET_RATIO = 10.0


STEPS = {"SyReNets": 8000, "NN": 5000, "DeLaN": 20_000, "LNN": 10_000, "SysId": 20_000}
_OPERON_SECONDS = 200.0  # for each seed: the 2000 of the paper's other methods for all of them


def tables(
    found: dict[str, Any], methods: Sequence[str], seeds: int, steps: Mapping[str, int]
) -> Iterator[str]:
    """Fill Tables 1 and 2 with rows, the paper's numbers beside; tells each new row's name."""
    for target in ("torque", "L"):
        table = found.setdefault(target, {"paper": PAPER[target], "measured": {}})
        for name in methods:
            if not fits(name, target):
                continue
            if name == OPERON:
                row = _operon(range(seeds))
            elif name == "SyReNets":
                row = syrenets(target, range(seeds), steps[name])
            else:
                row = learn(name, target, range(seeds), steps[name])
            table["measured"][name] = row
            yield name


def _operon(seeds: Sequence[int]) -> dict[str, Any]:
    data, test = paper_data("L", train_states=2000)
    names, errors = ["q1", "q2", "qd1", "qd2"], []
    begin = time.process_time()
    for seed in seeds:
        table = np.concatenate([data.q, data.qd], axis=1)
        front = OperonEngine().search(
            table,
            data.target,
            variables=names,
            key=jax.random.key(seed),
            time_limit=_OPERON_SECONDS,
        )
        best = min(front, key=lambda row: row.loss).expression
        values = best.evaluate(np.concatenate([test.q, test.qd], axis=1), names)
        errors.append(float(np.mean((values - test.target) ** 2)))
    return {
        "test": grouped(errors),
        "test_by_seed": errors,
        "cpu_seconds": time.process_time() - begin,
        "note": "in the place of MGGP; 2,000 states, one seed after the other",
    }


def speed(steps: int, turns: int, seeds: int, device: str = "cpu") -> dict[str, Any]:
    """Steps per second, jaxsym's seeds in one program; torch trains one.

    The device is "cpu", one thread of one core, or "cuda".
    """
    accelerator = device != "cpu"
    with Engine("syrenets.jaxsym_engine", str(seeds), accelerator=accelerator) as ours:
        orders = {"jaxsym": lambda: ours.ask(steps=steps)}
        if importlib.util.find_spec("torch") is None:
            return _rates(common.interleave(orders, turns), steps, seeds) | {"missing": ["torch"]}
        with Engine("syrenets.torch_engine", device, accelerator=accelerator) as theirs:
            orders["torch"] = lambda: theirs.ask(steps=steps)
            found = common.interleave(orders, turns)
            return _rates(found, steps, seeds) | {"missing": [], "torch": theirs.ready}


def _rates(turns: list[dict], steps: int, seeds: int) -> dict[str, Any]:
    trained = {"jaxsym": seeds, "torch": 1}
    rates = {
        engine: {
            clock: common.spread([trained[engine] * steps / turn[engine][clock] for turn in turns])
            for clock in ("seconds", "cpu_seconds")
        }
        for engine in turns[0]
    }
    result = {"seeds_in_one_program": seeds, "steps_of_one_seed_per_second": rates}
    if "torch" in rates:
        result["times_faster"] = {
            clock: rates["jaxsym"][clock]["median"] / rates["torch"][clock]["median"]
            for clock in ("seconds", "cpu_seconds")
        }
        result["target_ratio"] = TARGET_RATIO
    return result


def _exact(seeds: int, states: int) -> dict[str, Any]:
    return {
        name: {route: exact(system, route, range(seeds), states=states) for route in routes}
        for name, system in SYSTEMS.items()
        for routes in [("network", "direct")]
    }


def _untrained(seeds: int, states: int) -> dict[str, Any]:
    return {
        name: untrained(system, range(seeds), states=states) for name, system in SYSTEMS.items()
    }


def _own_terms(seeds: int, states: int, steps: int) -> dict[str, Any]:
    return {
        name: own_terms(system, range(seeds), states=states, steps=steps)
        for name, system in SYSTEMS.items()
        if system.coordinates == 2
    }


def _noise(seeds: int, states: int) -> list[dict[str, Any]]:
    return [noisy(*levels, range(seeds), states=states) for levels in _NOISE]


_QUICK = dict.fromkeys(STEPS, 20)

PARTS: dict[str, Callable[[bool], Any]] = {
    "speed": lambda quick: speed(3, 1, 2) if quick else speed(200, 5, 10),
    "exact": lambda quick: _exact(1, 500) if quick else _exact(10, 10_000),
    "textbook": lambda quick: textbook(1, 400) if quick else textbook(5, 4000),
    "positions": lambda quick: positions(range(1), samples=400) if quick else positions(range(10)),
    "untrained": lambda quick: _untrained(1, 500) if quick else _untrained(10, 10_000),
    "own_terms": lambda quick: _own_terms(1, 300, 5) if quick else _own_terms(10, 4000, 1000),
    "noise": lambda quick: _noise(1, 2000) if quick else _noise(10, 10_000),
    "adaptation": lambda quick: adaptation(20) if quick else adaptation(3000),
}


def report(result: dict[str, Any]) -> None:
    """Print what was measured."""
    for target, table in result.get("tables", {}).items():
        print(f"test MSE of learning from {target}")
        header = ["method", "best", "5 best", "all", "5 worst", "steps"]
        rows = [
            [name, *(f"{v:.3g}" for v in row["test"].values()), row.get("steps", "")]
            for name, row in table["measured"].items()
        ]
        rows += [
            [f"{name} (paper)", *(f"{v:.3g}" for v in row.values()), ""]
            for name, row in table["paper"].items()
        ]
        common.show(header, rows)
    if "speed" in result:
        print("steps of one seed per second:", result["speed"]["steps_of_one_seed_per_second"])
        print("times faster than torch:", result["speed"].get("times_faster", "torch is missing"))
    for name, routes in result.get("exact", {}).items():
        for route, row in routes.items():
            took = f"{row['most_seconds']:.0f} s at most, {row['routes']}"
            print(f"{name}, {route}: exact {row['exact']} of {row['seeds']}, {took}")
    for name, routes in result.get("textbook", {}).items():
        for route, row in routes.items():
            took = f"{row['most_cpu_seconds']:.0f} CPU-s at most"
            print(f"{name}, {route}: exact {row['exact']} of {row['seeds']}, {took}")
    for name, row in result.get("positions", {}).items():
        print(f"{name}: right terms {row['right_terms']} of {row['seeds']}")
        print("  worst error of a constant:", row["worst_constant_error"])
        print("  errors in standard errors, rms:", row["rms_in_standard_errors"])
    for name, row in result.get("untrained", {}).items():
        print(f"{name}, a network that was never trained: {row}")
    for name, row in result.get("own_terms", {}).items():
        print(f"{name}: a network's own terms are exact in")
        for kind in ("trained", "untrained"):
            print(f"  {row[kind]['exact']} of {row['seeds']}, {kind}")
    for row in result.get("noise", []):
        print(row)
    for row in result.get("adaptation", []):
        print(row)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    parser = common.arguments(__doc__)
    every = ("tables", *PARTS)
    parser.add_argument("--parts", default=",".join(every), help="with commas between them")
    methods = [*STEPS, *([OPERON] if importlib.util.find_spec("pyoperon") else [])]
    parser.add_argument("--methods", default=",".join(methods), help="of the tables")
    options = parser.parse_args(argv)
    result: dict[str, Any] = {"benchmark": "syrenets"} | common.machine()
    commits: dict[str, Any] = {}  # of each part, since parts that FILE has are kept
    if options.json is not None and options.json.exists():
        before = json.loads(options.json.read_text())
        earlier = {k: before[k] for k in ("commit", "clean", "commit_of_file") if k in before}
        commits |= {part: earlier for part in every if part in before} | before.get("commits", {})
        result = before | result
        result.pop("commit_of_file", None)
    result["commits"] = commits
    for part in options.parts.split(","):
        commits[part] = common.code_state()
        if part == "tables":
            rows, size = options.methods.split(","), (2, _QUICK) if options.quick else (10, STEPS)
            for _ in tables(result.setdefault("tables", {}), rows, *size):
                common.write(result, options.json)
        else:
            result[part] = PARTS[part](options.quick)
            common.write(result, options.json)
    report(result)
    return result


if __name__ == "__main__":
    main()
