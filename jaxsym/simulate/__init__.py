"""Differentiable simulators: particles under any sum of terms, and mechanical systems."""

from jaxsym.simulate.integrators import INTEGRATORS
from jaxsym.simulate.interactions import LAWS
from jaxsym.simulate.laws import Law, LawTerm, State, Truth
from jaxsym.simulate.mechanical_motion import MechanicalMotion, simulate_mechanical
from jaxsym.simulate.mechanical_systems import (
    MECHANICAL,
    MechanicalSystem,
    mechanical,
    variable_names,
)
from jaxsym.simulate.particle_system import ParticleSystem, particles

__all__ = [
    "INTEGRATORS",
    "LAWS",
    "MECHANICAL",
    "Law",
    "LawTerm",
    "MechanicalMotion",
    "MechanicalSystem",
    "ParticleSystem",
    "State",
    "Truth",
    "mechanical",
    "particles",
    "simulate_mechanical",
    "variable_names",
]
