"""Dark matter: a particle-mesh simulation, differentiable to its end, and the halos it forms.

Lengths are comoving and in Mpc/h, velocities peculiar and in km/s, masses in solar masses over h,
wave numbers in h/Mpc; ``a`` is the scale factor, 1 today.
"""

from jaxsym.simulate.cosmology.background import (
    Cosmology,
    expansion,
    growth,
    growth_momentum,
    particle_mass,
)
from jaxsym.simulate.cosmology.halos import Halos, friends_of_friends
from jaxsym.simulate.cosmology.matter import Matter, linear_density, simulate_matter, zeldovich
from jaxsym.simulate.cosmology.mesh import (
    cic_paint,
    cic_read,
    inverse_divergence,
    smoothed_overdensity,
    wave_numbers,
)
from jaxsym.simulate.cosmology.particle_mesh import evolve
from jaxsym.simulate.cosmology.power_spectrum import linear_power, measured_power, transfer

__all__ = [
    "Cosmology",
    "Halos",
    "Matter",
    "cic_paint",
    "cic_read",
    "evolve",
    "expansion",
    "friends_of_friends",
    "growth",
    "growth_momentum",
    "inverse_divergence",
    "linear_density",
    "linear_power",
    "measured_power",
    "particle_mass",
    "simulate_matter",
    "smoothed_overdensity",
    "transfer",
    "wave_numbers",
    "zeldovich",
]
