"""The table of speeds."""

from __future__ import annotations

from benchmarks.tables.statement import Statement, load, power, say

_RESULTS = "docs/results.md"
_LOSS = "torch-geometric, the original's loss"
_KEPT = "torch-geometric, messages kept"
_COLLATED = "torch-geometric, messages kept, collated before"
_LOOP = "odeint, one system after the other (the original's way)"


def statements() -> list[Statement]:
    """All of them."""
    return [*_training(), *_evaluation(), *_simulation()]


def _training() -> list[Statement]:
    found = load("graph_training")
    rate = {name: row["graphs_per_second"]["median"] for name, row in found["engines"].items()}
    times = {name: row["seconds"] for name, row in found["times_faster"].items()}
    return [
        say(
            _RESULTS,
            "one thread | {} graphs/s | {} graphs/s, torch-geometric with the original's loss; the "
            "median of {} paired turns is {} times ({} to {}). With the messages of the first pass "
            "kept {} graphs/s, {} times; with batches collated beforehand too {} graphs/s, {} times |",
            f"{rate['jaxsym']:,.0f}",
            f"{rate[_LOSS]:,.0f}",
            found["turns"],
            *(f"{times[_LOSS][name]:.2f}" for name in ("median", "least", "most")),
            f"{rate[_KEPT]:,.0f}",
            f"{times[_KEPT]['median']:.2f}",
            f"{rate[_COLLATED]:,.0f}",
            f"{times[_COLLATED]['median']:.2f}",
        )
    ]


def _evaluation() -> list[Statement]:
    """By the processor's time, a million points, over formulas."""
    rows = [row for row in load("symbolic_evaluation")["summary"] if row["points"] == 1_000_000]
    parts = []
    for result in ("value", "value, gradient"):
        group = [row for row in rows if row["result"] == result]
        medians = sorted(row["median"] for row in group)
        ends = min(row["least"] for row in group), max(row["most"] for row in group)
        parts.append([f"{medians[0]:.2f}", f"{medians[-1]:.2f}", *map(_end, ends)])
    return [
        say(
            _RESULTS,
            "a million points | values: {} to {} times as fast as `sympy.lambdify` under jit, {} in "
            "the worst case, {} in the best; with gradients {} to {}, {} in the worst case, {} in the "
            "best, since ours are guarded against points outside of a domain |",
            *parts[0],
            *parts[1],
        )
    ]


def _end(times: float) -> str:
    return f"{times:.2f}" if times < 1 else f"{times:.1f}"


def _simulation() -> list[Statement]:
    found = load("simulation")
    ours, loop = found["engines"]["jaxsym"], found["engines"][_LOOP]
    before = found["original_measured_before"]
    return [
        say(
            _RESULTS,
            "1000 states | {} CPU-s, {} s | {} CPU-s for `odeint` one by one, compiled once; {} CPU-s, "
            "{} s for the original code (by hand at b8dc91e, 2026-11-22) |",
            f"{ours['cpu_seconds']['median']:.2f}",
            f"{ours['seconds']['median']:.2f}",
            f"{loop['cpu_seconds']['median']:.2f}",
            before["cpu_seconds"],
            before["seconds"],
        ),
        say(
            _RESULTS,
            "| its median relative energy drift | {} | {} |",
            power(ours["energy_drift"]["median"]),
            power(loop["energy_drift"]["median"]),
        ),
    ]
