"""One style for all figures: colors, axes, and how the law is titled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxsym.distill.discovery import Discovery
from jaxsym.expr import Expression
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.typesetting import latex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NETWORK, EQUATION, TRUTH = "#0072B2", "#D55E00", "#222222"
UNIT = (1.0, 1.0, 1.0, -1.0)  # m1 m2 q1 q2 at which pair laws are compared
_MOST_POINTS = 4000


def axes_or_new(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(layout="constrained").subplots()


def drawable(values: np.ndarray) -> np.ndarray:
    """NaN, which leaves a gap, for what axes have no place for."""
    return np.where(np.abs(values) < 1e100, values, np.nan)


def spread_evenly(count: int) -> np.ndarray:
    """Places spread over a list, at most as many as a picture can bear."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(int))


def finish(ax: Axes, title: str) -> Axes:
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


def formula(discovery: Discovery) -> str:
    """The law as mathtext, or as plain text where mathtext cannot set it."""
    from matplotlib.mathtext import MathTextParser

    formula = f"${latex(discovery.law)}$"
    try:
        MathTextParser("path").parse(formula)
    except ValueError:
        return f"{discovery.law.quantity} = ({discovery.law.coefficient}) d"
    return formula


def unit_pull(
    coefficient: Expression, distance: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """``c r`` at unit masses and charges."""
    inputs = np.column_stack([distance, np.tile(UNIT, (len(distance), 1))])
    return drawable(coefficient.evaluate(inputs, VARIABLES) * distance)


def spans_decades(curve: Float[np.ndarray, " K"]) -> bool:
    """Whether a curve is for logarithmic axes: it keeps its sign and varies by a large factor."""
    keeps_sign = len(curve) and (np.all(curve > 0) or np.all(curve < 0))
    return bool(keeps_sign and np.ptp(np.log(np.abs(curve))) > 3)
