"""The linear power spectrum of matter, and the power that a field on a mesh has."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.simulate.cosmology.background import Cosmology
from jaxsym.simulate.cosmology.mesh import top_hat, wave_sizes

_TEMPERATURE = 2.7255  # of the microwave background, K
_LOG_K = np.linspace(np.log(1e-4), np.log(50.0), 2048)  # where sigma8 is integrated


@implicit_broadcasting()
def transfer(cosmology: Cosmology, k: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    """Transfer function without wiggles (Eisenstein & Hu 1998, astro-ph/9709112, 26 and 28 to 31).

    Args:
      cosmology: what there is.
      k: wave numbers in h/Mpc, positive.

    >>> round(float(transfer(Cosmology(), 1e-5)), 3)
    1.0
    """
    k = jnp.asarray(k)
    matter = cosmology.omega_m * cosmology.h**2
    baryons = cosmology.omega_b * cosmology.h**2
    share = cosmology.omega_b / cosmology.omega_m
    horizon = 44.5 * jnp.log(9.83 / matter) / jnp.sqrt(1 + 10 * baryons**0.75)
    alpha = 1 - 0.328 * jnp.log(431 * matter) * share + 0.38 * jnp.log(22.3 * matter) * share**2
    small = 1 / (1 + (0.43 * k * cosmology.h * horizon) ** 4)
    shape = cosmology.omega_m * cosmology.h * (alpha + (1 - alpha) * small)
    q = k * (_TEMPERATURE / 2.7) ** 2 / shape
    log = jnp.log(2 * jnp.e + 1.8 * q)
    return log / (log + (14.2 + 731 / (1 + 62.5 * q)) * q**2)


@implicit_broadcasting()
def linear_power(cosmology: Cosmology, k: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
    """Power spectrum of the linear density today in (Mpc/h)**3, as strong as ``sigma8`` says.

    Args:
      cosmology: what there is.
      k: wave numbers in h/Mpc, positive.

    >>> bool(linear_power(Cosmology(), 0.02) > linear_power(Cosmology(), 0.2))
    True
    """
    k = jnp.asarray(k)
    grid = jnp.asarray(np.exp(_LOG_K))
    variance = jnp.trapezoid(
        grid**3 * _shape(cosmology, grid) * top_hat(8.0 * grid) ** 2 / (2 * jnp.pi**2),
        jnp.asarray(_LOG_K),
    )
    return jnp.asarray(cosmology.sigma8) ** 2 / variance * _shape(cosmology, k)


def _shape(cosmology: Cosmology, k: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return k**cosmology.spectral_index * transfer(cosmology, k) ** 2


def measured_power(
    density: Float[ArrayLike, "M M M"], box: float, bins: int = 16
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Mean wave number in h/Mpc and mean power in (Mpc/h)**3 in shells of equal width.

    Args:
      density: overdensity on a mesh.
      box: side in Mpc/h.
      bins: shells up to the mesh's Nyquist wave number; empty ones give NaN.
    Raises:
      ValueError: no bins.

    >>> x = jnp.arange(8) / 8
    >>> wave = jnp.broadcast_to(jnp.cos(2 * jnp.pi * x), (8, 8, 8))
    >>> k, power = measured_power(wave, 2.0, bins=4)
    >>> [round(float(p), 4) for p in power]
    [0.6667, 0.0, 0.0, 0.0]
    """
    require(bins >= 1, f"bins is {bins}; expected at least 1")
    density = np.asarray(density)
    mesh = len(density)
    modes = np.fft.rfftn(density)
    size = wave_sizes(mesh, box)
    twice = np.full(modes.shape, 2.0)  # modes whose mirror image the transform leaves out
    twice[..., 0] = 1.0
    if mesh % 2 == 0:
        twice[..., -1] = 1.0
    edges = np.linspace(0, np.pi * mesh / box * (1 + 1e-6), bins + 1)
    shell = np.digitize(size.ravel(), edges) - 1
    inside = (shell < bins) & (size.ravel() > 0)
    sums = [
        np.bincount(shell[inside], (twice.ravel() * what.ravel())[inside], bins)
        for what in (np.ones(modes.shape), size, np.abs(modes) ** 2 * box**3 / mesh**6)
    ]
    with np.errstate(invalid="ignore"):
        return sums[1] / sums[0], sums[2] / sums[0]
