"""Views of a model with equations in the place of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxsym.distill import FoundPart, Symbolified
from jaxsym.plotting.style import EQUATION, NETWORK, TRUTH, drawable, finish, spread_evenly

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_OUTPUTS = 3  # of a part, those that vary most


def draw_symbolified(found: Symbolified) -> Figure:
    """For each part its outputs against the equations', and the fronts of its terms.

    Args:
      found: what to show.

    Returns:
      a figure that no window knows of.
    """
    from matplotlib.figure import Figure

    rows = len(found.parts)
    figure = Figure(figsize=(11.0, 4.2 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False)
    for (left, right), part in zip(grid, found.parts.values(), strict=True):
        plot_part(left, part)
        plot_fronts(right, found, part)
    return figure


def plot_part(ax: Axes, part: FoundPart) -> Axes:
    """What the network gives for each row against what the equations give."""
    chosen = spread_evenly(len(part.samples.inputs))
    inputs = np.asarray(part.samples.inputs)[chosen]
    outputs = np.asarray(part.samples.outputs)[chosen]
    found = part.law.function()(inputs, part.law.constants())
    equations = np.asarray(found, np.float64)
    most = np.argsort(-outputs.std(axis=0))[:_MOST_OUTPUTS]
    for number, k in enumerate(sorted(most.tolist())):
        ax.plot(drawable(equations[:, k]), drawable(outputs[:, k]), ".", markersize=3,
                color=(NETWORK, EQUATION, TRUTH)[number], alpha=0.4,
                label=f"output {k}" if part.outputs > 1 else None)  # fmt: skip
    ends = [np.nanmin(outputs[:, most]), np.nanmax(outputs[:, most])]
    ax.plot(ends, ends, color=TRUTH, lw=0.8)
    ax.set(xlabel="equation", ylabel="network")
    return finish(ax, part.name)


def plot_fronts(ax: Axes, found: Symbolified, part: FoundPart) -> Axes:
    """The model's loss with each candidate of the fronts."""
    floor = max(found.scale.rounding, 1e-300)
    for k, front in enumerate(part.fronts):
        ax.plot([c.complexity for c in front], [max(c.loss, floor) for c in front], ".-",
                label=f"f{k + 1}" if len(part.fronts) > 1 else "equations",
                color=(EQUATION, TRUTH)[min(k, 1)])  # fmt: skip
    ax.axhline(max(found.scale.neural, floor), color=NETWORK, lw=0.8, label="network")
    ax.set(xlabel="complexity", ylabel="loss of the model", yscale="log")
    return finish(ax, str(part.law.terms[0].rounded(4))[:70])
