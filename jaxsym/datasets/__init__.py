"""Real motion: the solar system's ephemeris and the user's own files."""

from jaxsym.datasets.derivatives import derivatives
from jaxsym.datasets.files import check_suffix, load, save
from jaxsym.datasets.solar_system import solar_system, solar_system_gm

__all__ = ["check_suffix", "derivatives", "load", "save", "solar_system", "solar_system_gm"]
