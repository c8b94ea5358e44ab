"""Views of a discovery; each draws on the `matplotlib` axes that it is given and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.learning import neural_accelerations, relative_errors
from jaxsym.distill.measured.evidence import TrajectoryEvidence
from jaxsym.distill.verdict import symbolic_accelerations
from jaxsym.expr import Expression, parse
from jaxsym.graphs import snapshots
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.typesetting import latex
from jaxsym.laws.units import in_units, natural_units
from jaxsym.syrenets import LagrangianDiscovery

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NETWORK, _EQUATION, _TRUTH = "#0072B2", "#D55E00", "#222222"
_UNIT = (1.0, 1.0, 1.0, -1.0)  # m1 m2 q1 q2 at which pair laws are compared
_MOST_POINTS = 4000


def draw(discovery: Discovery) -> Figure:
    """All views of a discovery on one page, under the law.

    Args:
      discovery: what to show.
    Returns:
      a figure that no window knows of; show it in a notebook or ``savefig`` it.
    """
    from matplotlib.figure import Figure

    if discovery.trajectory is not None:
        return _draw_measured(discovery)
    below = "law" if discovery.masses is None else "masses"
    figure = Figure(figsize=(11.0, 8.5), layout="constrained")
    axes: dict[str, Axes] = figure.subplot_mosaic([["law", "accelerations"], [below, "errors"]])
    plot_pair_law(discovery, axes["law"])
    plot_accelerations(discovery, axes["accelerations"])
    plot_errors(discovery, axes["errors"])
    if discovery.masses is not None:
        plot_masses(discovery, axes["masses"])
    figure.suptitle(f"{discovery.task.name}:  {_formula(discovery)}", fontsize=15)
    return figure


def _draw_measured(discovery: Discovery) -> Figure:
    """The views of a law that was fitted to measured trajectories."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 8.5), layout="constrained")
    axes: dict[str, Axes] = figure.subplot_mosaic([["law", "motion"], ["residuals", "residuals"]])
    plot_profile(discovery, axes["law"])
    plot_motion(discovery, axes["motion"])
    plot_residuals(discovery, axes["residuals"])
    figure.suptitle(f"{discovery.task.name}:  {_formula(discovery)}", fontsize=15)
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
      ValueError: a discovery of another kind.
    """
    profile, ax = _evidence(discovery).profile, _axes(ax)
    factor = parse(profile.factor)
    unit = dict(zip(VARIABLES[1:], _UNIT, strict=True))
    values = np.array([[unit[name] for name in factor.variables]])
    scale = float(factor.evaluate(values, factor.variables)[0])
    known = np.abs(profile.error) < np.ptp(profile.size)
    grid = np.geomspace(profile.distance[0], profile.distance[-1], 400)
    curve = _pull(discovery.law.as_acceleration().coefficient, grid)
    ax.plot(grid, curve, color=_EQUATION, lw=1.8, label="law")
    truth = discovery.task.truth
    if truth is not None:
        ax.plot(grid, _pull(truth.coefficient, grid), "--", color=_TRUTH, lw=1.0, label="truth")
    ax.errorbar(
        profile.distance[known], scale * profile.size[known], np.abs(scale) * profile.error[known],
        fmt=".", color=_NETWORK, lw=1.0, label="weak form, one standard error",
    )  # fmt: skip
    if _spans_decades(curve[np.isfinite(curve)]):
        ax.set_xscale("log")
        ax.set_yscale("symlog", linthresh=float(np.abs(curve).min()))
    else:
        ax.axhline(0.0, color="#999999", lw=0.8, zorder=0)
    ax.set_xlabel("distance")
    ax.set_ylabel("acceleration of 1 by 2, attraction")
    return _finish(ax, "pair law")


def plot_motion(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """A measured trajectory with error bars, and the law's motion through it.

    Args:
      discovery: from measured positions.
      ax: where to; new axes by default.
    Raises:
      ValueError: a discovery of another kind.
    """
    evidence, ax = _evidence(discovery), _axes(ax)
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
    return _finish(ax, "measured positions and the law's motion")


def plot_residuals(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Measured minus predicted positions in standard errors, against time.

    Args:
      discovery: from measured positions.
      ax: where to; new axes by default.
    Raises:
      ValueError: a discovery of another kind.
    """
    evidence, ax = _evidence(discovery), _axes(ax)
    values = np.moveaxis(evidence.residuals, 1, 0).reshape(len(evidence.time), -1)
    time = np.broadcast_to(evidence.time[:, None], values.shape)[np.isfinite(values)]
    values = values[np.isfinite(values)]
    some = _evenly(len(values))
    for level in (-3.0, 0.0, 3.0):
        ax.axhline(level, color="#999999", lw=0.8, ls="-" if level == 0 else ":")
    ax.plot(time[some], values[some], ".", color=_EQUATION, ms=4, mew=0, alpha=0.5)
    ax.set(xlabel="time", ylabel="residual in standard errors")
    return _finish(ax, f"chi2/dof = {evidence.chi2_per_dof:.3f}")


