"""The laws that particles can follow: a pair potential, one-body terms, and the truth they imply.

Cranmer et al. 2020 (arXiv 2006.11287, appendix) define six of them; ``superposition`` and the two
strings come from the code published with that paper. All use a softened distance, the true
distance plus ``softening``. A law's parameters are the keyword-only arguments of its functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym.terms import KINDS


class State(NamedTuple):
    """Where R systems of N bodies start, and what the bodies are."""

    position: Float[jax.Array, "R N D"]
    velocity: Float[jax.Array, "R N D"]
    mass: Float[jax.Array, "R N"]
    charge: Float[jax.Array, "R N"]


class LawTerm(NamedTuple):
    """A term of a law beside its potentials and its drag.

    Attributes:
      name: of a kind in `jaxsym.terms.KINDS`, which has the vector.
      coefficient: ``c(r, mass_1, mass_2, charge_1, charge_2, *, parameters)`` of what body 2 does
        to body 1, or ``c(mass, charge, *, parameters)`` of what a body does by itself. It makes a
        force, or a velocity in laws of first order.
    """

    name: str
    coefficient: Callable[..., jax.Array]


class Truth(NamedTuple):
    """A law in words that `jaxsym.expr.parser` reads, with the parameters as ``{name}``.

    With ``d = x2 - x1`` from body 1 to body 2 and ``r = |d|``, the force on 1 by 2 is
    ``radial * d``. ``own`` is the force on body 1 that does not depend on the others, one text for
    each coordinate, in ``x1 y1 z1 vx1 vy1 vz1 m1``; None where no such function exists.
    ``further`` has names and coefficients of terms of further kinds. In laws of first order all of
    these make velocities.
    """

    radial: str
    own: tuple[str, ...] | None = ("0", "0", "0")
    further: tuple[tuple[str, str], ...] = ()


def random_state(key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    """Normal positions, velocities and charges, log-normal masses (Cranmer et al. 2020)."""
    x, v, m, q = jax.random.split(key, 4)
    shape = (trajectories, bodies)
    return State(
        jax.random.normal(x, (*shape, dims)),
        jax.random.normal(v, (*shape, dims)),
        jnp.exp(jax.random.normal(m, shape)),
        jax.random.normal(q, shape),
    )


def charged_state(key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    """As `random_state`, with charges of -1 or +1."""
    state = random_state(key, trajectories, bodies, dims)
    return state._replace(charge=jnp.sign(state.charge))


def string_state(key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    """Unit masses about a unit apart along x, at rest in x, otherwise as `random_state`."""
    state = random_state(key, trajectories, bodies, dims)
    x = jnp.arange(bodies) + 0.5 * state.position[..., 0]
    return state._replace(
        position=state.position.at[..., 0].set(x),
        velocity=state.velocity.at[..., 0].set(0.0),
        mass=jnp.ones_like(state.mass),
    )


@dataclass(frozen=True)
class Law:
    """How bodies move one another. All functions are elementwise in `jax.numpy`.

    Attributes:
      name: how it is called in tables and reports.
      pair: potential energy ``U(r, mass_i, mass_j, charge_i, charge_j, *, parameters)`` of a pair
        at distance r.
      external: potential ``V(position, mass, charge, *, parameters)`` of one body; ``position``
        has the coordinates on its first axis.
      drag: friction coefficient ``gamma(mass, charge, *, parameters)``: the force ``-gamma v``.
      terms: of other kinds, which need not be reciprocal.
      order: 2 if forces make accelerations; 1 if terms add up to velocities (then without
        potentials and drag).
      own_weights: factors ``[N]`` on the one-body terms for N bodies; all 1 when None.
      chain: only neighbors in the order of the bodies interact.
      conservative: the energy is a constant of the motion.
      dt: time between the states that are kept.
      initial: draws the initial state.
      truth: the forces as text; None where unknown.
    """

    name: str
    pair: Callable[..., jax.Array]
    external: Callable[..., jax.Array] | None = None
    drag: Callable[..., jax.Array] | None = None
    terms: tuple[LawTerm, ...] = ()
    order: int = 2
    own_weights: Callable[[int], np.ndarray] | None = None
    chain: bool = False
    conservative: bool = True
    dt: float = 0.01
    initial: Callable[[jax.Array, int, int, int], State] = random_state
    truth: Truth | None = None

    @property
    def parameters(self) -> dict[str, float | None]:
        """Every parameter of the law's functions with its default, None where it has none.

        >>> CENTRAL_LAWS["spring"].parameters
        {'stiffness': 1.0, 'length': 1.0, 'softening': 0.01}
        """
        found: dict[str, float | None] = {}
        others = (term.coefficient for term in self.terms)
        for function in (self.pair, self.external, self.drag, *others):
            found |= keyword_parameters(function)
        return found

    @property
    def moves_by_speed(self) -> bool:
        """Whether forces depend on velocities, so that not every integrator serves."""
        fast = any(KINDS[term.name].powers[1] for term in self.terms)
        return self.order == 1 or self.drag is not None or fast


def keyword_parameters(function: Callable | None) -> dict[str, float | None]:
    """The keyword-only arguments of a function and their defaults (None: it has no default)."""
    if function is None:
        return {}
    signature = inspect.signature(function).parameters.values()
    return {
        p.name: None if p.default is p.empty else p.default
        for p in signature
        if p.kind is p.KEYWORD_ONLY
    }


def _r1(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0, softening=0.01):
    return strength * mass_i * mass_j * jnp.log(r + softening)


def _r2(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0, softening=0.01):
    return -strength * mass_i * mass_j / (r + softening)


def _charge(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0, softening=0.01):
    return strength * charge_i * charge_j / (r + softening)


def _superposition(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0, softening=0.01):
    return strength * (charge_i * charge_j - mass_i * mass_j) / (r + softening)


def _spring(r, mass_i, mass_j, charge_i, charge_j, *, stiffness=1.0, length=1.0, softening=0.01):
    return stiffness * (r + softening - length) ** 2


def _discontinuous(
    r, mass_i, mass_j, charge_i, charge_j, *, stiffness=1.0, length=1.0, reach=2.0, softening=0.01
):
    soft = r + softening
    return jnp.where(soft < reach, 0.0, stiffness * (soft - length) ** 2)


def _gravity(position, mass, charge, *, gravity=1.0):
    return gravity * mass * position[1]


def _gravity_and_ball(
    position, mass, charge, *, gravity=1.0, ball_x=5.0, ball_y=-15.0, radius=4.0, hardness=1e4
):
    distance = jnp.hypot(position[0] - ball_x, position[1] - ball_y)
    wall = hardness / jax.nn.softplus(hardness * (distance - radius))
    return _gravity(position, mass, charge, gravity=gravity) + wall


def _drag(mass, charge, *, drag=0.5):
    return drag


def _unit_drag(mass, charge, *, drag=1.0):
    return drag


def _share_of_later_bodies(bodies: int) -> np.ndarray:
    return np.arange(bodies)[::-1] / bodies


def _all_but_the_last(bodies: int) -> np.ndarray:
    return (np.arange(bodies) < bodies - 1).astype(float)


_SPRING = "2*{stiffness}*(r + {softening} - {length})/r"
_GRAVITY = "-{gravity}*m1"
_GAP = "sqrt((x1 - {ball_x})**2 + (y1 - {ball_y})**2)"
_BALL = f"/({_GAP}*({_GAP} - {{radius}})**2)"  # the wall's force outside the ball

CENTRAL_LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law("r1", _r1, dt=0.005, truth=Truth("{strength}*m1*m2/((r + {softening})*r)")),
        Law("r2", _r2, dt=0.001, truth=Truth("{strength}*m1*m2/((r + {softening})**2*r)")),
        Law("spring", _spring, truth=Truth(_SPRING)),
        Law(
            # friction of a body in a medium: the same for all bodies
            "damped",
            _spring,
            drag=_drag,
            conservative=False,
            dt=0.02,
            truth=Truth(_SPRING, ("-{drag}*vx1", "-{drag}*vy1", "-{drag}*vz1")),
        ),
        Law(
            # the original's friction depends on the body's index, (N - 1 - i)/N, which no function
            # of the bodies' states can represent
            "damped_paper",
            _spring,
            drag=_unit_drag,
            own_weights=_share_of_later_bodies,
            conservative=False,
            dt=0.02,
            truth=Truth(_SPRING, None),
        ),
        Law(
            "charge",
            _charge,
            dt=0.001,
            initial=charged_state,
            truth=Truth("-{strength}*q1*q2/((r + {softening})**2*r)"),
        ),
        Law(
            "superposition",
            _superposition,
            dt=0.001,
            initial=charged_state,
            truth=Truth("{strength}*(m1*m2 - q1*q2)/((r + {softening})**2*r)"),
        ),
        Law(
            # the potential's step at `reach` gives no impulse, so energy is not conserved
            "discontinuous",
            _discontinuous,
            conservative=False,
            truth=Truth(f"({_SPRING} if r + {{softening}} > {{reach}} else 0)"),
        ),
        Law(
            # gravity along y, but not on the last body, as in the original
            "string",
            _spring,
            external=_gravity,
            own_weights=_all_but_the_last,
            chain=True,
            initial=string_state,
            truth=Truth(_SPRING, ("0", _GRAVITY, "0")),
        ),
        Law(
            "string_ball",
            _spring,
            external=_gravity_and_ball,
            own_weights=_all_but_the_last,
            chain=True,
            initial=string_state,
            truth=Truth(
                _SPRING,
                (f"(x1 - {{ball_x}}){_BALL}", f"{_GRAVITY} + (y1 - {{ball_y}}){_BALL}", "0"),
            ),
        ),
    )
}
