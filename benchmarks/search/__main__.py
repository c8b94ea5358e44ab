"""Symbolic regression on sets of equations: what is found again, how exactly and how soon.

Every problem is solved in this process after a warm-up on another one; its seconds contain what is
compiled for it. Engines get the same data, and as many cores as this process has (start it with
`taskset -c 0` for one). Results are kept after each problem, and those found in FILE are not
computed again, so that an interrupted benchmark goes on. Sets: AI Feynman's equations of up to
three variables (aif52) and all 100 (feynman), Nguyen's, SOOSE-NC (soose), FastSRB, messages of
graph networks (gn), and the development set, on which the search is tuned; feynman and fastsrb come
from symbolic-data. Noise is a share of the target's standard deviation.

With --work the native search has a fixed budget of work in place of seconds, so that two versions
of it can be compared on a busy machine: by what they find and by seconds of the processor. --all
makes the passes that the README and docs/search.md tell of, in about half an hour of two cores.

    python -m benchmarks.search --set aif52 --engines native,pyoperon --noise 0,0.01 --seeds 0,1,2
        --time-limit 10 [--quick] [--json FILE] [--plot FILE]
    python -m benchmarks.search --set development --work [--json FILE]
    python -m benchmarks.search --all [--jobs 2] [--seeds 0] [--results DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.search.engines import SOLVERS, Answer
from benchmarks.search.figure import draw
from benchmarks.search.measures import measure
from benchmarks.search.passes import run_all
from benchmarks.search.problems import POINTS, SETS, Column, SearchProblem, load_set
from jaxsym.expr import parse

_WARM_UP = SearchProblem(
    "warm-up", parse("2.5*a*exp(-b) + c"), {name: Column(1.0, 2.0) for name in "abc"}
)
_QUICK = 2  # problems
RESULTS = common.ROOT / "benchmarks" / "results"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the problems and print a table."""
    options = _options()
    given = options.parse_args(argv)
    given.versions = _versions(given.json)
    if given.all and given.quick and given.results == RESULTS:
        options.error("--all --quick needs --results DIR, or it would replace what is published")
    if given.all:
        return _run_all(given)
    if given.work:
        given.engines = "native-work"
    if given.quick:
        given.time_limit = min(given.time_limit, 2.0)
    problems = load_set(given.set)[: _QUICK if given.quick else None]
    if given.problems:
        problems = [p for p in problems if p.name in given.problems.split(",")]
    runs = common.kept(given.json, "runs")
    if given.renew:
        asked = given.engines.split(",")
        runs = {k: r for k, r in runs.items() if _engine(k) not in asked or common.is_current(r)}
    warm: set[str] = set()
    for seed in _numbers(given.seeds, int):
        for noise in _numbers(given.noise, float):
            for problem in problems:
                for engine in given.engines.split(","):
                    key = f"{given.set}/{problem.name}/{engine}/{noise:g}/{seed}"
                    if key in runs:
                        continue
                    if engine not in warm:
                        solve(_WARM_UP, engine, 0.0, 0, given.time_limit, 128)
                        warm.add(engine)
                    points = given.points or POINTS[given.set]
                    found = solve(problem, engine, noise, seed, given.time_limit, points)
                    runs[key] = common.stamped(found)
                    common.write(_result(given, runs), given.json)
                    print(key, _line(runs[key]), flush=True)
    report(runs)
    if given.plot:
        draw(runs, given.plot)
    return _result(given, runs)


def _engine(key: str) -> str:
    return key.split("/")[2]


def _run_all(given: argparse.Namespace) -> dict[str, Any]:
    """All passes, and a table of them."""
    more = ("--quick",) if given.quick else ("--seeds", given.seeds)
    paths = run_all(given.results, given.jobs, more)
    runs: dict[str, Any] = {}
    for path in paths:
        runs |= common.kept(path, "runs")
    report(runs)
    return _result(given, runs)


