"""From random numbers to the matter of today."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.simulate.cosmology.background import HUBBLE, Cosmology, growth, growth_momentum
from jaxsym.simulate.cosmology.mesh import inverse_divergence, wave_sizes
from jaxsym.simulate.cosmology.particle_mesh import evolve
from jaxsym.simulate.cosmology.power_spectrum import linear_power


class Matter(NamedTuple):
    """Particles of equal mass at one time.

    Attributes:
      position: comoving, in Mpc/h, within the box.
      velocity: peculiar, in km/s.
    """

    position: Float[Array, "n 3"]
    velocity: Float[Array, "n 3"]


@partial(jax.jit, static_argnums=1)
@implicit_broadcasting()
def linear_density(
    noise: Float[Array, "N N N"], box: float, cosmology: Cosmology
) -> Float[Array, "N N N"]:
    """A random field with the linear power spectrum of today.

    Args:
      noise: independent standard normal numbers.
      box: side in Mpc/h.
      cosmology: which spectrum.

    >>> noise = jax.random.normal(jax.random.key(0), (8, 8, 8))
    >>> bool(abs(linear_density(noise, 100.0, Cosmology()).mean()) < 1e-6)
    True
    """
    mesh = len(noise)
    size = wave_sizes(mesh, box, zero=1.0)
    amplitude = jnp.sqrt(linear_power(cosmology, jnp.asarray(size)) * (mesh**3 / box**3))
    amplitude = amplitude.astype(noise.dtype).at[0, 0, 0].set(0.0)
    return jnp.fft.irfftn(jnp.fft.rfftn(noise) * amplitude, s=(mesh,) * 3)


@partial(jax.jit, static_argnums=1)
@implicit_broadcasting()
def zeldovich(
    density: Float[Array, "N N N"], box: float, cosmology: Cosmology, a: float
) -> tuple[Float[Array, "n 3"], Float[Array, "n 3"]]:
    """Particles of a lattice displaced by linear theory (Zel'dovich 1970).

    ``x = q + D(a) s`` with ``div s = -density``.

    Args:
      density: linear overdensity of today at the lattice's places.
      box: side in Mpc/h.
      cosmology: how the density grows.
      a: scale factor.
    Returns:
      positions in Mpc/h and momenta ``a**2 dx/dt / H0`` in Mpc/h, of ``n = N**3`` particles.

    >>> x, p = zeldovich(jnp.zeros((2, 2, 2)), 4.0, Cosmology(), 0.1)
    >>> x[-1].tolist(), p[-1].tolist()
    ([2.0, 2.0, 2.0], [0.0, 0.0, 0.0])
    """
    mesh = len(density)
    displacement = inverse_divergence(jnp.fft.rfftn(density), mesh, box).reshape(-1, 3)
    line = jnp.arange(mesh, dtype=density.dtype) * (box / mesh)
    lattice = jnp.stack(jnp.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    grown = growth(cosmology, a).astype(density.dtype)
    moving = growth_momentum(cosmology, a).astype(density.dtype)
    return lattice + grown * displacement, moving * displacement


@implicit_broadcasting()
def simulate_matter(
    key: Key[Array, ""],
    *,
    particles: int = 64,
    box: float = 128.0,
    mesh: int | None = None,
    cosmology: Cosmology | None = None,
    start: float = 0.1,
    steps: int = 30,
) -> Matter:
    """Dark matter today, from a random beginning: `linear_density`, `zeldovich`, `evolve`.

    Args:
      key: of the random field.
      particles: along a side; there are n = particles**3.
      box: side in Mpc/h.
      mesh: cells along a side; by default twice the particles.
      cosmology: by default that of `Cosmology`.
      start: scale factor at which the particles begin to move.
      steps: from there to today.
    Raises:
      ValueError: sizes that are not positive, a start outside of 0 to 1.

    >>> matter = simulate_matter(jax.random.key(0), particles=8, box=50.0, steps=3)
    >>> matter.position.shape, bool((matter.position < 50.0).all())
    ((512, 3), True)
    """
    mesh = 2 * particles if mesh is None else mesh
    cosmology = cosmology or Cosmology()
    for name, value in (("particles", particles), ("mesh", mesh), ("steps", steps)):
        require(value >= 1, f"{name} is {value}; expected at least 1")
    require(box > 0, f"box is {box}; expected a positive length in Mpc/h")
    require(0 < start < 1, f"start is {start}; expected a scale factor between 0 and 1")
    noise = jax.random.normal(key, (particles,) * 3)
    position, momentum = zeldovich(linear_density(noise, box, cosmology), box, cosmology, start)
    position, momentum = evolve(
        position,
        momentum,
        mesh=mesh,
        box=box,
        cosmology=cosmology,
        start=start,
        end=1.0,
        steps=steps,
    )
    return Matter(position % box, HUBBLE * momentum)
