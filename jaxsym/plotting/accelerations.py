"""Views of a law that was read from a network: each draws on the axes that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.network_errors import neural_accelerations, relative_errors
from jaxsym.distill.verdict import symbolic_accelerations
from jaxsym.graphs import snapshots
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.units import in_units, natural_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from jaxsym.plotting.style import (
    EQUATION,
    NETWORK,
    TRUTH,
    UNIT,
    axes_or_new,
    drawable,
    finish,
    formula,
    spans_decades,
    spread_evenly,
    unit_pull,
)
from jaxsym.plotting.terms import draw_terms
from jaxsym.plotting.trajectories import draw_measured


def draw(discovery: Discovery) -> Figure:
    """All views of a discovery on one page, under the law.

    Args:
      discovery: what to show.
    Returns:
      a figure that no window knows of; show it in a notebook or ``savefig`` it.
    """
    from matplotlib.figure import Figure

    if discovery.trajectory is not None:
        return draw_measured(discovery)
    if discovery.network is None:
        return draw_terms(discovery)
    below = "law" if discovery.masses is None else "masses"
    figure = Figure(figsize=(11.0, 8.5), layout="constrained")
    axes: dict[str, Axes] = figure.subplot_mosaic([["law", "accelerations"], [below, "errors"]])
    plot_pair_law(discovery, axes["law"])
    plot_accelerations(discovery, axes["accelerations"])
    plot_errors(discovery, axes["errors"])
    if discovery.masses is not None:
        plot_masses(discovery, axes["masses"])
    figure.suptitle(f"{discovery.task.name}:  {formula(discovery)}", fontsize=15)
    return figure


def plot_pair_law(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Pull against distance: what the network's messages say, the equation, and the truth.

    All for unit masses and unlike unit charges, to which the network's samples are brought by the
    equation's own dependence on masses and charges.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = axes_or_new(ax)
    distance, pull = _network_pull(discovery)
    # the sparse ends of the distances would stretch the view
    nearest, farthest = (np.quantile(distance, share) for share in (0.002, 0.998))
    grid = np.geomspace(nearest, farthest, 400)
    curve = unit_pull(discovery.law.coefficient, grid)
    finite = curve[np.isfinite(curve)]
    logarithmic = spans_decades(finite)
    shown = np.abs if logarithmic else np.asarray
    some = spread_evenly(len(distance))
    dots: dict[str, Any] = {"color": NETWORK, "alpha": 0.3, "ms": 8, "mew": 0, "label": "network"}
    ax.plot(distance[some], shown(pull[some]), ".", **dots)
    ax.plot(grid, shown(curve), color=EQUATION, lw=1.8, label="equation")
    truth = discovery.task.truth
    if truth is not None:
        ax.plot(
            grid,
            shown(unit_pull(truth.coefficient, grid)),
            "--",
            color=TRUTH,
            lw=1.0,
            label="truth",
        )
    ax.set_xlim(nearest, farthest)
    if logarithmic:
        ax.set(xscale="log", yscale="log")
        ax.set_ylim(np.abs(finite).min() / 2, np.abs(finite).max() * 2)
    else:
        if len(finite):
            margin = 0.15 * np.ptp(finite) or 1.0
            ax.set_ylim(finite.min() - margin, finite.max() + margin)
        ax.axhline(0.0, color="#999999", lw=0.8, zorder=0)
    sense = "repulsion" if logarithmic and finite[0] < 0 else "attraction"
    given = [name for name in VARIABLES[1:] if name in discovery.law.coefficient.variables]
    units = ", ".join(f"{name} = {UNIT[VARIABLES.index(name) - 1]:g}" for name in given)
    ax.set_xlabel("distance")
    ax.set_ylabel(f"{discovery.law.quantity}, {sense}{f', at {units}' if units else ''}")
    return finish(ax, "pair law")


def plot_accelerations(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Predicted against true size of the bodies' accelerations on data never seen.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = axes_or_new(ax)
    true = _sizes(snapshots(discovery.task.held_out).acceleration)
    network, equation = (_sizes(a) for a in _predictions(discovery))
    some = spread_evenly(len(true))
    moving = true[true > 0]
    ends = [moving.min(), moving.max()] if len(moving) else [0.0, 1.0]
    ax.plot(ends, ends, color=TRUTH, lw=0.8, zorder=1)
    for predicted, color, size, label in (
        (network, NETWORK, 9, "network"),
        (equation, EQUATION, 3, "equation"),
    ):
        ax.plot(true[some], predicted[some], ".", color=color, ms=size, mew=0, label=label)
    if len(moving):
        ax.set(xscale="log", yscale="log", ylim=(ends[0] / 3, ends[1] * 3))
    ax.set_xlabel("true acceleration")
    ax.set_ylabel("predicted acceleration")
    return finish(ax, "held-out data")


def plot_errors(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Relative errors on data never seen: medians by body if bodies have names, else histograms.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = axes_or_new(ax)
    names = discovery.task.held_out.names
    if names is None or discovery.by_body is None:
        return _error_histograms(discovery, ax)
    for errors, color, label in zip(
        discovery.by_body, (NETWORK, EQUATION), ("network", "equation"), strict=True
    ):
        ax.plot(names, errors, "o", color=color, label=label)
    ax.set_yscale("log")
    for tick in ax.get_xticklabels():
        tick.set(rotation=45, ha="right", rotation_mode="anchor")
    ax.set_ylabel("median relative error of acceleration")
    return finish(ax, "errors on held-out data")


def plot_masses(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Masses found against true ones, in units of the heaviest, with relative errors.

    Without true ones, the masses found.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    Raises:
      ValueError: masses were not among the unknowns.
    """
    require(discovery.masses is not None, "the masses were known; expected a case that finds them")
    ax = axes_or_new(ax)
    names = list(discovery.masses or ())
    found = np.array(list((discovery.masses or {}).values()))
    found = found / found.max()
    truth = discovery.task.truth
    if truth is None or truth.masses is None:
        ax.plot(found, names, "o", color=EQUATION)
        ax.set(xscale="log", xlabel="mass found, in units of the heaviest")
        return finish(ax, "masses")
    true = np.array([truth.masses[name] for name in names])
    true = true / true.max()
    ax.plot(true, true, color=TRUTH, lw=0.8, zorder=1)
    ax.plot(true, found, "o", color=EQUATION)
    # neighbors are named on opposite sides of the line
    for rank, body in enumerate(np.argsort(-true)):
        side, offset = ("right", (-7, 2)) if rank % 2 == 0 else ("left", (7, -8))
        error = f" {found[body] / true[body] - 1:+.1e}" if rank else ""
        ax.annotate(
            f"{names[body]}{error}",
            (true[body], found[body]),
            offset,
            textcoords="offset points",
            ha=side,
            fontsize=9,
        )
    ax.margins(0.25)
    ax.set(xscale="log", yscale="log", xlabel="true mass, in units of the heaviest")
    ax.set_ylabel("mass found")
    return finish(ax, "masses and their relative errors")


