"""Views of a discovery; each draws on the `matplotlib` axes that it is given and returns them."""

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
from jaxsym.plotting.trajectories import (
    plot_motion,
    plot_profile,
    plot_residuals,
)

__all__ = [
    "draw",
    "draw_lagrangian",
    "draw_ode",
    "draw_symbolified",
    "plot_accelerations",
    "plot_errors",
    "plot_fronts",
    "plot_masses",
    "plot_motion",
    "plot_pair_law",
    "plot_part",
    "plot_profile",
    "plot_residuals",
]
