"""Constants of motion, with their errors, from noisy series: weak forms and multiple shooting."""

from jaxsym.inference.bound import Bound, cramer_rao
from jaxsym.inference.fitting import TrajectoryFit, fit_trajectories, second_order
from jaxsym.inference.likelihood import (
    Comparison,
    Model,
    Snapped,
    compare,
    description_length,
    misfit_bits,
    snap_constants,
)
from jaxsym.inference.motion import METHODS, VectorField
from jaxsym.inference.observations import Observations, observations

__all__ = [
    "METHODS",
    "Bound",
    "Comparison",
    "Model",
    "Observations",
    "Snapped",
    "TrajectoryFit",
    "VectorField",
    "compare",
    "cramer_rao",
    "description_length",
    "fit_trajectories",
    "misfit_bits",
    "observations",
    "second_order",
    "snap_constants",
]
