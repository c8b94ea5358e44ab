"""What the page on reliability states of time limits and of a soak."""

from __future__ import annotations

from benchmarks.tables.statement import Statement, load, say

_PAGE = "docs/reliability.md"


def statements() -> list[Statement]:
    """All of them."""
    return [_limits(), _soak()]


def _limits() -> Statement:
    runs = load("time_limits")["runs"]
    kinds = {name.rpartition(",")[0] for name in runs}
    holds = {p: sum(run[p]["holds"] for run in runs.values()) for p in ("fresh", "warm")}
    both = [run[process] for run in runs.values() for process in holds]
    return say(
        _PAGE,
        "Of {} limits on {} kinds of work {} held in a fresh process and {} in a warm one; the most "
        "that a limit was exceeded by is {} s, and compiling took up to {} s.",
        len(runs),
        len(kinds),
        *holds.values(),
        f"{max(max(run['over'] for run in both), 0.0):.1f}",
        f"{max(run['compile_seconds'] for run in both):.1f}",
    )


def _soak() -> Statement:
    found = load("soak")
    calm = sum(n for name, n in found["by_door_and_fault"].items() if name.endswith(", nothing"))
    return say(
        _PAGE,
        "In {} minutes {} jobs, {} of them disturbed, had {} failures; the most memory that one took "
        "is {} GB.",
        round(found["minutes"]),
        found["jobs"],
        found["jobs"] - calm,
        len(found["failures"]),
        f"{max(found['peak_gb'].values()):.1f}",
    )
