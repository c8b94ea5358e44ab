"""Symbolic regression: one protocol, the native engine, and the Pareto front."""

from jaxsym._deprecation import renamed
from jaxsym.search.engines.base import EngineBase
from jaxsym.search.engines.protocol import (
    DEFAULT_OPERATORS,
    Callback,
    Engine,
    Progress,
    Run,
    Update,
)
from jaxsym.search.engines.runner import SearchResult, search_problems
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.engine import NativeEngine
from jaxsym.search.native.stages.power_laws import PowerLaw, fit_power_law
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.dimensions import UnitsError
from jaxsym.search.regressor import SymbolicRegressor

search = NativeEngine().search

__all__ = [
    "DEFAULT_OPERATORS",
    "Callback",
    "Candidate",
    "Constraints",
    "Engine",
    "EngineBase",
    "NativeEngine",
    "ParetoFront",
    "PowerLaw",
    "Progress",
    "Run",
    "SearchBudget",
    "SearchResult",
    "SymbolicRegressor",
    "UnitsError",
    "Update",
    "fit_power_law",
    "search",
    "search_problems",
]

__getattr__ = renamed(__name__, {"SEARCHED": "DEFAULT_OPERATORS", "Steering": "Constraints"})
