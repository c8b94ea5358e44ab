"""Equations in the place of parts of networks: the table of docs/symbolify.md."""

from __future__ import annotations

from benchmarks.tables.statement import Statement, load, say

_PAGE = "docs/symbolify.md"
_ROWS = {
    "spring/0": "| graph network in Flax | spring |",
    "r2/0": "| the same | 1/r² |",
    "charge/0": "| the same | charges |",
    "equinox spring/0": "| graph network in Equinox | spring |",
    "neural ODE/0": "| neural differential equation | predators and prey |",
}


def statements() -> list[Statement]:
    """All of them."""
    runs = load("symbolify")["runs"]
    return [
        say(
            _PAGE,
            f"{start} {{*}} | {{}} | {{}} | {{}} |",
            f"{runs[name]['errors']['neural']['held_out']:.2g}",
            f"{runs[name]['errors']['symbolic']['held_out']:.1e}",
            f"{runs[name]['cpu_seconds']['symbolify']:.0f}",
        )
        for name, start in _ROWS.items()
    ]
