"""Real motion: the solar system's ephemeris, and files of trajectories or of motion and torque."""

from jaxsym.datasets.columns import Columns, check_suffix, read_columns
from jaxsym.datasets.ephemeris import solar_system, solar_system_gm
from jaxsym.datasets.files import load, save
from jaxsym.datasets.measured import measured_trajectories, with_sigma
from jaxsym.datasets.mechanical import (
    MechanicalData,
    MechanicalSeries,
    load_mechanical,
    mechanical_data,
)
from jaxsym.datasets.splines import derivatives

__all__ = [
    "Columns",
    "MechanicalData",
    "MechanicalSeries",
    "check_suffix",
    "derivatives",
    "load",
    "load_mechanical",
    "measured_trajectories",
    "mechanical_data",
    "read_columns",
    "save",
    "solar_system",
    "solar_system_gm",
    "with_sigma",
]
