"""Particles and fields on a periodic mesh: cloud in cell, and Fourier filters."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from jaxsym._check import require
from jaxsym._settings import full_precision, implicit_broadcasting


def wave_numbers(mesh: int, box: float) -> tuple[Float[np.ndarray, "_ _ _"], ...]:
    """Components of the wave vectors of `numpy.fft.rfftn`, shaped to broadcast, in h/Mpc.

    Args:
      mesh: cells along a side.
      box: side in Mpc/h.

    >>> [k.shape for k in wave_numbers(4, 10.0)]
    [(4, 1, 1), (1, 4, 1), (1, 1, 3)]
    """
    step = box / mesh / (2 * np.pi)
    whole, half = np.fft.fftfreq(mesh, step), np.fft.rfftfreq(mesh, step)
    return whole[:, None, None], whole[None, :, None], half[None, None, :]


def wave_sizes(mesh: int, box: float, *, zero: float = 0.0) -> Float[np.ndarray, "M M H"]:
    """Lengths of the wave vectors, in h/Mpc.

    Args:
      mesh: cells along a side.
      box: side in Mpc/h.
      zero: what stands at the origin, to divide by.

    >>> wave_sizes(4, 2 * np.pi, zero=9.0)[0, 0].tolist()
    [9.0, 1.0, 2.0]
    """
    x, y, z = wave_numbers(mesh, box)
    size = np.sqrt(x**2 + y**2 + z**2)
    size[0, 0, 0] = zero
    return size


@partial(jax.jit, static_argnums=1)
@implicit_broadcasting()
def cic_paint(position: Float[Array, "n 3"], mesh: int, box: float) -> Float[Array, "M M M"]:
    """Number of particles in each cell, each shared by the 8 nearest (Hockney & Eastwood 1981).

    Args:
      position: in Mpc/h; the box is periodic.
      mesh: M cells along a side, the first centered on the origin.
      box: side in Mpc/h.

    >>> cic_paint(jnp.array([[0.25, 0.0, 0.0]]), 2, 2.0)[:, 0, 0].tolist()
    [0.75, 0.25]
    """
    cell, share = _corners(position, mesh, box)
    field = jnp.zeros(mesh**3, position.dtype).at[cell].add(share)
    return field.reshape(mesh, mesh, mesh)


@jax.jit
@implicit_broadcasting()
@full_precision()
def cic_read(
    field: Float[Array, "M M M ..."], position: Float[Array, "n 3"], box: float
) -> Float[Array, "n ..."]:
    """A field between its cells by the weights of `cic_paint`, whose transpose it is.

    Args:
      field: values of the cells.
      position: where, in Mpc/h.
      box: side in Mpc/h.

    >>> ramp = jnp.broadcast_to(jnp.arange(4.0)[:, None, None], (4, 4, 4))
    >>> cic_read(ramp, jnp.array([[1.25, 2.0, 0.5]]), 4.0).tolist()
    [1.25]
    """
    mesh, shape = len(field), field.shape[3:]
    cell, share = _corners(position, mesh, box)
    return jnp.einsum("nk...,nk->n...", field.reshape(mesh**3, *shape)[cell], share)


def _corners(
    position: Float[Array, "n 3"], mesh: int, box: float
) -> tuple[Int[Array, "n 8"], Float[Array, "n 8"]]:
    """The flat indices of the 8 cells around each particle, and their shares of it."""
    scaled = position * (mesh / box)
    floor = jnp.floor(scaled)
    beyond = (scaled - floor)[:, None]
    corners = np.array(list(itertools.product((0, 1), repeat=3)))
    at = (floor.astype(jnp.int32)[:, None] + corners) % mesh
    share = jnp.prod(jnp.where(corners == 1, beyond, 1 - beyond), axis=-1)
    return (at[..., 0] * mesh + at[..., 1]) * mesh + at[..., 2], share


@implicit_broadcasting()
def inverse_divergence(
    modes: Complex[Array, "M M H"], mesh: int, box: float
) -> Float[Array, "M M M 3"]:
    """The curl-free field ``u`` of no mean with ``div u = -f``, f given by its Fourier modes.

    Displacements of linear theory and accelerations of gravity are such fields of the density.

    Args:
      modes: `jnp.fft.rfftn` of f on the mesh.
      mesh: M.
      box: side in Mpc/h.

    >>> x = 2 * jnp.pi * jnp.arange(8) / 8
    >>> wave = jnp.broadcast_to(jnp.sin(x)[:, None, None], (8, 8, 8))
    >>> field = inverse_divergence(jnp.fft.rfftn(wave), 8, 2 * jnp.pi)
    >>> bool(jnp.allclose(field[:, 0, 0, 0], jnp.cos(x), atol=1e-6))
    True
    """
    waves = wave_numbers(mesh, box)
    square = wave_sizes(mesh, box, zero=1.0) ** 2
    nyquist = np.pi * mesh / box * (1 - 1e-9)  # there the derivative of a real field has no sign
    parts = []
    for k in waves:
        along = jnp.asarray(np.where(np.abs(k) < nyquist, k, 0.0) / square, modes.real.dtype)
        parts.append(jnp.fft.irfftn(1j * along * modes, s=(mesh,) * 3))
    return jnp.stack(parts, axis=-1)


@implicit_broadcasting()
def top_hat(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Fourier transform of a ball of radius R as a function of ``x = k R``.

    >>> [round(float(value), 4) for value in top_hat(jnp.array([0.0, 0.1]))]
    [1.0, 0.999]
    """
    safe = jnp.where(x > 0.1, x, 1.0)
    far = 3 * (jnp.sin(safe) - safe * jnp.cos(safe)) / safe**3
    return jnp.where(x > 0.1, far, 1 - x**2 / 10 + x**4 / 280)


@implicit_broadcasting()
def smoothed_overdensity(
    position: Float[Array, "n 3"],
    at: Float[Array, "H 3"],
    *,
    mesh: int,
    box: float,
    radius: float,
) -> Float[Array, " H"]:
    """Overdensity ``rho / mean - 1`` of the particles in balls around some places.

    Args:
      position: of all particles, in Mpc/h.
      at: centers of the balls, in Mpc/h.
      mesh: cells along a side; some should fit into a ball.
      box: side in Mpc/h.
      radius: of the balls, in Mpc/h.
    Raises:
      ValueError: balls smaller than a cell, or larger than the box.

    >>> grid = jnp.stack(jnp.meshgrid(*3 * [jnp.arange(8.0)], indexing="ij"), -1).reshape(-1, 3)
    >>> float(abs(smoothed_overdensity(grid, grid[:1], mesh=8, box=8.0, radius=2.0)[0])) < 1e-6
    True
    """
    require(
        box / mesh <= radius <= box / 2,
        f"radius is {radius}; expected from a cell, {box / mesh}, to half the box, {box / 2}",
    )
    return _ball_mean(position, at, mesh, box, radius)


@partial(jax.jit, static_argnums=(2, 3))
@implicit_broadcasting()
def _ball_mean(position, at, mesh, box, radius):
    density = cic_paint(position, mesh, box) * (mesh**3 / len(position)) - 1.0
    size = jnp.asarray(wave_sizes(mesh, box), position.dtype)
    smooth = jnp.fft.irfftn(jnp.fft.rfftn(density) * top_hat(size * radius), s=(mesh,) * 3)
    return cic_read(smooth, at, box)
