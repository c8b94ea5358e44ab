"""Networks of users' own: what `jaxsym.symbolify` finds in them, and whether it is the truth.

Each network knows nothing of jaxsym but, where it is no module, the name of a tap. A part counts as
recovered if its equations are within 1 % of the truth's size at 99 of 100 of the rows that the
part met. Runs found in FILE are not repeated. Equinox is needed for its case.

    python -m benchmarks.symbolify [--cases spring,r2] [--seeds 5] [--time-limit 60]
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import jaxsym
from benchmarks import common
from benchmarks.parts.networks import CASES, Case
from jaxsym.distill import Symbolified

_WITHIN, _SHARE = 0.01, 0.99


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    parser = common.arguments(__doc__)
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=60.0)
    given = parser.parse_args(argv)
    seeds, limit = (1, 2.0) if given.quick else (given.seeds, given.time_limit)
    runs = common.kept(given.json, "runs")
    result: dict[str, Any] = {}
    for name in given.cases.split(","):
        if name.startswith("equinox") and importlib.util.find_spec("equinox") is None:
            continue
        for seed in range(seeds):
            key = f"{name}/{seed}"
            if key not in runs:
                runs[key] = common.stamped(measured(name, seed, limit, given.quick))
            result = _result(given.quick, runs)
            common.write(result, given.json)
            print(key, runs[key]["equations"], runs[key]["recovered"], flush=True)
    show(runs)
    return result


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "symbolify", "quick": quick, "runs": runs} | common.machine()


def measured(name: str, seed: int, limit: float, quick: bool) -> dict[str, Any]:
    """One network, trained and explained."""
    began, used = time.monotonic(), time.process_time()
    case = CASES[name](seed, quick)
    trained, spent = time.monotonic() - began, time.process_time() - used
    found = jaxsym.symbolify(
        case.apply,
        case.params,
        case.data,
        loss=case.loss,
        held_out=case.held_out,
        outside=case.outside,
        time_limit=limit,
        seed=seed,
        **case.asked,
    )
    (part,) = found.parts.values()
    return {
        "equations": part.lines(),
        "recovered": recovered(found, case),
        "errors": found.errors,
        "faithful": str(found.faithful),
        "notes": list(part.notes),
        "tried_in_place": part.tried,
        "seconds": {"train": trained, "symbolify": found.seconds},
        "cpu_seconds": {"train": spent, "symbolify": time.process_time() - used - spent},
    }


def recovered(found: Symbolified, case: Case) -> bool:
    """Whether the equations are the truth on the rows that the part met."""
    (part,) = found.parts.values()
    rows = np.asarray(part.samples.inputs, np.float32)
    values = np.asarray(part.law.function()(rows, part.law.constants()), float)
    truth = case.truth(rows)
    size = np.linalg.norm(truth, axis=-1)
    off = np.linalg.norm(values - truth, axis=-1)
    return bool(np.mean(off <= _WITHIN * np.maximum(size, np.median(size))) >= _SHARE)


def show(runs: dict[str, Any]) -> None:
    """A table of all runs."""
    header = ["case/seed", "recovered", "network", "equations", "CPU s: train", "symbolify"]
    rows = [
        [
            name,
            run["recovered"],
            f"{run['errors']['neural']['held_out']:.2g}",
            f"{run['errors']['symbolic']['held_out']:.2g}",
            f"{run['cpu_seconds']['train']:.0f}",
            f"{run['cpu_seconds']['symbolify']:.0f}",
        ]
        for name, run in runs.items()
    ]
    common.show(header, rows)


if __name__ == "__main__":
    main()
