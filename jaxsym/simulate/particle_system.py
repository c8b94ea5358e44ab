"""`particles`: bodies that follow a law, simulated in parallel and differentiable throughout."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._check import require, unknown_name
from jaxsym._programs import bounded_jit
from jaxsym._settings import implicit_broadcasting
from jaxsym.simulate.forces import Forces
from jaxsym.simulate.integrators import (
    INTEGRATORS,
    Phase,
    advance,
    advance_adaptively,
    first_order_advance,
)
from jaxsym.simulate.interactions import LAWS
from jaxsym.simulate.laws import Law, State, Truth
from jaxsym.trajectories import Trajectories

# How many trajectories are advanced together. On CPU two vector registers' worth keep everything in
# cache, and few neighbors wait for the one in a close encounter; accelerators want width.
_CHUNK = {"cpu": 32}
_WIDE_CHUNK = 4096
_FIRST_ORDER_SUBSTEPS = 16  # of motion whose velocities are given by where bodies are


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ParticleSystem:
    """N bodies in D dimensions that follow a law. Made by `particles`.

    A pytree whose leaves are the law's parameters: they may be traced, so gradients and `jax.vmap`
    reach them through every method.

    Attributes:
      parameters: the law's parameters by name.
      law: how the bodies move one another.
      bodies: N.
      dims: D.
    """

    parameters: dict[str, Any]
    law: Law = dataclasses.field(metadata={"static": True})
    bodies: int = dataclasses.field(metadata={"static": True})
    dims: int = dataclasses.field(metadata={"static": True})

    @implicit_broadcasting()
    def acceleration(
        self,
        position: Float[Array, "*batch N D"],
        velocity: Float[Array, "*batch N D"],
        mass: Float[Array, "*batch N"],
        charge: Float[Array, "*batch N"],
    ) -> Float[Array, "*batch N D"]:
        """The law's force by automatic differentiation, over the mass.

        Where terms add up to velocities, these are functions of the positions, and so is this.

        >>> pair = particles("spring", bodies=2, dims=2, softening=0.0)
        >>> x = jnp.array([[0.0, 0.0], [3.0, 0.0]])
        >>> pair.acceleration(x, 0 * x, jnp.array([1.0, 2.0]), jnp.zeros(2)).tolist()
        [[4.0, 0.0], [-2.0, 0.0]]
        """
        x, v, m, q = _batch_last(position, velocity, mass, charge)
        forces = Forces(self.law, self.parameters, m, q)
        if self.law.order == 1:
            _, change = jax.jvp(forces.velocity, (x,), (forces.velocity(x),))
            return jnp.moveaxis(change, (0, 1), (-2, -1))
        return jnp.moveaxis(forces.acceleration(x, v), (0, 1), (-2, -1))

    @implicit_broadcasting()
    def energy(
        self,
        position: Float[Array, "*batch N D"],
        velocity: Float[Array, "*batch N D"],
        mass: Float[Array, "*batch N"],
        charge: Float[Array, "*batch N"],
    ) -> Float[Array, "*batch"]:
        """Kinetic plus potential energy; a constant of the motion where ``law.conservative``.

        >>> pair = particles("spring", bodies=2, dims=2, softening=0.0)
        >>> x = jnp.array([[0.0, 0.0], [3.0, 0.0]])
        >>> float(pair.energy(x, 0 * x, jnp.ones(2), jnp.zeros(2)))
        4.0
        """
        x, v, m, q = _batch_last(position, velocity, mass, charge)
        return Forces(self.law, self.parameters, m, q).energy(x, v)

    @implicit_broadcasting()
    def initial(self, key: jax.Array, trajectories: int) -> State:
        """Draws where ``trajectories`` systems start, as the law says.

        Raises:
          ValueError: ``trajectories`` is not positive.
        """
        require(trajectories >= 1, f"trajectories is {trajectories}; expected at least 1")
        return _initial(self.law, key, trajectories, self.bodies, self.dims)

    @implicit_broadcasting()
    def simulate(
        self,
        key: jax.Array,
        *,
        trajectories: int,
        steps: int,
        dt: float | None = None,
        substeps: int | None = None,
        integrator: str | None = None,
    ) -> Trajectories:
        """Random initial states and their motion: `initial`, then `rollout`.

        Args:
          key: draws the initial states.
          trajectories: R.
          steps: T, the number of states that are kept, the initial one included.
          dt, substeps, integrator: as in `rollout`.

        >>> data = particles("r2", bodies=3, dims=2).simulate(jax.random.key(0), trajectories=5,
        ...                                                   steps=10)
        >>> data.position.shape, data.mass.shape, round(float(data.time[1]), 6)
        ((5, 10, 3, 2), (5, 3), 0.001)
        """
        return self.rollout(
            self.initial(key, trajectories),
            steps=steps,
            dt=dt,
            substeps=substeps,
            integrator=integrator,
        )

    @implicit_broadcasting()
    def rollout(
        self,
        state: State,
        *,
        steps: int,
        dt: float | None = None,
        substeps: int | None = None,
        integrator: str | None = None,
    ) -> Trajectories:
        """The motion from given initial states, differentiable in them and in the parameters.

        Memory is that of the result and of one chunk of trajectories. Accelerations are the law's
        at the kept states, no finite differences.

        Args:
          state: positions and velocities ``[R, N, D]``, masses and charges ``[R, N]``.
          steps: T, the number of states that are kept, the initial one included.
          dt: time between them; the law's own by default.
          substeps: steps of the integrator within dt. By default each trajectory gets what its
            nearest encounter in that time needs, up to 256.
          integrator: a name in `INTEGRATORS`; by default "yoshida6", or "rk4" where forces depend
            on velocities. Motion of first order always goes by "rk4", in 16 substeps by default.

        Raises:
          ValueError: a shape, number or name that does not fit, or a motion that is not finite.
        """
        dt = self.law.dt if dt is None else dt
        if integrator is None:
            integrator = "rk4" if self.law.moves_by_speed else "yoshida6"
        self._check_rollout(state, steps, dt, substeps, integrator)
        result = _rollout(
            self,
            state,
            steps=steps,
            dt=float(dt),
            substeps=substeps,
            integrator=integrator,
            chunk=_CHUNK.get(jax.default_backend(), _WIDE_CHUNK),
        )
        _check_finite(self.law, result)
        return result

    @property
    def truth(self) -> Truth | None:
        """The law's forces as text, with the parameters' values in it; None where unknown.

        >>> particles("spring", bodies=2, dims=2, stiffness=3.0).truth.radial
        '2*3*(r + 0.01 - 1)/r'
        """
        if self.law.truth is None:
            return None
        values = {name: f"{float(value):.12g}" for name, value in self.parameters.items()}
        radial, own, further = self.law.truth
        own = own and tuple(text.format(**values) for text in own)
        return Truth(
            radial.format(**values),
            own,
            tuple((name, text.format(**values)) for name, text in further),
        )

    def _check_rollout(
        self, state: State, steps: int, dt: float, substeps: int | None, integrator: str
    ) -> None:
        require(steps >= 1, f"steps is {steps}; expected at least 1")
        require(
            math.isfinite(dt) and dt > 0, f"dt is {dt}; expected a positive time between states"
        )
        require(substeps is None or substeps >= 1, f"substeps is {substeps}; expected at least 1")
        if integrator not in INTEGRATORS:
            raise unknown_name("integrator", integrator, INTEGRATORS)
        require(
            not self.law.moves_by_speed or INTEGRATORS[integrator].friction,
            f"integrator is '{integrator}', which is for forces without velocity, but the law "
            f"'{self.law.name}' has {'drag' if self.law.drag else 'terms with it'}; expected 'rk4'",
        )
        runs = len(state.position)
        vector, scalar = (runs, self.bodies, self.dims), (runs, self.bodies)
        for name, expected in zip(State._fields, (vector, vector, scalar, scalar), strict=True):
            got = jnp.shape(getattr(state, name))
            require(got == expected, f"state.{name} has shape {got}; expected {expected}")


def particles(
    law: str | Law | Callable[..., jax.Array],
    *,
    bodies: int = 4,
    dims: int = 2,
    **parameters: Any,
) -> ParticleSystem:
    """Bodies that follow a law.

    Args:
      law: a name in `LAWS`, a `Law`, or a pair potential
        ``U(r, mass_i, mass_j, charge_i, charge_j, *, parameters)``, elementwise in `jax.numpy`.
      bodies: N, at least 2.
      dims: D, 2 or 3.
      **parameters: values for the law's parameters (its keyword-only arguments), numbers or traced
        scalars.

    Raises:
      ValueError: an unknown law or parameter (with the nearest known one), a parameter without
        a value, too few bodies or a wrong number of dimensions.
      TypeError: ``law`` is neither a name, a `Law` nor a function.

    >>> def quartic(r, mass_i, mass_j, charge_i, charge_j, *, strength):
    ...     return strength * r**4
    >>> system = particles(quartic, bodies=3, dims=3, strength=0.1)
    >>> system.simulate(jax.random.key(0), trajectories=2, steps=5).acceleration.shape
    (2, 5, 3, 3)
    """
    known = _law(law)
    require(bodies >= 2, f"bodies is {bodies}; expected at least two, which can interact")
    require(dims in (2, 3), f"dims is {dims}; expected 2 or 3")
    defaults = known.parameters
    for name in parameters:
        if name not in defaults:
            raise unknown_name(f"parameter of law {known.name}", name, defaults)
    values = defaults | parameters
    missing = [name for name, value in values.items() if value is None]
    require(not missing, f"law {known.name} needs a value for {', '.join(missing)}")
    return ParticleSystem(values, known, bodies, dims)


def _law(law: str | Law | Callable[..., jax.Array]) -> Law:
    if isinstance(law, Law):
        return law
    if isinstance(law, str):
        if law not in LAWS:
            raise unknown_name("law", law, LAWS)
        return LAWS[law]
    if not callable(law):
        raise TypeError(
            f"law is a {type(law).__name__}; expected a name, a Law or a pair potential "
            "U(r, mass_i, mass_j, charge_i, charge_j)"
        )
    kinds = [p.kind for p in inspect.signature(law).parameters.values()]
    positional = [k for k in kinds if k in (k.POSITIONAL_ONLY, k.POSITIONAL_OR_KEYWORD)]
    require(
        len(positional) == 5 or inspect.Parameter.VAR_POSITIONAL in kinds,
        f"law takes {len(positional)} positional arguments; expected five, "
        "U(r, mass_i, mass_j, charge_i, charge_j), and parameters after a *",
    )
    return Law(getattr(law, "__name__", "custom"), law)


def _batch_last(*values: Array) -> list[Array]:
    """Positions and velocities ``[N, D, *batch]``, masses and charges ``[N, *batch]``."""
    position, velocity, mass, charge = (jnp.asarray(value) for value in values)
    return [
        jnp.moveaxis(position, (-2, -1), (0, 1)),
        jnp.moveaxis(velocity, (-2, -1), (0, 1)),
        jnp.moveaxis(mass, -1, 0),
        jnp.moveaxis(charge, -1, 0),
    ]


@bounded_jit(static_argnums=(0, 2, 3, 4))
def _initial(law: Law, key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    return law.initial(key, trajectories, bodies, dims)


@bounded_jit(static_argnames=("steps", "dt", "substeps", "integrator", "chunk"))
def _rollout(
    system: ParticleSystem,
    state: State,
    *,
    steps: int,
    dt: float,
    substeps: int | None,
    integrator: str,
    chunk: int,
) -> Trajectories:
    runs = len(state.position)
    chunks = -(-runs // chunk)
    width = -(-runs // chunks)
    pick = np.minimum(np.arange(chunks * width), runs - 1).reshape(chunks, width)
    one = partial(_rollout_chunk, system, steps=steps, dt=dt, substeps=substeps, name=integrator)
    kept = jax.lax.map(one, State(*(jnp.asarray(values)[pick] for values in state)))
    x, v, a = (values.reshape(-1, *values.shape[2:])[:runs] for values in kept)
    pairs = _pairs(system.law, system.bodies)
    origin = f"simulated: law {system.law.name}, integrator {integrator}"
    time = jnp.arange(steps, dtype=x.dtype) * dt
    return Trajectories(
        x, v, a, time, mass=state.mass, charge=state.charge, pairs=pairs, origin=origin
    )


def _rollout_chunk(
    system: ParticleSystem, state: State, *, steps: int, dt: float, substeps: int | None, name: str
) -> tuple[Array, Array, Array]:
    """Position, velocity and acceleration ``[R, T, N, D]``."""
    x, v, mass, charge = _batch_last(*state)
    integrator = INTEGRATORS[name]
    forces = Forces(system.law, system.parameters, mass, charge)
    if system.law.order == 1:
        return _first_order_motion(forces, x, steps=steps, dt=dt, substeps=substeps)

    # reverse mode keeps one state for each step, and makes the substeps anew
    @jax.checkpoint
    def step(phase: Phase, _: None) -> tuple[Phase, tuple[Array, Array, Array]]:
        x, v = phase.position, phase.velocity
        a = forces.acceleration(x, v)
        if substeps is not None:
            return advance(integrator, forces.acceleration, phase, dt, substeps), (x, v, a)
        shortest = forces.shortest_time(*jax.lax.stop_gradient((x, v)), dt)
        return advance_adaptively(integrator, forces.acceleration, phase, dt, shortest), (x, v, a)

    _, kept = jax.lax.scan(step, Phase.at(x, v), length=steps)
    x, v, a = (jnp.moveaxis(values, -1, 0) for values in kept)
    return x, v, a


def _first_order_motion(
    forces: Forces, x: Array, *, steps: int, dt: float, substeps: int | None
) -> tuple[Array, Array, Array]:
    """Position, velocity and acceleration ``[R, T, N, D]`` where terms add up to velocities."""
    count = _FIRST_ORDER_SUBSTEPS if substeps is None else substeps

    @jax.checkpoint
    def step(x: Array, _: None) -> tuple[Array, tuple[Array, Array, Array]]:
        v = forces.velocity(x)
        _, a = jax.jvp(forces.velocity, (x,), (v,))
        return first_order_advance(forces.velocity, x, dt, count), (x, v, a)

    _, kept = jax.lax.scan(step, x, length=steps)
    x, v, a = (jnp.moveaxis(values, -1, 0) for values in kept)
    return x, v, a


def _pairs(law: Law, bodies: int) -> tuple[tuple[int, int], ...] | None:
    return tuple((i, i + 1) for i in range(bodies - 1)) if law.chain else None


def _check_finite(law: Law, result: Trajectories) -> None:
    """A motion that has left the finite numbers does not come back: its end tells."""
    if isinstance(result.position, jax.core.Tracer):
        return
    end = np.asarray(result.position[:, -1] + result.acceleration[:, -1])
    lost = np.flatnonzero(~np.isfinite(end).all(axis=(1, 2)))
    require(
        not len(lost),
        f"{len(lost)} of {len(end)} trajectories of law {law.name} left the finite numbers, "
        f"the first is number {lost[0] if len(lost) else ''}; expected a potential that is finite "
        "and smooth where the bodies go, or more substeps",
    )
