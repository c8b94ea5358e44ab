"""Symbolic regression: one protocol, the native engine, and the Pareto front."""

from jaxsym.search.front import Candidate, ParetoFront
from jaxsym.search.native import NativeEngine
from jaxsym.search.power_laws import PowerLaw, fit_power_law
from jaxsym.search.protocol import SEARCHED, Callback, Engine, Progress
from jaxsym.search.regressor import SymbolicRegressor
from jaxsym.search.steering import Steering
from jaxsym.search.units import UnitsError

search = NativeEngine().search

__all__ = [
    "SEARCHED",
    "Callback",
    "Candidate",
    "Engine",
    "NativeEngine",
    "ParetoFront",
    "PowerLaw",
    "Progress",
    "Steering",
    "SymbolicRegressor",
    "UnitsError",
    "fit_power_law",
    "search",
]
