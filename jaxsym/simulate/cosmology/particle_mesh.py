"""Gravity on a mesh and the motion under it."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.simulate.cosmology.background import Cosmology, growth, growth_momentum
from jaxsym.simulate.cosmology.mesh import cic_paint, cic_read, inverse_divergence


@implicit_broadcasting()
def pull(position: Float[Array, "n 3"], mesh: int, box: float) -> Float[Array, "n 3"]:
    """Peculiar gravity in units of ``3/2 omega_m H0**2``: the field with ``div g = -delta``.

    Painting and reading have the same weights, so the forces of the particles on one another sum
    to zero.

    >>> at = jnp.array([[1.0, 2.0, 2.0], [3.5, 2.0, 2.0]])
    >>> g = pull(at, 8, 8.0)
    >>> bool(g[0, 0] > 0 > g[1, 0]), bool(jnp.abs(g.sum()) < 1e-5)
    (True, True)
    """
    density = cic_paint(position, mesh, box) * (mesh**3 / len(position))
    return cic_read(inverse_divergence(jnp.fft.rfftn(density), mesh, box), position, box)


@partial(jax.jit, static_argnames=("mesh", "box", "steps"))
@implicit_broadcasting()
def evolve(
    position: Float[Array, "n 3"],
    momentum: Float[Array, "n 3"],
    *,
    mesh: int,
    box: float,
    cosmology: Cosmology,
    start: float,
    end: float,
    steps: int,
) -> tuple[Float[Array, "n 3"], Float[Array, "n 3"]]:
    """Kick, drift, kick, in equal steps of the scale factor.

    The weights of kicks and drifts are those with which growing modes of linear theory are exact
    at any number of steps (Feng, Chu, Seljak & McDonald 2016, arXiv 1603.00476, section 2). A step
    is computed again in the reverse pass of a gradient, which needs the memory of one step and of
    the positions and momenta at all.

    Args:
      position: comoving, in Mpc/h.
      momentum: ``a**2 dx/dt / H0``, in Mpc/h.
      mesh: cells along a side.
      box: side in Mpc/h.
      cosmology: how the universe expands.
      start: scale factor of the given state.
      end: scale factor of the result.
      steps: how many.
    Returns:
      position (not wrapped into the box) and momentum at the end.

    >>> grid = jnp.stack(jnp.meshgrid(*3 * [jnp.arange(4.0)], indexing="ij"), -1).reshape(-1, 3)
    >>> x, p = evolve(grid, 0 * grid, mesh=4, box=4.0, cosmology=Cosmology(), start=0.1, end=1.0,
    ...               steps=2)
    >>> bool(jnp.allclose(x, grid, atol=1e-5))
    True
    """
    dtype = position.dtype
    edges = jnp.linspace(start, end, steps + 1, dtype=dtype)
    middles = (edges[1:] + edges[:-1]) / 2
    size, at_edge, at_middle = (
        growth(cosmology, edges).astype(dtype),
        growth_momentum(cosmology, edges).astype(dtype),
        growth_momentum(cosmology, middles).astype(dtype),
    )
    weights = (
        (at_middle - at_edge[:-1]) / size[:-1],
        (size[1:] - size[:-1]) / at_middle,
        (at_edge[1:] - at_middle) / size[1:],
    )

    @jax.checkpoint
    def step(state, weights):
        position, momentum, force = state
        first, drift, second = weights
        momentum = momentum + first * force
        position = position + drift * momentum
        force = pull(position, mesh, box)
        return (position, momentum + second * force, force), None

    (position, momentum, _), _ = jax.lax.scan(
        step, (position, momentum, pull(position, mesh, box)), weights
    )
    return position, momentum
