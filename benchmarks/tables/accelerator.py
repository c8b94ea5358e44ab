"""What one GPU did, on the page about scaling."""

from __future__ import annotations

from benchmarks.tables.statement import Statement, load, say

_PAGE = "docs/scaling.md"
_WAYS = (
    "torch-geometric, the original's loss",
    "torch-geometric, messages kept",
    "torch-geometric, messages kept, collated before",
)
_GFLOP = 1.18  # of an example, as the page counts it
_PEAK = 989.0  # TFLOP/s


def statements() -> list[Statement]:
    """All of them."""
    parts = load("accelerator")["parts"]
    graphs, last = parts["training"]["graph_networks"], parts["pretraining"][-1]["figures"]
    alone, seeds = (
        [graphs[name][way]["seconds"]["median"] for way in _WAYS]
        for name in ("times_faster", "times_faster_with_seeds")
    )
    rate, programs = last["examples_per_second"], parts["components"]["programs"]
    rate_of_graphs = graphs["engines"]["jaxsym"]["graphs_per_second"]["median"]
    work = rate * _GFLOP / 1000
    return [
        say(_PAGE, "batches of 64 | {} graphs/s |", f"{rate_of_graphs:,.0f}"),
        say(
            _PAGE,
            "on the same GPU | {} times (the original's loss), {} (messages kept), {} (collated and on the GPU",
            *(f"{value:.1f}" for value in alone),
        ),
        say(
            _PAGE,
            "for each of them | {} times the original's loss, {} with messages kept, {} collated beforehand |",
            *(f"{value:.0f}" for value in seeds),
        ),
        say(_PAGE, "with up to 256 points | {} examples/s,", f"{rate:,.0f}"),
        say(_PAGE, "| {} TFLOP/s of 989: {} % |", f"{work:.0f}", f"{100 * work / _PEAK:.1f}"),
        say(
            _PAGE,
            "| {} s: {} million values a second |",
            f"{programs['seconds']['median']:.2f}",
            f"{programs['values per second'] / 1e6:.0f}",
        ),
    ]
