"""Laws from motion: which are recovered, how well, in what time, each run a fresh process.

`jaxsym discover` for the solar system and for spring, r1, r2 and charge in two dimensions with the
bottleneck and the L1 network. Results are kept after each run, and runs found in FILE are not
repeated, so that an interrupted benchmark goes on. The published outcome (Cranmer et al. 2020,
arXiv 2006.11287, table 5) stands beside ours.

    python -m benchmarks.discovery [--quick] [--json FILE] [--seeds 0,1,2] [--cases ...]
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import common
from benchmarks.discovery.runs import line, run

LAWS, MODELS = ("spring", "r1", "r2", "charge"), ("bottleneck", "l1")
CASES = ("solar-system", *(f"{law}:{model}" for law in LAWS for model in MODELS))
PUBLISHED = {f"{law}:{model}": True for law in LAWS for model in MODELS} | {"charge:l1": False}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the cases and print their table."""
    options = common.arguments(__doc__)
    options.add_argument("--seeds", default="0,1,2", help="separated by commas")
    options.add_argument("--cases", default=",".join(CASES), help="separated by commas")
    given = options.parse_args(argv)
    seeds = [int(seed) for seed in given.seeds.split(",")][: 1 if given.quick else None]
    cases = ["spring:bottleneck"] if given.quick else given.cases.split(",")
    runs = common.kept(given.json, "runs")
    for seed in seeds:
        for case in cases:
            key = f"{case}/{seed}"
            if key not in runs:
                runs[key] = common.stamped(run(case, seed, 200 if given.quick else None))
                common.write(_result(given.quick, runs), given.json)
            print(key, line(runs[key]), flush=True)
    _table(runs, cases)
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "discovery"} | common.machine() | {"quick": quick, "runs": runs}


def _table(runs: dict[str, Any], cases: list[str]) -> None:
    rows = []
    for case in cases:
        found = [r for key, r in runs.items() if key.split("/")[0] == case and "law" in r]
        if not found:
            continue
        middle = lambda values: statistics.median(values)  # noqa: E731
        r2 = [r["message_r2"]["modulo_receiver"] for r in found]
        rows.append(
            [
                case,
                f"{sum(bool(r['recovered']) for r in found)}/{len(found)}",
                {True: "yes", False: "no", None: ""}[PUBLISHED.get(case)],
                f"{middle([r['wall_seconds'] for r in found]):.0f}",
                f"{middle([r['errors']['neural']['held_out'] for r in found]):.1e}",
                f"{middle([r['errors']['symbolic']['held_out'] for r in found]):.1e}",
                f"{middle([r['errors']['symbolic']['out_of_distribution'] for r in found]):.1e}",
                f"{middle(r2):.3f}",
            ]
        )
    header = ["case", "recovered", "paper", "seconds", "network", "equation", "outside", "R2"]
    common.show(header, rows)


if __name__ == "__main__":
    main()