def plot_pair_law(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Pull against distance: what the network's messages say, the equation, and the truth.

    All for unit masses and unlike unit charges, to which the network's samples are brought by the
    equation's own dependence on masses and charges.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = _axes(ax)
    distance, pull = _network_pull(discovery)
    # the sparse ends of the distances would stretch the view
    nearest, farthest = (np.quantile(distance, share) for share in (0.002, 0.998))
    grid = np.geomspace(nearest, farthest, 400)
    curve = _pull(discovery.law.coefficient, grid)
    finite = curve[np.isfinite(curve)]
    logarithmic = _spans_decades(finite)
    shown = np.abs if logarithmic else np.asarray
    some = _evenly(len(distance))
    dots: dict[str, Any] = {"color": _NETWORK, "alpha": 0.3, "ms": 8, "mew": 0, "label": "network"}
    ax.plot(distance[some], shown(pull[some]), ".", **dots)
    ax.plot(grid, shown(curve), color=_EQUATION, lw=1.8, label="equation")
    truth = discovery.task.truth
    if truth is not None:
        ax.plot(
            grid, shown(_pull(truth.coefficient, grid)), "--", color=_TRUTH, lw=1.0, label="truth"
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
    units = ", ".join(f"{name} = {_UNIT[VARIABLES.index(name) - 1]:g}" for name in given)
    ax.set_xlabel("distance")
    ax.set_ylabel(f"{discovery.law.quantity}, {sense}{f', at {units}' if units else ''}")
    return _finish(ax, "pair law")


def plot_accelerations(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Predicted against true size of the bodies' accelerations on data never seen.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = _axes(ax)
    true = _sizes(snapshots(discovery.task.held_out).acceleration)
    network, equation = (_sizes(a) for a in _predictions(discovery))
    some = _evenly(len(true))
    moving = true[true > 0]
    ends = [moving.min(), moving.max()] if len(moving) else [0.0, 1.0]
    ax.plot(ends, ends, color=_TRUTH, lw=0.8, zorder=1)
    for predicted, color, size, label in (
        (network, _NETWORK, 9, "network"),
        (equation, _EQUATION, 3, "equation"),
    ):
        ax.plot(true[some], predicted[some], ".", color=color, ms=size, mew=0, label=label)
    if len(moving):
        ax.set(xscale="log", yscale="log", ylim=(ends[0] / 3, ends[1] * 3))
    ax.set_xlabel("true acceleration")
    ax.set_ylabel("predicted acceleration")
    return _finish(ax, "held-out data")


def plot_errors(discovery: Discovery, ax: Axes | None = None) -> Axes:
    """Relative errors on data never seen: medians by body if bodies have names, else histograms.

    Args:
      discovery: what to show.
      ax: where to; new axes by default.
    """
    ax = _axes(ax)
    names = discovery.task.held_out.names
    if names is None or discovery.by_body is None:
        return _error_histograms(discovery, ax)
    for errors, color, label in zip(
        discovery.by_body, (_NETWORK, _EQUATION), ("network", "equation"), strict=True
    ):
        ax.plot(names, errors, "o", color=color, label=label)
    ax.set_yscale("log")
    for tick in ax.get_xticklabels():
        tick.set(rotation=45, ha="right", rotation_mode="anchor")
    ax.set_ylabel("median relative error of acceleration")
    return _finish(ax, "errors on held-out data")


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
    ax = _axes(ax)
    names = list(discovery.masses or ())
    found = np.array(list((discovery.masses or {}).values()))
    found = found / found.max()
    truth = discovery.task.truth
    if truth is None or truth.masses is None:
        ax.plot(found, names, "o", color=_EQUATION)
        ax.set(xscale="log", xlabel="mass found, in units of the heaviest")
        return _finish(ax, "masses")
    true = np.array([truth.masses[name] for name in names])
    true = true / true.max()
    ax.plot(true, true, color=_TRUTH, lw=0.8, zorder=1)
    ax.plot(true, found, "o", color=_EQUATION)
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
    return _finish(ax, "masses and their relative errors")


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
    right.plot(motion.time, system.energy(motion.q, motion.qd), color=_EQUATION)
    right.set(xlabel="time", ylabel="energy")
    # rounding is not to fill the page
    low, high = right.get_ylim()
    size = max(1.0, abs(low), abs(high))
    if high - low < 1e-3 * size:
        right.set_ylim(low - 1e-3 * size, high + 1e-3 * size)
    _finish(left, "motion without torques")
    _finish(right, "its energy")
    figure.suptitle(f"${discovery.latex(4)}$", fontsize=11)
    return figure


def _error_histograms(discovery: Discovery, ax: Axes) -> Axes:
    data = snapshots(discovery.task.held_out)
    with np.errstate(over="ignore"):
        errors = [relative_errors(a, data).ravel() for a in _predictions(discovery)]
    errors = [error[np.isfinite(_drawable(error))] for error in errors]
    together = np.concatenate(errors)
    visible = together[together > 0]
    low, high = np.quantile(visible, [0.001, 0.999]) if len(visible) else (0.1, 1.0)
    bins = np.geomspace(low, max(high, 1.01 * low), 60)
    for error, color, label in zip(
        errors, (_NETWORK, _EQUATION), ("network", "equation"), strict=True
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
    return _finish(ax, "errors on held-out data")


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
        to_unit = _pull(law.coefficient, distance) / usual
    return distance, pull * np.where(np.isfinite(to_unit), to_unit, 1.0)


def _pull(coefficient: Expression, distance: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """``c r`` at unit masses and charges."""
    inputs = np.column_stack([distance, np.tile(_UNIT, (len(distance), 1))])
    return _drawable(coefficient.evaluate(inputs, VARIABLES) * distance)


def _spans_decades(curve: Float[np.ndarray, " K"]) -> bool:
    """Whether a curve is for logarithmic axes: it keeps its sign and varies by a large factor."""
    keeps_sign = len(curve) and (np.all(curve > 0) or np.all(curve < 0))
    return bool(keeps_sign and np.ptp(np.log(np.abs(curve))) > 3)


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
        return _drawable(np.linalg.norm(np.asarray(accelerations, np.float64), axis=-1).ravel())


def _drawable(values: np.ndarray) -> np.ndarray:
    """NaN, which leaves a gap, for what axes have no place for."""
    return np.where(np.abs(values) < 1e100, values, np.nan)


def _evenly(count: int) -> np.ndarray:
    """Places spread over a list, at most as many as a picture can bear."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(int))


def _formula(discovery: Discovery) -> str:
    """The law as mathtext, or as plain text where mathtext cannot set it."""
    from matplotlib.mathtext import MathTextParser

    formula = f"${latex(discovery.law)}$"
    try:
        MathTextParser("path").parse(formula)
    except ValueError:
        return f"{discovery.law.quantity} = ({discovery.law.coefficient}) d"
    return formula


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


def _finish(ax: Axes, title: str) -> Axes:
    ax.set_title(title, loc="left", fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#eeeeee", zorder=-1)
    ax.set_axisbelow(True)
    if ax.get_legend_handles_labels()[1]:
        legend = ax.legend(frameon=False, fontsize=9)
        for handle in filter(None, legend.legend_handles):
            handle.set_alpha(1.0)
        for line in legend.get_lines():
            line.set_markersize(8)
    return ax
