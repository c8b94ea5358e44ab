"""Motion of mechanical systems in time, by the classical Runge-Kutta method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import finite, require
from jaxsym.mechanics import accelerations
from jaxsym.simulate.mechanical_systems import MechanicalSystem

Control = Callable[[Array, Array, Array], Array]


class MechanicalMotion(NamedTuple):
    """What a system did.

    Attributes:
      time: from zero.
      q, qd, qdd: coordinates, velocities, accelerations.
      tau: the commands.
    """

    time: Float[np.ndarray, " T"]
    q: Float[np.ndarray, "T D"]
    qd: Float[np.ndarray, "T D"]
    qdd: Float[np.ndarray, "T D"]
    tau: Float[np.ndarray, "T D"]


def simulate_mechanical(
    system: MechanicalSystem,
    q: Float[ArrayLike, " D"],
    qd: Float[ArrayLike, " D"],
    *,
    steps: int,
    dt: float,
    control: Control | None = None,
    substeps: int = 4,
) -> MechanicalMotion:
    """Follow a system from a state, in float64 (Kutta 1901, order 4).

    Args:
      system: what moves.
      q, qd: where it starts.
      steps: T, times to keep, the start included.
      dt: between two of them.
      control: ``control(time, q, qd) -> commands [D]``, for JAX; none by default.
      substeps: of the integrator between two kept times.

    Raises:
      ValueError: a start that is not D finite numbers, numbers out of range, a mass matrix that is
        singular there, or a motion that leaves the finite numbers.

    >>> from jaxsym.simulate import mechanical
    >>> chain = mechanical("chain", links=1)
    >>> motion = simulate_mechanical(chain, [0.3], [0.0], steps=101, dt=0.01)
    >>> energy = chain.energy(motion.q, motion.qd)
    >>> bool(abs(energy - energy[0]).max() < 1e-9)
    True
    """
    start = [np.asarray(values, np.float64) for values in (q, qd)]
    for name, values in zip(("q", "qd"), start, strict=True):
        require(
            values.shape == (system.coordinates,),
            f"{name} has shape {values.shape}; expected ({system.coordinates},)",
        )
        finite(name, values)
    require(
        steps >= 1 and substeps >= 1 and dt > 0,
        f"steps is {steps}, substeps {substeps}, dt {dt}; expected positive numbers",
    )
    # a singular start is told plainly
    system.accelerations(start[0], start[1], np.zeros(system.coordinates))
    with jax.enable_x64(True):
        run = jax.jit(partial(_rollout, system, control, steps, substeps))
        motion = MechanicalMotion(*(np.asarray(values) for values in run(*start, dt)))
    lost = np.flatnonzero(~np.isfinite(motion.qdd).all(axis=1))
    if len(lost):
        raise ValueError(
            f"the motion left the finite numbers at time {motion.time[lost[0]]:g}; expected a mass "
            "matrix with an inverse on the way, or smaller steps"
        )
    return motion


def _rollout(
    system: MechanicalSystem,
    control: Control | None,
    steps: int,
    substeps: int,
    q: Array,
    qd: Array,
    dt: Array,
) -> tuple[Array, ...]:
    solve = accelerations(system.function(), system.forces)
    gains = jnp.asarray(system.gains)

    def command(t: Array, q: Array, qd: Array) -> Array:
        return jnp.zeros_like(q) if control is None else jnp.asarray(control(t, q, qd), q.dtype)

    def rate(t: Array, state: Array) -> Array:
        q, qd = state
        return jnp.stack([qd, solve(q, qd, gains * command(t, q, qd))])

    def advance(state: Array, t: Array) -> tuple[Array, tuple[Array, ...]]:
        q, qd = state
        tau = command(t, q, qd)
        kept = (t, q, qd, solve(q, qd, gains * tau), tau)
        h = dt / substeps

        def substep(i: Array, state: Array) -> Array:
            now = t + i * h
            k1 = rate(now, state)
            k2 = rate(now + h / 2, state + h / 2 * k1)
            k3 = rate(now + h / 2, state + h / 2 * k2)
            k4 = rate(now + h, state + h * k3)
            return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

        return jax.lax.fori_loop(0, substeps, substep, state), kept

    return jax.lax.scan(advance, jnp.stack([q, qd]), jnp.arange(steps) * dt)[1]