def _error_histograms(discovery: Discovery, ax: Axes) -> Axes:
    data = snapshots(discovery.task.held_out)
    with np.errstate(over="ignore"):
        errors = [relative_errors(a, data).ravel() for a in _predictions(discovery)]
    errors = [error[np.isfinite(drawable(error))] for error in errors]
    together = np.concatenate(errors)
    visible = together[together > 0]
    low, high = np.quantile(visible, [0.001, 0.999]) if len(visible) else (0.1, 1.0)
    bins = np.geomspace(low, max(high, 1.01 * low), 60)
    for error, color, label in zip(
        errors, (NETWORK, EQUATION), ("network", "equation"), strict=True
    ):
        if not len(error):
            continue
        middle = np.median(error)
        label = f"{label}, median {middle:.1e}"
        # errors that rounding hides are counted with the least ones
        shown = np.clip(error, low, high)
        ax.hist(shown, bins.tolist(), color=color, alpha=0.5, label=label)
        ax.axvline(middle, color=color, lw=1.5)
    ax.set(xscale="log", xlabel="relative error of acceleration", ylabel="bodies at times")
    return finish(ax, "errors on held-out data")


def _network_pull(discovery: Discovery) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Distances, and the network's pull there in the law's terms at unit masses and charges."""
    pair_forces, law = discovery.pair_forces, discovery.law
    assert pair_forces is not None
    units = natural_units(discovery.task.train)
    pull = pair_forces.coefficient * pair_forces.inputs[:, 0] * units.acceleration
    if pair_forces.force:
        pull = pull / pair_forces.inputs[:, 1]
    inputs = pair_forces.inputs * [units.length, units.mass, units.mass, units.charge, units.charge]
    if discovery.masses is not None:
        # the network's own masses have another unit
        inputs[:, 1:3] *= max(discovery.masses.values()) / inputs[:, 1:3].max()
    if law.force:
        pull = pull * inputs[:, 1]
    distance = inputs[:, 0]
    with np.errstate(all="ignore"):
        usual = law.coefficient.evaluate(inputs, VARIABLES) * distance
        to_unit = unit_pull(law.coefficient, distance) / usual
    return distance, pull * np.where(np.isfinite(to_unit), to_unit, 1.0)


def _predictions(discovery: Discovery) -> tuple[np.ndarray, np.ndarray]:
    """Accelerations ``[S, N, D]`` on held-out data by network and equation."""
    masses, held_out = discovery.masses, discovery.task.held_out
    log_mass = None if masses is None else np.log(list(masses.values()))
    network, units = discovery.network, natural_units(discovery.task.train)
    assert network is not None
    seen = neural_accelerations(network.model, network.params, in_units(held_out, units))
    return seen * units.acceleration, symbolic_accelerations(discovery.law, log_mass, held_out)


def _sizes(accelerations: ArrayLike) -> np.ndarray:
    with np.errstate(over="ignore"):
        return drawable(np.linalg.norm(np.asarray(accelerations, np.float64), axis=-1).ravel())
