"""From measured series to equations of motion, fitted to and verified by the motion they make."""

from jaxsym.odes.discovery import OdeDiscovery, SystemOfFront
from jaxsym.odes.measured.reading import read_series, time_series
from jaxsym.odes.measured.series import TimeSeries
from jaxsym.odes.systems.motion import implicit_flow
from jaxsym.odes.systems.verdict import Errors
from jaxsym.odes.workflow import discover_ode, discover_series

__all__ = [
    "Errors",
    "OdeDiscovery",
    "SystemOfFront",
    "TimeSeries",
    "discover_ode",
    "discover_series",
    "implicit_flow",
    "read_series",
    "time_series",
]
