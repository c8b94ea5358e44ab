"""Views of a law of several terms that was fitted to given rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxsym.distill.discovery import Discovery
from jaxsym.distill.terms.rates import RateTable
from jaxsym.distill.terms.workflow import with_rates
from jaxsym.distill.verdict import pair_samples
from jaxsym.graphs import snapshots, topology
from jaxsym.laws.pairs import VARIABLES
from jaxsym.plotting.style import (
    EQUATION,
    TRUTH,
    UNIT,
    axes_or_new,
    drawable,
    finish,
    formula,
    spread_evenly,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_terms(discovery: Discovery) -> Figure:
    """The terms between pairs against distance, and the law's rates against given ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_pair_terms(discovery, left)
    plot_rates(discovery, right)
    figure.suptitle(f"{discovery.task.name}:  {formula(discovery)}", fontsize=13)
    return figure


def plot_pair_terms(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """What each term between two bodies is against their distance.

    For unit masses and unlike unit charges. Vectors along or across the line are counted with their
    length, so that a curve is a force or a rate; the others are coefficients.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = axes_or_new(ax)
    distance = pair_samples(discovery.task.train, None)[1][:, 0]
    nearest, farthest = (float(np.quantile(distance, share)) for share in (0.002, 0.998))
    grid = np.geomspace(nearest, farthest, 300)
    inputs = np.column_stack([grid, np.tile(UNIT, (len(grid), 1))])
    for place, term in enumerate(discovery.law.pair_terms):
        size = np.broadcast_to(term.coefficient.evaluate(inputs, VARIABLES), grid.shape)
        size = size * grid if term.kind.along else size
        ax.plot(grid, drawable(size), color=f"C{place}", lw=1.8, label=term.name)
    ax.axhline(0.0, color="#999999", lw=0.8, zorder=0)
    ax.set_xlabel("distance")
    ax.set_ylabel(f"{discovery.law.quantity}, at m1 = m2 = q1 = 1, q2 = -1")
    return finish(ax, "terms between bodies")


def plot_rates(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Sizes of the rates by the law against given ones, on data that nothing was fitted to.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax, law = axes_or_new(ax), discovery.law
    data = with_rates(discovery.task.held_out, law.order)
    table = RateTable(snapshots(data), topology(data.bodies, data.pairs))
    true, found = (
        drawable(np.linalg.norm(rates, axis=-1).ravel()) for rates in (table.rate, table.rates(law))
    )
    some = spread_evenly(len(true))
    moving = true[true > 0]
    ends = [moving.min(), moving.max()] if len(moving) else [0.0, 1.0]
    ax.plot(ends, ends, color=TRUTH, lw=0.8, zorder=1)
    ax.plot(true[some], found[some], ".", color=EQUATION, ms=4, mew=0, label="equation")
    if len(moving):
        ax.set(xscale="log", yscale="log")
    ax.set(xlabel=f"given {law.rate}", ylabel=f"{law.rate} by the law")
    return finish(ax, "held-out data")
