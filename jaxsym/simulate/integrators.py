"""Integrators of ``x'' = a(x, x')``: symplectic compositions, and Runge-Kutta for friction.

Every sum into position and velocity is compensated (Kahan 1965), so that float32 does not drift by
rounding: over 1000 steps of the spring law the energy stays ten times closer than without.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Acceleration = Callable[[Array, Array], Array]


class Phase(NamedTuple):
    """Position and velocity, and what rounding took from them so far."""

    position: Float[Array, "N D *batch"]
    velocity: Float[Array, "N D *batch"]
    position_error: Float[Array, "N D *batch"]
    velocity_error: Float[Array, "N D *batch"]

    @classmethod
    def at(cls, position: Array, velocity: Array) -> Phase:
        """The phase of a state that is known exactly."""
        return cls(position, velocity, jnp.zeros_like(position), jnp.zeros_like(velocity))

    def moved(self, by: Array) -> Phase:
        """With ``by`` added to the position."""
        position, error = _add(self.position, self.position_error, by)
        return self._replace(position=position, position_error=error)

    def kicked(self, by: Array) -> Phase:
        """With ``by`` added to the velocity."""
        velocity, error = _add(self.velocity, self.velocity_error, by)
        return self._replace(velocity=velocity, velocity_error=error)


class Integrator(NamedTuple):
    """One step, and how far it reaches.

    Attributes:
      step: ``(acceleration, phase, h) -> phase`` after the time h (a scalar, or one for each of the
        batch).
      reach: the longest step as a share of the shortest time scale of the motion.
      friction: whether the acceleration may depend on the velocity.
    """

    step: Callable[[Acceleration, Phase, Array | float], Phase]
    reach: float
    friction: bool = False


def _add(total: Array, error: Array, increment: Array) -> tuple[Array, Array]:
    increment = increment - error
    new = total + increment
    return new, (new - total) - increment


def _composition(
    kicks: tuple[float, ...], acceleration: Acceleration, phase: Phase, h: Array | float
) -> Phase:
    """Drift, kick, drift for each part of the step, neighboring drifts joined."""
    edges = np.array([0.0, *kicks, 0.0])
    drifts = (edges[1:] + edges[:-1]) / 2

    def part(phase: Phase, weights: Array) -> tuple[Phase, None]:
        drift, kick = weights
        phase = phase.moved(drift * h * phase.velocity)
        return phase.kicked(kick * h * acceleration(phase.position, phase.velocity)), None

    weights = jnp.asarray(np.stack([drifts[:-1], kicks], axis=1), phase.position.dtype)
    # unrolling saves a few bodies a quarter of the run, and costs many bodies minutes of compiling
    unroll = 3 if len(phase.position) <= 8 else 1
    phase, _ = jax.lax.scan(part, phase, weights, unroll=unroll)
    return phase.moved(drifts[-1].item() * h * phase.velocity)


def _runge_kutta_4(acceleration: Acceleration, phase: Phase, h: Array | float) -> Phase:
    """The classical method of order 4 (Kutta 1901)."""
    x, v = phase.position, phase.velocity
    a1 = acceleration(x, v)
    v2 = v + h / 2 * a1
    a2 = acceleration(x + h / 2 * v, v2)
    v3 = v + h / 2 * a2
    a3 = acceleration(x + h / 2 * v2, v3)
    v4 = v + h * a3
    a4 = acceleration(x + h * v3, v4)
    return phase.moved(h / 6 * (v + 2 * v2 + 2 * v3 + v4)).kicked(
        h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    )


def _symmetric(*outer: float) -> tuple[float, ...]:
    """A palindrome of parts that sum to 1."""
    return (*outer, 1 - 2 * sum(outer), *reversed(outer))


_YOSHIDA_4 = _symmetric(1 / (2 - 2 ** (1 / 3)))
_YOSHIDA_6 = _symmetric(0.78451361047755726382, 0.23557321335935813368, -1.17767998417887100695)

INTEGRATORS: dict[str, Integrator] = {
    # Verlet 1967; the compositions of it: Yoshida 1990, equation 2.11 and solution A of order 6
    "verlet": Integrator(partial(_composition, (1.0,)), reach=0.05),
    "yoshida4": Integrator(partial(_composition, _YOSHIDA_4), reach=0.3),
    "yoshida6": Integrator(partial(_composition, _YOSHIDA_6), reach=1.5),
    "rk4": Integrator(_runge_kutta_4, reach=0.2, friction=True),
}

# Substeps are powers of 4 up to 4**4 = 256. A block of the root of that number makes the fewest
# tests of what is asked for, and the fewest states that reverse mode keeps.
_LEVELS, _BLOCK = 4, 16


def advance(
    integrator: Integrator,
    acceleration: Acceleration,
    phase: Phase,
    dt: float,
    substeps: int,
) -> Phase:
    """Advances by dt in equal substeps."""
    return jax.lax.fori_loop(
        0, substeps, lambda _, p: integrator.step(acceleration, p, dt / substeps), phase
    )


def first_order_advance(
    velocity: Callable[[Array], Array], position: Array, dt: float, substeps: int
) -> Array:
    """Advances ``x' = v(x)`` by dt in equal substeps of the classical method of order 4.

    >>> round(float(first_order_advance(lambda x: -x, jnp.ones(()), 1.0, 16)), 5)
    0.36788
    """
    h = dt / substeps

    def step(_: int, x: Array) -> Array:
        k1 = velocity(x)
        k2 = velocity(x + h / 2 * k1)
        k3 = velocity(x + h / 2 * k2)
        k4 = velocity(x + h * k3)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return jax.lax.fori_loop(0, substeps, step, position)


def advance_adaptively(
    integrator: Integrator,
    acceleration: Acceleration,
    phase: Phase,
    dt: float,
    shortest_time: Float[Array, "*batch"],
) -> Phase:
    """Advances by dt in as many substeps as each member of the batch needs.

    The loop runs as often as the neediest member asks; the others wait with steps of length zero,
    so that no member's result depends on its neighbors. Substeps are blocks of blocks, all of fixed
    length, of which those that nobody asks for are left out: the step is compiled once, and the
    result can be differentiated forward and in reverse.
    """
    needed = dt / (integrator.reach * shortest_time)
    # comparisons, not a logarithm: they take infinity and NaN as the highest level
    level = sum(jnp.where(needed <= 4**k, 0, 1) for k in range(_LEVELS))
    count = 4**level
    h = dt / count.astype(needed.dtype)
    most = jnp.max(count)

    def substep(phase: Phase, i: Array) -> Phase:
        return integrator.step(acceleration, phase, jnp.where(i < count, h, 0.0))

    @jax.checkpoint
    def block(phase: Phase, first: Array) -> Phase:
        return _those_below(most, substep, phase, first + jnp.arange(_BLOCK))

    return _those_below(most, block, phase, jnp.arange(0, 4**_LEVELS, _BLOCK))


def _those_below(
    most: Array, step: Callable[[Phase, Array], Phase], phase: Phase, index: Array
) -> Phase:
    """The steps whose index is less than ``most``, one after the other."""

    def perhaps(phase: Phase, i: Array) -> tuple[Phase, None]:
        return jax.lax.cond(i < most, step, lambda phase, _: phase, phase, i), None

    return jax.lax.scan(perhaps, phase, index)[0]
