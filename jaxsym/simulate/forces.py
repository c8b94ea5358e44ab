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
from jaxsym.terms import KINDS, Kind


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
        self._charge = charge
        self._terms = [
            (KINDS[term.name], _bind(term.coefficient, parameters)) for term in law.terms
        ]

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
        if self._terms:
            force += self._sum_of_terms(position, velocity)
        return force * self._inverse_mass[:, None]

    def velocity(self, position: Float[Array, "N D *batch"]) -> Float[Array, "N D *batch"]:
        """What the terms of a law of first order add up to."""
        return self._sum_of_terms(position, jnp.zeros_like(position))

    def _sum_of_terms(self, position: Array, velocity: Array) -> Array:
        """Terms of other kinds than potentials, on either body of a pair by itself."""
        total = jnp.zeros_like(position)
        d, dv = self._differences(position), self._differences(velocity)
        (m_1, m_2), (q_1, q_2) = self._both_ends(self._mass), self._both_ends(self._charge)
        r = _norm(d)
        for kind, coefficient in self._terms:
            if not kind.between:
                size = coefficient(self._mass, self._charge)
                total += size[:, None] * _turning(kind, position, velocity)
                continue
            arm = _turning(kind, d, dv)  # the other end's is the opposite
            on_first = coefficient(r, m_1, m_2, q_1, q_2)[:, None] * arm
            on_second = -coefficient(r, m_2, m_1, q_2, q_1)[:, None] * arm
            total += self._gather(on_first, on_second)
        return total

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
        if self._terms:
            apart = self._differences(self.acceleration(position, velocity))
            pull = jnp.maximum(pull, _norm(apart))
        shortest = jnp.min(nearest / jnp.sqrt(speed2 + 32 * nearest * pull), axis=0)
        if self._friction is not None:
            shortest = jnp.minimum(shortest, jnp.min(self._mass / (self._friction + tiny), axis=0))
        if self._terms:
            shortest = jnp.minimum(shortest, self._time_of_own_terms())
        if self._own_energy is None:
            return shortest
        force = partial(_force, self._own_energy)
        for x in (position, position + horizon * velocity):
            _, rate = jax.jvp(force, (x,), (velocity,))
            frequency2 = 32 * _norm(rate) / (self._mass * _norm(velocity) + tiny)
            shortest = jnp.minimum(shortest, 1 / jnp.sqrt(jnp.max(frequency2, axis=0) + tiny))
        return shortest

    def _time_of_own_terms(self) -> Array:
        """In which drag, a field or a trap changes a body's motion, as a pendulum's radian."""
        shortest = jnp.inf
        for kind, coefficient in self._terms:
            if not kind.between:
                rate = jnp.abs(coefficient(self._mass, self._charge)) * self._inverse_mass
                rate = rate if kind.powers[1] else jnp.sqrt(rate)
                shortest = jnp.minimum(shortest, 1 / (jnp.max(rate, axis=0) + 1e-30))
        return jnp.asarray(shortest)

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
        return self._gather(pairs, -pairs)

    def _gather(self, on_first: Array, on_second: Array) -> Array:
        """Adds what each pair does to its first and to its second body."""
        ends = np.cumsum([self._bodies - k for k in self._offsets])
        rest = [(0, 0)] * (on_first.ndim - 1)
        total = jnp.zeros((self._bodies, *on_first.shape[1:]), on_first.dtype)
        parts = (jnp.split(forces, ends[:-1]) for forces in (on_first, on_second))
        for k, first, second in zip(self._offsets, *parts, strict=True):
            total += jnp.pad(first, [(0, k), *rest]) + jnp.pad(second, [(k, 0), *rest])
        return total


def _norm(vectors: Array) -> Array:
    """Lengths of ``[N, D, *batch]`` vectors."""
    return jnp.sqrt(jnp.sum(vectors * vectors, axis=1))


def _turning(kind: Kind, first: Array, second: Array) -> Array:
    """The vectors of a kind of term, ``[N, D, *batch]``."""
    ends = (jnp.moveaxis(vectors, 1, -1) for vectors in (first, second))
    return jnp.moveaxis(kind.vector(*ends), -1, 1)


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
