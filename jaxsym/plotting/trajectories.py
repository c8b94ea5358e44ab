"""Views of a law that was fitted to measured trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxsym._check import require
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.measured.evidence import TrajectoryEvidence
from jaxsym.expr import parse
from jaxsym.laws.pairs import VARIABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from jaxsym.plotting.style import (
    EQUATION,
    NETWORK,
    TRUTH,
    UNIT,
    axes_or_new,
    finish,
    formula,
    spans_decades,
    spread_evenly,
    unit_pull,
)
from jaxsym.plotting.terms import plot_pair_terms


def draw_measured(discovery: Discovery) -> Figure:
    """The views of a law that was fitted to measured trajectories."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 8.5), layout="constrained")
    axes: dict[str, Axes] = figure.subplot_mosaic([["law", "motion"], ["residuals", "residuals"]])
    plot_law = plot_pair_terms if _evidence(discovery).profile is None else plot_profile
    plot_law(discovery, axes["law"])
    plot_motion(discovery, axes["motion"])
    plot_residuals(discovery, axes["residuals"])
    figure.suptitle(f"{discovery.task.name}:  {formula(discovery)}", fontsize=15)
    return figure


def _evidence(discovery: Discovery) -> TrajectoryEvidence:
    evidence = discovery.trajectory
    require(
        evidence is not None,
        "the law was fitted to accelerations; expected a discovery from measured positions",
    )
    assert evidence is not None
    return evidence


def plot_profile(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Pull against distance: what the weak form reads in the data, with error bars, and the law.

    Both for unit masses and unlike unit charges.

    Args:
      discovery: from measured positions.
      ax: where to; new axes by default.
    Raises:
      ValueError: a discovery of another kind, or without a pull along the line.
    """
    profile, ax = _evidence(discovery).profile, axes_or_new(ax)
    require(profile is not None, "the law has no pull along the line; expected one that has")
    assert profile is not None
    factor = parse(profile.factor)
    unit = dict(zip(VARIABLES[1:], UNIT, strict=True))
    values = np.array([[unit[name] for name in factor.variables]])
    scale = float(factor.evaluate(values, factor.variables)[0])
    known = np.abs(profile.error) < np.ptp(profile.size)
    grid = np.geomspace(profile.distance[0], profile.distance[-1], 400)
    curve = unit_pull(discovery.law.as_acceleration().coefficient, grid)
    ax.plot(grid, curve, color=EQUATION, lw=1.8, label="law")
    truth = discovery.task.truth
    if truth is not None:
        ax.plot(
            grid,
            unit_pull(truth.coefficient, grid),
            "--",
            color=TRUTH,
            lw=1.0,
            label="truth",
        )
    ax.errorbar(
        profile.distance[known], scale * profile.size[known], np.abs(scale) * profile.error[known],
        fmt=".", color=NETWORK, lw=1.0, label="weak form, one standard error",
    )  # fmt: skip
    if spans_decades(curve[np.isfinite(curve)]):
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=float(np.abs(curve).min()))
    else:
        ax.axhline(0.0, color="#999999", lw=0.8, zorder=0)
    ax.set_xlabel("distance")
    ax.set_ylabel("acceleration of 1 by 2, attraction")
    return finish(ax, "pair law")


def plot_motion(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """A measured trajectory with error bars, and the law's motion through it.

    Args:
      discovery: from measured positions.
      ax: where to; new axes by default.
    Raises:
      ValueError: a discovery of another kind.
    """
    evidence, ax = _evidence(discovery), axes_or_new(ax)
    colors = [f"C{body}" for body in range(evidence.measured.shape[2])]
    names = discovery.task.train.names or range(len(colors))
    for body, (color, name) in enumerate(zip(colors, names, strict=True)):
        path, seen = evidence.motion[0, :, body], evidence.measured[0, :, body]
        ax.plot(path[:, 0], path[:, 1], color=color, lw=1.2)
        ax.errorbar(
            seen[:, 0], seen[:, 1], evidence.sigma[0, body], evidence.sigma[0, body],
            fmt=".", ms=4, color=color, lw=0.8, label=f"body {name}",
        )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xlabel="x", ylabel="y")
    return finish(ax, "measured positions and the law's motion")


def plot_residuals(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Measured minus predicted positions in standard errors, against time.

    Args:
      discovery: from measured positions.
      ax: where to; new axes by default.
    Raises:
      ValueError: a discovery of another kind.
    """
    evidence, ax = _evidence(discovery), axes_or_new(ax)
    values = np.moveaxis(evidence.residuals, 1, 0).reshape(len(evidence.time), -1)
    time = np.broadcast_to(evidence.time[:, None], values.shape)[np.isfinite(values)]
    values = values[np.isfinite(values)]
    some = spread_evenly(len(values))
    for level in (-3.0, 0.0, 3.0):
        ax.axhline(level, color="#999999", lw=0.8, ls="-" if level == 0 else ":")
    ax.plot(time[some], values[some], ".", color=EQUATION, ms=4, mew=0, alpha=0.5)
    ax.set(xlabel="time", ylabel="residual in standard errors")
    return finish(ax, f"chi2/dof = {evidence.chi2_per_dof:.3f}")