def solve(
    problem: SearchProblem, engine: str, noise: float, seed: int, time_limit: float, points: int
) -> dict[str, Any]:
    """One answer of one engine, measured."""
    sampled = problem.sample(seed, points)
    assert sampled is not None, f"{problem.name} has too few points with a value"
    X, y = sampled
    rng = np.random.default_rng([seed, points])
    noisy = y + noise * np.std(y) * rng.normal(size=len(y)) if noise else y
    answers: list[Answer] = []
    try:
        clocks = common.clock(
            lambda: answers.append(SOLVERS[engine](problem, X, noisy, seed, time_limit))
        )
    except Exception as error:  # one failure is a result, not the end
        return {"failed": f"{type(error).__name__}: {error}"[:300]}
    (answer,) = answers
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return measure(problem, seed, *answer) | clocks | {"peak_gib_so_far": peak}


def report(runs: Mapping[str, Mapping[str, Any]]) -> None:
    """A row for every set, engine and noise."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for key, run in runs.items():
        name, _, engine, noise, _ = key.split("/")
        groups.setdefault((name, engine, noise), []).append(run)
    rows = [[*group, len(found), *_counts(found)] for group, found in sorted(groups.items())]
    columns = ["exact", "form", "vNRR", "best of front", "A1", "A1 outside", "A2", "A2 outside"]
    header = ["set", "engine", "noise", "runs", *columns, "length", "seconds", "CPU-seconds in all"]
    common.show(header, rows)


def _counts(found: Sequence[Mapping[str, Any]]) -> list[str]:
    names = ("exact", "form", "vnrr", "best_vnrr", "a1", "a1_ood", "a2", "a2_ood")
    counts = [str(sum(bool(run.get(name)) for run in found)) for name in names]
    ratios = [run["length_ratio"] for run in found if run.get("length_ratio")]
    length = f"{statistics.median(ratios):.2f}" if ratios else ""
    seconds = [run["seconds"] for run in found if "seconds" in run]
    median = f"{statistics.median(seconds):.2f}" if seconds else ""
    return [*counts, length, median, f"{sum(run.get('cpu_seconds', 0.0) for run in found):.0f}"]


def _options() -> argparse.ArgumentParser:
    options = common.arguments(__doc__)
    options.add_argument("--set", default="aif52", choices=SETS)
    options.add_argument("--engines", default="native", help=f"of {', '.join(SOLVERS)}, by commas")
    options.add_argument("--noise", default="0", help="shares of the deviation, by commas")
    options.add_argument("--seeds", default="0", help="by commas")
    options.add_argument("--time-limit", type=float, default=10.0, help="seconds a problem")
    options.add_argument(
        "--work", action="store_true", help="the native search with a fixed budget of work"
    )
    options.add_argument("--all", action="store_true", help="all published passes, with --seeds")
    options.add_argument("--jobs", type=int, default=1, help="processes at a time, for --all")
    options.add_argument(
        "--results", type=Path, metavar="DIR", default=RESULTS, help="of the files, for --all"
    )
    options.add_argument(
        "--renew", action="store_true", help="replace answers of these engines by other code"
    )
    options.add_argument("--points", type=int, help="rows, instead of the set's usual number")
    options.add_argument("--problems", help="only these, by commas")
    options.add_argument("--plot", type=Path, metavar="FILE", help="recovery against time")
    return options


def _numbers(text: str, kind: type) -> list[Any]:
    return [kind(part) for part in text.split(",")]


def _result(given: argparse.Namespace, runs: dict[str, Any]) -> dict[str, Any]:
    engines = {_engine(key) for key in runs}
    packages = [p for p, names in _PACKAGES.items() if names & engines and find_spec(p)]
    settings = {"quick": given.quick, "time_limit": given.time_limit}
    found = {"benchmark": "search"} | common.machine(*packages) | settings | {"runs": runs}
    found["versions"] = given.versions | found["versions"]
    return found


def _versions(path: Path | None) -> dict[str, str]:
    """Those of a file, whose peers may not be installed any more."""
    return json.loads(path.read_text())["versions"] if path is not None and path.exists() else {}


_PACKAGES = {"pyoperon": {"operon", "pyoperon"}, "gplearn": {"gplearn"}, "pysr": {"pysr"}}


def _line(run: Mapping[str, Any]) -> str:
    if "failed" in run:
        return f"FAILED: {run['failed']}"
    marks = " ".join(name for name in ("exact", "form", "vnrr", "best_vnrr") if run[name])
    return f"{run['seconds']:.2f} s  {marks or '-'}  {run['found']}"


if __name__ == "__main__":
    main()
