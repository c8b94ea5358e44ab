"""Laws from noisy positions: the table of `docs/noisy_motion.md`."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.tables.statement import Statement, load, say

_PAGE = "docs/noisy_motion.md"


def statements() -> list[Statement]:
    """A row for each case that was measured."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for key, run in load("noisy_motion")["runs"].items():
        cases.setdefault(key.rsplit("/", 1)[0], []).append(run)
    return [_row(name, runs) for name, runs in cases.items()]


def _row(name: str, runs: Sequence[dict[str, Any]]) -> Statement:
    whole = [run for run in runs if "failed" not in run]
    return say(
        _PAGE,
        f"| {name} | {{}} | {{}} | {{}} | {{}} | {{}} | {{}} |\n",
        f"{sum(run['form'] for run in whole)} of {len(runs)}",
        f"`{rounded(whole[0]['law']['coefficient'])}`" if whole else "",
        _middle(whole, lambda run: run["chi2_per_dof"], ".2f"),
        _middle(whole, lambda run: _largest(run.get("in_standard_errors")), ".1f"),
        _middle(whole, lambda run: _largest(run.get("standard_errors_over_bound")), ".2f"),
        _middle(whole, lambda run: run["wall"]["cpu_seconds"], ".0f"),
    )


def rounded(law: str) -> str:
    """With constants of six digits.

    >>> rounded("2 - 1.9798951445/r")
    '2 - 1.9799/r'
    """
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.6g}", law)


def _largest(values: Sequence[float] | None) -> float | None:
    return max(map(abs, values)) if values else None


def _middle(
    runs: Sequence[dict[str, Any]], of: Callable[[dict[str, Any]], float | None], form: str
) -> str:
    """The median of the runs that tell."""
    values = [value for run in runs if (value := of(run)) is not None]
    return f"{statistics.median(values):{form}}" if values else ""
