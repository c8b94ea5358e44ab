"""Forces, energies and time scales of a law, with the batch on the last axis.

XLA vectorizes the innermost axis on CPU, and N and D are small: so positions are ``[N, D, *batch]``
here and scalars of a body ``[N, *batch]``. Pairs come ordered by how far apart their two indices
are, which makes every gather and scatter a contiguous slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym.simulate.laws import Law, keyword_parameters


class Forces:
    """A law for given bodies: what is fixed during a motion is worked out once.

    Args:
      law: how the bodies move one another.
      parameters: the law's parameters by name.
      mass: of each body, ``[N, *batch]``.
      charge: of each body, ``[N, *batch]``.
    """

    def __init__(self, law: Law, parameters: Mapping[str, Any], mass: Array, charge: Array):
        self._inverse_mass = 1 / mass
        self._mass = mass
        self._bodies = len(mass)
        self._offsets = range(1, 2 if law.chain else self._bodies)
        self._pair = _bind(law.pair, parameters)
        self._pair_scalars = (*self._both_ends(mass), *self._both_ends(charge))
        self._inverse_reduced_mass = sum(self._both_ends(self._inverse_mass))
        self._own_energy: Callable[[Array], Array] | None = None
        self._friction: Array | None = None
        weights = np.ones(len(mass)) if law.own_weights is None else law.own_weights(len(mass))
        if law.external is not None:
            external = _bind(law.external, parameters)
            self._own_energy = _weighted_potential(external, weights, mass, charge)
        if law.drag is not None:
            self._friction = _like(weights, mass) * _bind(law.drag, parameters)(mass, charge)

    def acceleration(
        self, position: Float[Array, "N D *batch"], velocity: Float[Array, "N D *batch"]
    ) -> Float[Array, "N D *batch"]:
        """The force of the others, of outside and of drag, over the mass."""
        d = self._differences(position)
        r = _norm(d)
        force = self._collect((self._slope(r) / r)[:, None] * d)
        if self._own_energy is not None:
            force += _force(self._own_energy, position)
        if self._friction is not None:
            force -= self._friction[:, None] * velocity
        return force * self._inverse_mass[:, None]

    def energy(
        self, position: Float[Array, "N D *batch"], velocity: Float[Array, "N D *batch"]
    ) -> Float[Array, "*batch"]:
        """Kinetic plus potential energy."""
        r = _norm(self._differences(position))
        total = jnp.sum(self._pair(r, *self._pair_scalars), axis=0)
        total += 0.5 * jnp.sum(self._mass[:, None] * velocity**2, axis=(0, 1))
        if self._own_energy is not None:
            total += jnp.sum(self._own_energy(position), axis=0)
        return total

    def shortest_time(
        self,
        position: Float[Array, "N D *batch"],
        velocity: Float[Array, "N D *batch"],
        horizon: float,
    ) -> Float[Array, "*batch"]:
        """The shortest time in which a force changes, over the system.

        For a pair, the time to cross its distance at its speed or at four times the speed of
        falling through it: a crossing faster than that is nearly straight, and needs fewer steps.
        The distance is the least that straight lines reach within ``horizon``, so that an encounter
        between two kept states is seen before it happens. For outside forces, now and where
        a straight line leads, a sixth of the time scale of a spring whose force changes as fast.
        For drag, the time in which it stops a body.
        """
        d, v = self._differences(position), self._differences(velocity)
        tiny = jnp.finfo(position.dtype).tiny
        speed2 = jnp.sum(v * v, axis=1) + tiny
        when = jnp.clip(-jnp.sum(d * v, axis=1) / speed2, 0.0, horizon)
        nearest = _norm(d + when[:, None] * v)
        pull = jnp.abs(self._slope(nearest)) * self._inverse_reduced_mass
        shortest = jnp.min(nearest / jnp.sqrt(speed2 + 32 * nearest * pull), axis=0)
        if self._friction is not None:
            shortest = jnp.minimum(shortest, jnp.min(self._mass / (self._friction + tiny), axis=0))
        if self._own_energy is None:
            return shortest
        force = partial(_force, self._own_energy)
        for x in (position, position + horizon * velocity):
            _, rate = jax.jvp(force, (x,), (velocity,))
            frequency2 = 32 * _norm(rate) / (self._mass * _norm(velocity) + tiny)
            shortest = jnp.minimum(shortest, 1 / jnp.sqrt(jnp.max(frequency2, axis=0) + tiny))
        return shortest

    def _slope(self, r: Array) -> Array:
        """``dU/dr`` of every pair."""
        return jax.grad(lambda distance: jnp.sum(self._pair(distance, *self._pair_scalars)))(r)

    def _differences(self, values: Array) -> Array:
        """``values[j] - values[i]`` for every pair, i < j."""
        return jnp.concatenate([values[k:] - values[:-k] for k in self._offsets])

    def _both_ends(self, values: Array) -> tuple[Array, Array]:
        """``values[i]`` and ``values[j]`` for every pair, i < j."""
        return (
            jnp.concatenate([values[:-k] for k in self._offsets]),
            jnp.concatenate([values[k:] for k in self._offsets]),
        )

    def _collect(self, pairs: Array) -> Array:
        """Adds what each pair gives its first body, and takes it from its second."""
        ends = np.cumsum([self._bodies - k for k in self._offsets])
        rest = [(0, 0)] * (pairs.ndim - 1)
        total = jnp.zeros((self._bodies, *pairs.shape[1:]), pairs.dtype)
        for k, part in zip(self._offsets, jnp.split(pairs, ends[:-1]), strict=True):
            total += jnp.pad(part, [(0, k), *rest]) - jnp.pad(part, [(k, 0), *rest])
        return total


def _norm(vectors: Array) -> Array:
    """Lengths of ``[N, D, *batch]`` vectors."""
    return jnp.sqrt(jnp.sum(vectors * vectors, axis=1))


def _force(energy: Callable[[Array], Array], position: Array) -> Array:
    return -jax.grad(lambda x: jnp.sum(energy(x)))(position)


def _bind(function: Callable, parameters: Mapping[str, Any]) -> Callable:
    """``function`` with those of the parameters that it takes."""
    own = {name: parameters[name] for name in keyword_parameters(function)}
    return lambda *arguments: function(*arguments, **own)


def _like(weights: np.ndarray, mass: Array) -> Array:
    return jnp.asarray(weights, mass.dtype).reshape(len(weights), *[1] * (mass.ndim - 1))


def _weighted_potential(
    external: Callable, weights: np.ndarray, mass: Array, charge: Array
) -> Callable[[Array], Array]:
    """``position [N, D, *batch] -> [M, *batch]`` for the M bodies that the potential acts on.

    It may be infinite where the others go (inside the string's ball), and 0 * inf is no number.
    """
    some = np.flatnonzero(weights)
    scale = _like(weights[some], mass)
    return lambda x: scale * external(jnp.moveaxis(x[some], 1, 0), mass[some], charge[some])
