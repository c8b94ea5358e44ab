"""Views of equations of motion that were found from series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.odes import OdeDiscovery, implicit_flow
from jaxsym.odes.forms.candidates import shortened
from jaxsym.plotting.style import EQUATION, NETWORK, TRUTH, drawable, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ASIDE = (0.8, 1.2)  # times the first state: other starts
_POINTS = 400  # of a curve


def draw_ode(discovery: OdeDiscovery) -> Figure:
    """Series and motion for each state, motion from other starts, and the plane of two states.

    Args:
      discovery: what to show.

    Returns:
      a figure that no window knows of.
    """
    from matplotlib.figure import Figure

    names = discovery.data.names
    plane = len(names) == 2 or (len(names) == 1 and discovery.order == 2)
    figure = Figure(
        figsize=(11.0, 2.6 * len(names) + (4.0 if plane else 0.6)), layout="constrained"
    )
    grid = figure.add_gridspec(
        len(names) + plane, 1, height_ratios=[1] * len(names) + [1.6] * plane
    )
    axes = [figure.add_subplot(grid[k]) for k in range(len(names))]
    for run in range(discovery.data.runs):
        _draw_run(axes, discovery, run)
    for ax, name in zip(axes, names, strict=True):
        ax.set(xlabel="time", ylabel=name)
        finish(ax, f"{discovery.left_side(name)} = {_short(discovery.equations[name])}")
    if plane:
        _draw_plane(figure.add_subplot(grid[len(names)]), discovery)
    return figure


def _short(right: Expression) -> str:
    text = str(shortened(right))
    return text if len(text) < 110 else text[:107] + "..."


def _draw_run(axes: list[Axes], discovery: OdeDiscovery, run: int) -> None:
    data = discovery.data
    time, motion = _motion(discovery, run, 1.0)
    first = run == 0
    for k, ax in enumerate(axes):
        ax.plot(data.time[run], data.values[run][:, k], ".", color=NETWORK, markersize=3,
                label="measured" if first else None)  # fmt: skip
        ax.plot(time, drawable(motion[:, k]), color=EQUATION, label="equations" if first else None)
        if first:
            for share in _ASIDE:
                _, other = _motion(discovery, run, share)
                ax.plot(time, drawable(other[:, k]), color=TRUTH, lw=0.7, alpha=0.6,
                        label="from other starts" if share == _ASIDE[0] else None)  # fmt: skip


def _motion(
    discovery: OdeDiscovery, run: int, share: float
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, "P S"]]:
    """The motion from a share of the first state; of a map, one step from each sample."""
    data = discovery.data
    right = list(discovery.equations.values())
    if discovery.kind == "map":
        table = np.column_stack([share * data.values[run], data.time[run], data.inputs[run]])[:-1]
        after = [e.evaluate(table, discovery.variables) for e in right]
        return data.time[run][1:], np.stack(after, axis=1)
    time = np.linspace(data.time[run][0], data.time[run][-1], _POINTS)
    inputs = np.stack([np.interp(time, data.time[run], u) for u in data.inputs[run].T], axis=1) if (
        data.input_names) else None  # fmt: skip
    start = share * discovery.starts[run]
    return time, implicit_flow(right, discovery.variables, discovery.order, start, time, inputs)


def _draw_plane(ax: Axes, discovery: OdeDiscovery) -> None:
    data = discovery.data
    for run in range(data.runs):
        _, motion = _motion(discovery, run, 1.0)
        if len(data.names) == 2:
            ax.plot(*data.values[run].T, ".", color=NETWORK, markersize=3)
        ax.plot(drawable(motion[:, 0]), drawable(motion[:, 1]), color=EQUATION)
    for share in _ASIDE if discovery.kind == "ode" else ():
        _, motion = _motion(discovery, 0, share)
        ax.plot(drawable(motion[:, 0]), drawable(motion[:, 1]), color=TRUTH, lw=0.7, alpha=0.6)
    second = data.names[1] if len(data.names) == 2 else f"{data.names[0]}_dot"
    ax.set(xlabel=data.names[0], ylabel=second)
    finish(ax, "phase portrait")
