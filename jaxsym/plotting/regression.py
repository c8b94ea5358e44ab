"""Views of an equation for a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym.plotting.style import EQUATION, NETWORK, TRUTH, axes_or_new, finish, spread_evenly
from jaxsym.search.problem.inputs import read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jaxsym.search import SymbolicRegressor

_DECADES = 100.0  # between the ends of an axis that is logarithmic


def draw_fit(model: SymbolicRegressor, X: Any, y: Float[ArrayLike, " n"]) -> Figure:
    """The front, values against predictions, and what is left, on one page.

    Args:
      model: fitted to one target.
      X: `[n, V]` the table that it was fitted to, or another one.
      y: `[n]` the target there.

    Returns:
      a figure that no window knows of.

    Raises:
      ValueError: a model of several targets.
    """
    from matplotlib.figure import Figure

    require(model.single_, f"the model has {len(model.fronts_)} targets; expected one")
    figure = Figure(figsize=(12.0, 4.0), layout="constrained")
    front, values, left = figure.subplots(1, 3)
    plot_front(model, front)
    plot_values(model, X, y, values)
    plot_left(model, X, y, left)
    return figure


def plot_front(model: SymbolicRegressor, ax: Axes | None = None) -> Axes:
    """Mean squared error of the best equation of each complexity; the chosen one is marked."""
    ax = axes_or_new(ax)
    (front,) = model.fronts_
    sizes = np.array([row.complexity for row in front])
    losses = np.array([max(row.loss, np.finfo(float).tiny) for row in front])
    ax.plot(sizes, losses, "o-", color=NETWORK, ms=5, lw=1, label="best of its complexity")
    chosen = [k for k, row in enumerate(front) if row.expression == model.expression_]
    ax.plot(sizes[chosen], losses[chosen], "o", color=EQUATION, ms=9, label="chosen")
    ax.set(yscale="log", xlabel="complexity", ylabel="mean squared error")
    return finish(ax, "front")


def plot_values(
    model: SymbolicRegressor, X: Any, y: Float[ArrayLike, " n"], ax: Axes | None = None
) -> Axes:
    """Measured values against those of the equation."""
    ax = axes_or_new(ax)
    measured, predicted = np.asarray(y, float), np.asarray(model.predict(X), float)
    some = spread_evenly(len(measured))
    ends = [measured.min(), measured.max()]
    ax.plot(ends, ends, color=TRUTH, lw=0.8, zorder=1)
    ax.plot(predicted[some], measured[some], ".", color=EQUATION, ms=5)
    if ends[0] > 0 and ends[1] > _DECADES * ends[0] and predicted.min() > 0:
        ax.set(xscale="log", yscale="log")
    ax.set(xlabel="equation", ylabel="measured")
    return finish(ax, "values")


def plot_left(
    model: SymbolicRegressor, X: Any, y: Float[ArrayLike, " n"], ax: Axes | None = None
) -> Axes:
    """What the equation leaves, against the variable that it follows most closely.

    Of a right equation nothing but noise is to be seen.
    """
    ax = axes_or_new(ax)
    table = read_table(X)
    left = np.asarray(y, float) - np.asarray(model.predict(X), float)
    ranks = np.argsort(np.argsort(table, axis=0), axis=0).astype(float)
    follows = [_curved(ranks[:, k], np.abs(left)) for k in range(table.shape[1])]
    which = int(np.argmax(follows))
    some = spread_evenly(len(left))
    ax.axhline(0.0, color=TRUTH, lw=0.8, zorder=1)
    ax.plot(table[some, which], left[some], ".", color=EQUATION, ms=5)
    column = table[:, which]
    if column.min() > 0 and column.max() > _DECADES * column.min():
        ax.set_xscale("log")
    ax.set(xlabel=model.variables_[which], ylabel="measured - equation")
    return finish(ax, "residuals")


def _curved(x: Float[np.ndarray, " n"], size: Float[np.ndarray, " n"]) -> float:
    """Share of the residuals' sizes that a parabola in a variable's ranks explains."""
    design = np.vander(x / max(len(x) - 1, 1), 3)
    values = size - size.mean()
    found = np.linalg.lstsq(design, values, rcond=None)[0]
    total = float(values @ values)
    return 1 - float(np.sum((values - design @ found) ** 2)) / total if total > 0 else 0.0
