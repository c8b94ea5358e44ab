"""Differentiable simulators: particles under any pair potential."""

from jaxsym.simulate.integrators import INTEGRATORS
from jaxsym.simulate.laws import LAWS, Law, State, Truth
from jaxsym.simulate.particle_system import ParticleSystem, particles

__all__ = ["INTEGRATORS", "LAWS", "Law", "ParticleSystem", "State", "Truth", "particles"]
