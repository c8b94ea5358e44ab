"""Recovery against time, with what others published for FastSRB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# Share of FastSRB's problems within float32's epsilon, by seconds a problem, each on its authors'
# machine (arXiv 2602.08885); TiSR under the protocol of its own paper (arXiv 2508.14481), which
# gives no time.
PUBLISHED = {
    "PySR": ((8.3, 41.1), (872.0, 49.7)),
    "Flash-ANSR 120M": ((8.4, 45.7), (999.0, 55.8)),
    "NeSymReS 100M": ((1.8, 5.0), (1182.0, 10.3)),
}
TISR = 69.4


def draw(runs: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write a figure: for every set and engine, the share within float32's epsilon by a time.

    Args:
      runs: as `benchmarks.search` keeps them; those without noise are drawn.
      path: of the image.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for key, run in runs.items():
        name, _, engine, noise, _ = key.split("/")
        if noise == "0":
            groups.setdefault(f"{name}, {engine}", []).append(run)
    for label, found in sorted(groups.items()):
        seconds = np.sort([run["seconds"] for run in found if run.get("vnrr")])
        share = 100 * np.arange(1, len(seconds) + 1) / len(found)
        axes.step(seconds, share, where="post", label=label)
    if any(label.startswith("fastsrb") for label in groups):
        for label, points in PUBLISHED.items():
            axes.plot(*zip(*points, strict=True), "o--", label=f"{label}, published", alpha=0.6)
        axes.axhline(TISR, color="0.6", linestyle=":", label="TiSR, published, own protocol")
    axes.set(xscale="log", xlabel="seconds a problem", ylabel="recovered (vNRR), %", ylim=(0, 100))
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
