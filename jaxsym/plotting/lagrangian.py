"""Views of a Lagrangian that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxsym.syrenets import LagrangianDiscovery

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from jaxsym.plotting.style import (
    EQUATION,
    finish,
)


def draw_lagrangian(discovery: LagrangianDiscovery) -> Figure:
    """The motion that a Lagrangian makes without torques from half a unit aside, and its energy.

    Args:
      discovery: what to show.
    Returns:
      a figure that no window knows of.
    """
    from matplotlib.figure import Figure

    system = discovery.system
    start = np.full(system.coordinates, 0.5)
    motion = discovery.simulate(start, 0 * start, steps=501, dt=0.01)
    figure = Figure(figsize=(11.0, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place in range(system.coordinates):
        left.plot(motion.time, motion.q[:, place], label=f"q{place + 1}")
    left.set(xlabel="time", ylabel="coordinates")
    left.legend()
    right.plot(motion.time, system.energy(motion.q, motion.qd), color=EQUATION)
    right.set(xlabel="time", ylabel="energy")
    # rounding is not to fill the page
    low, high = right.get_ylim()
    size = max(1.0, abs(low), abs(high))
    if high - low < 1e-3 * size:
        right.set_ylim(low - 1e-3 * size, high + 1e-3 * size)
    finish(left, "motion without torques")
    finish(right, "its energy")
    figure.suptitle(f"${discovery.latex(4)}$", fontsize=11)
    return figure
