"""Views of what was found; each draws on the `matplotlib` axes that it is given."""

from jaxsym.plotting.accelerations import (
    draw,
    plot_accelerations,
    plot_errors,
    plot_masses,
    plot_pair_law,
)
from jaxsym.plotting.lagrangian import draw_lagrangian
from jaxsym.plotting.ode import draw_ode
from jaxsym.plotting.part import draw_symbolified, plot_fronts, plot_part
from jaxsym.plotting.regression import draw_fit, plot_front, plot_left, plot_values
from jaxsym.plotting.terms import plot_pair_terms, plot_rates
from jaxsym.plotting.trajectories import (
    plot_motion,
    plot_profile,
    plot_residuals,
)

__all__ = [
    "draw",
    "draw_fit",
    "draw_lagrangian",
    "draw_ode",
    "draw_symbolified",
    "plot_accelerations",
    "plot_errors",
    "plot_front",
    "plot_fronts",
    "plot_left",
    "plot_masses",
    "plot_motion",
    "plot_pair_law",
    "plot_pair_terms",
    "plot_part",
    "plot_profile",
    "plot_rates",
    "plot_residuals",
    "plot_values",
]
