"""The expanding background: a flat universe of matter and a cosmological constant."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._settings import full_precision, implicit_broadcasting

HUBBLE = 100.0  # km/s for a Mpc/h
_CRITICAL = 2.77536627e11  # density, solar masses over h in a cubic Mpc/h
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


class Cosmology(NamedTuple):
    """Parameters; the defaults are the fiducial ones of Villaescusa-Navarro et al. 2020.

    (The Quijote simulations, arXiv 1909.05273, table 1.) A pytree: gradients reach every parameter.

    Attributes:
      omega_m: density of matter over the critical one, today.
      omega_b: density of baryons over the critical one, today.
      h: Hubble's constant over 100 km/s/Mpc.
      spectral_index: of the primordial power spectrum.
      sigma8: standard deviation of the linear density today in spheres of 8 Mpc/h.
    """

    omega_m: Float[ArrayLike, ""] = 0.3175
    omega_b: Float[ArrayLike, ""] = 0.049
    h: Float[ArrayLike, ""] = 0.6711
    spectral_index: Float[ArrayLike, ""] = 0.9624
    sigma8: Float[ArrayLike, ""] = 0.834


@implicit_broadcasting()
def expansion(cosmology: Cosmology, a: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    """``E = H / H0``, with radiation left out.

    >>> float(expansion(Cosmology(omega_m=1.0), 0.25))
    8.0
    """
    a = jnp.asarray(a)
    return jnp.sqrt(cosmology.omega_m / a**3 + 1 - cosmology.omega_m)


@implicit_broadcasting()
def growth(cosmology: Cosmology, a: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    """The linear growth factor, 1 today (Heath 1977: ``D ~ E int_0^a da / (a E)**3``).

    >>> round(float(growth(Cosmology(omega_m=1.0), 0.3)), 6)
    0.3
    """
    return _growing(cosmology, a) / _growing(cosmology, 1.0)


@full_precision()
def _growing(cosmology: Cosmology, a: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    a = jnp.asarray(a)
    matter = cosmology.omega_m
    u = jnp.asarray((_NODES + 1) / 2)  # of a' = a u**2, which makes the integrand smooth
    inside = u**4 / (matter + (1 - matter) * a[..., None] ** 3 * u**6) ** 1.5
    return a**2.5 * expansion(cosmology, a) * (inside @ jnp.asarray(_WEIGHTS))


@implicit_broadcasting()
def growth_momentum(cosmology: Cosmology, a: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    """``a**3 E dD/da``: the momentum ``a**2 dx/dt / H0`` of a growing unit displacement.

    >>> round(float(growth_momentum(Cosmology(omega_m=1.0), 0.25)), 5)
    0.125
    """
    a = jnp.asarray(a)
    _, slope = jax.jvp(lambda a: growth(cosmology, a), (a,), (jnp.ones_like(a),))
    return a**3 * expansion(cosmology, a) * slope


def particle_mass(cosmology: Cosmology, box: float, particles: int) -> float:
    """Mass of one of ``particles`` bodies that share the matter of a box, solar masses over h.

    Args:
      cosmology: how dense matter is.
      box: side in Mpc/h.
      particles: how many there are in the box.

    >>> f"{particle_mass(Cosmology(), 1000.0, 512**3):.2e}"
    '6.57e+11'
    """
    return float(np.asarray(cosmology.omega_m)) * _CRITICAL * box**3 / particles
