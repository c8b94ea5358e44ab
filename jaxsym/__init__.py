"""Train networks whose structure matches a problem, and read the equations out of them.

Names and rooms are imported when they are first used: ``import jaxsym`` alone starts nothing.

>>> import jaxsym
>>> jaxsym.parse("G*m1*m2/r**2").variables
('G', 'm1', 'm2', 'r')
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsym.distill import Discovery as Discovery
    from jaxsym.distill.parts.workflow import symbolify as symbolify
    from jaxsym.distill.workflow import discover as discover
    from jaxsym.expr import Expression as Expression
    from jaxsym.expr import parse as parse
    from jaxsym.odes import discover_ode as discover_ode
    from jaxsym.search import SymbolicRegressor as SymbolicRegressor
    from jaxsym.simulate import particles as particles
    from jaxsym.syrenets import discover_lagrangian as discover_lagrangian
    from jaxsym.taps import tap as tap
    from jaxsym.trajectories import Trajectories as Trajectories

_HOMES = {
    "Discovery": "distill",
    "Expression": "expr",
    "SymbolicRegressor": "search",
    "Trajectories": "trajectories",
    "discover": "distill",
    "discover_lagrangian": "syrenets",
    "discover_ode": "odes",
    "parse": "expr",
    "particles": "simulate",
    "symbolify": "distill",
    "tap": "taps",
}
_ROOMS = (
    "datasets",
    "distill",
    "expr",
    "graphs",
    "inference",
    "laws",
    "mechanics",
    "nesymres",
    "odes",
    "plotting",
    "report",
    "search",
    "simulate",
    "syrenets",
    "taps",
    "training",
)

__all__ = [
    "Discovery",
    "Expression",
    "SymbolicRegressor",
    "Trajectories",
    "discover",
    "discover_lagrangian",
    "discover_ode",
    "parse",
    "particles",
    "symbolify",
    "tap",
]
__version__ = version("jaxsym")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"jaxsym.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'jaxsym' has no attribute '{name}'")
    return getattr(importlib.import_module(f"jaxsym.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_ROOMS])
