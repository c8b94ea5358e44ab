"""The README's own table: one row for each kind of work."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.tables.statement import Statement, load, say

_PAGE = "README.md"
_TORCH = "torch-geometric, the original's loss"


def statements() -> list[Statement]:
    """All of them."""
    runs = load("discovery")["runs"].values()
    medians = _medians([(run["task"], run["model"], run["wall_seconds"]) for run in runs])
    recovered = sum(bool(run["recovered"]) for run in runs)
    graphs = load("accelerator")["parts"]["training"]["graph_networks"]["engines"]
    rates = {name: row["graphs_per_second"]["median"] for name, row in graphs.items()}
    (row,) = (
        row
        for row in load("nesymres_accuracy")["accuracy"]
        if (row["set"], row["method"], row["points"]) == ("aif52", "nesymres:32", 128)
    )
    return [
        say(
            _PAGE,
            "three seeds each | {} of {} found, {} to {} s on one core",
            recovered,
            len(runs),
            f"{min(medians):.0f}",
            f"{max(medians):.0f}",
        ),
        say(
            _PAGE,
            "graphs a second | {} | torch-geometric: {} |",
            f"{rates['jaxsym']:,.0f}",
            f"{rates[_TORCH]:,.0f}",
        ),
        say(
            _PAGE,
            "AI Feynman's 52 | {} found, {} s each |",
            round(52 * row["A1 iid"]),
            f"{row['cpu_seconds']:.1f}",
        ),
    ]


def _medians(runs: Sequence[tuple[str, str, float]]) -> list[float]:
    """Of the seconds that the runs of each law and network took."""
    cases = {run[:2] for run in runs}
    return [statistics.median(run[2] for run in runs if run[:2] == case) for case in cases]
