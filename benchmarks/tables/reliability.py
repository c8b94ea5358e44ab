"""What the page on reliability states of a soak."""

from __future__ import annotations

from benchmarks.tables.statement import Statement, load, say

_PAGE = "docs/reliability.md"


def statements() -> list[Statement]:
    """All of them."""
    return [_soak()]


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
