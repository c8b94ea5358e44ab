"""NeSymReS: share of equations found, by method, beam size, time and number of points.

A1 and A2 are those of Biggio et al. (2021), at fresh points of the range ("iid") and of one three
times as wide ("ood"); vNRR asks for single precision in the range (Martinek 2025, arXiv
2508.14481). A method that fails has not found the equation.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.nesymres.methods import Method
from benchmarks.search.measures import EPSILON, FRESH, accuracies, fraction_left
from benchmarks.search.problems import Column, SearchProblem
from jaxsym.expr import parse

MEASURES = ("A1 iid", "A2 iid", "A1 ood", "A2 ood", "vNRR")
_ASIDE = 2000  # points of each measure
_WARM_UP = SearchProblem("warm-up", parse("2.5*x_1*x_2"), {f"x_{i}": Column(1, 2) for i in (1, 2)})


def measure(
    sets: Mapping[str, Sequence[SearchProblem]],
    methods: Mapping[str, Method],
    points: Sequence[int],
    runs: dict[str, dict[str, Any]],
    finished: Callable[[dict[str, dict[str, Any]]], None],
) -> dict[str, dict[str, Any]]:
    """One entry for every set, problem, method and number of points, as ``set|problem|...``.

    Args:
      sets: problems by name.
      methods: by name.
      points: rows of the tables.
      runs: of an earlier call; what it has is not computed again.
      finished: told of all entries after every set and method.
    """
    for method_name, method in methods.items():
        for count in points:
            _attempt(method, _WARM_UP, count)
            for set_name, problems in sets.items():
                for problem in problems:
                    key = f"{set_name}|{problem.name}|{method_name}|{count}"
                    if key not in runs:
                        runs[key] = common.stamped(_attempt(method, problem, count))
                finished(runs)
    return runs


def summary(runs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Shares with standard errors and median CPU-seconds, by set, method and points.

    >>> run = {"cpu_seconds": 1.0, **dict.fromkeys(MEASURES, True)}
    >>> row, = summary({"aif52|I.12.1|nesymres:8|128": run})
    >>> row["set"], row["equations"], row["A1 ood"], row["standard_error"]["A1 ood"]
    ('aif52', 1, 1.0, 0.0)
    """
    groups: dict[tuple[str, str, int], list[Mapping[str, Any]]] = {}
    for key, run in runs.items():
        set_name, _, method, count = key.split("|")
        groups.setdefault((set_name, method, int(count)), []).append(run)
    rows = []
    for (set_name, method, count), found in sorted(groups.items()):
        ended = [run for run in found if "failed" not in run]
        # a file of an earlier version may lack a measure
        taken = [m for m in MEASURES if not ended or any(m in run for run in ended)]
        share = {m: sum(bool(run.get(m)) for run in found) / len(found) for m in taken}
        error = {m: float(np.sqrt(p * (1 - p) / len(found))) for m, p in share.items()}
        rows.append(
            {"set": set_name, "method": method, "points": count, "equations": len(found)}
            | share
            | {"standard_error": error}
            | {"cpu_seconds": float(np.median([run["cpu_seconds"] for run in found]))}
        )
    return rows


def _attempt(method: Method, problem: SearchProblem, count: int) -> dict[str, Any]:
    sampled = problem.sample(0, count)
    assert sampled is not None, f"{problem.name} has too few points with a value"
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers, about overflows on the way
        try:
            predict = method(problem, *sampled)
        except Exception as error:  # one failure is a result, not the end
            text = f"{type(error).__name__}: {error}"[:200]
            return {"failed": text, "cpu_seconds": time.process_time() - began}
        seconds = time.process_time() - began
        found: dict[str, Any] = {"cpu_seconds": seconds}
        fresh = problem.sample(1000, FRESH)
        if fresh is not None:
            found["vNRR"] = fraction_left(predict(fresh[0]), fresh[1]) <= EPSILON
        for where, wider in (("iid", False), ("ood", True)):
            aside = problem.sample(2000, _ASIDE, wider=wider)
            if aside is not None:
                X, y = aside
                found[f"A1 {where}"], found[f"A2 {where}"] = accuracies(predict(X), y)
    return found
