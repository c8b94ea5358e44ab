"""Training of both networks against torch on the same device."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from benchmarks.accelerator import part
from benchmarks.graphs import training
from benchmarks.syrenets.__main__ import speed

GRAPH_SEEDS, SYRENET_SEEDS = 64, 64  # networks in one program: enough to fill a large device


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    given = part.arguments(__doc__).parse_args(argv)
    device = "cpu" if given.quick or not _has_cuda() else "cuda"
    small = device == "cpu"
    graphs = {"trajectories": 2, "steps": 2, "repeats": 2, "seeds": 2}
    whole = {"trajectories": 200, "steps": 200, "repeats": 5, "seeds": GRAPH_SEEDS}
    calls = {
        "graph_networks": lambda: training.measure(device=device, **(graphs if small else whole)),
        "syrenets": lambda: (
            speed(2, 1, 2, device) if small else speed(30, 5, SYRENET_SEEDS, device)
        ),
    }
    return part.pieces(calls, given.json)


def _has_cuda() -> bool:
    """Whether torch sees a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


if __name__ == "__main__":
    main()
