"""Symbolic regression: one protocol, the native engine, and the Pareto front."""

from jaxsym.search.engines.protocol import SEARCHED, Callback, Engine, Progress
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.native.engine import NativeEngine
from jaxsym.search.native.stages.power_laws import PowerLaw, fit_power_law
from jaxsym.search.problem.constraints import Steering
from jaxsym.search.problem.dimensions import UnitsError
from jaxsym.search.regressor import SymbolicRegressor

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
