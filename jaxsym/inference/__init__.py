"""Constants of motion, with their errors, from noisy series: weak forms and multiple shooting."""

from jaxsym.inference.fitting import TrajectoryFit, fit_trajectories, second_order
from jaxsym.inference.motion import METHODS, VectorField
from jaxsym.inference.observations import Observations, observations

__all__ = [
    "METHODS",
    "Observations",
    "TrajectoryFit",
    "VectorField",
    "fit_trajectories",
    "observations",
    "second_order",
]
