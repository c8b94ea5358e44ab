"""Mechanical systems of few coordinates: a Lagrangian in words, friction, and actuation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym import mechanics
from jaxsym._check import finite, require, unknown_name
from jaxsym._settings import full_precision
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression, constant, parse

GRAVITY = 9.81


@dataclass(frozen=True)
class MechanicalSystem:
    """D coordinates that move by a Lagrangian, viscous friction and actuators with gains.

        d/dt dL/dqd_i - dL/dq_i = gains_i tau_i - sum_j friction_ij qd_j - drag_i(qd)

    Attributes:
      name: what it is called.
      formula: L in ``q1 q2 ... qd1 qd2 ...`` and the names of the parameters.
      coordinates: D.
      parameters: numbers by name.
      friction: viscous, ``[D, D]``, or ``[D]`` for its diagonal; zero by default.
      gains: ``[D]`` force for each unit of command; one by default, zero where nothing acts.
      drag: resistance that is not in proportion to velocity, one formula in ``qd1 .. qdD`` for each
        coordinate, such as ``0.3*sign(qd1)`` (Coulomb); none by default.

    Raises:
      ValueError: a variable of the formula that is neither a coordinate nor a parameter, friction,
        gains or drag of another shape or not finite.

    >>> formula = parse("m*qd1**2/2 - k*q1**2/2")
    >>> spring = MechanicalSystem("spring", formula, 1, {"m": 2.0, "k": 8.0})
    >>> spring.lagrangian.canonical()
    Expression(1.0*qd1**2 - 4.0*q1**2)
    >>> spring.torques([[1.0]], [[0.0]], [[0.0]]).tolist()
    [[8.0]]
    """

    name: str
    formula: Expression
    coordinates: int
    parameters: Mapping[str, float] = field(default_factory=dict)
    friction: Sequence[float] | Sequence[Sequence[float]] = ()
    gains: Sequence[float] = ()
    drag: Sequence[Expression] = ()

    def __post_init__(self) -> None:
        known = (*self.variables, *self.parameters)
        for name in self.formula.variables:
            if name not in known:
                raise unknown_name("variable of the Lagrangian", name, known)
        dims = self.coordinates
        friction = np.asarray(self.friction if len(self.friction) else np.zeros(dims), np.float64)
        gains = np.asarray(self.gains if len(self.gains) else np.ones(dims), np.float64)
        require(
            friction.shape in ((dims,), (dims, dims)),
            f"friction has shape {friction.shape}; expected ({dims},) or ({dims}, {dims})",
        )
        require(gains.shape == (dims,), f"gains has shape {gains.shape}; expected ({dims},)")
        finite("friction", friction)
        finite("gains", gains)
        require(len(self.drag) in (0, dims), f"drag has {len(self.drag)} formulas; expected {dims}")
        velocities = self.variables[dims:]
        for name in [name for law in self.drag for name in law.variables]:
            if name not in velocities:
                raise unknown_name("variable of the drag", name, velocities)
        matrix = np.diag(friction) if friction.ndim == 1 else friction
        object.__setattr__(self, "friction", tuple(map(tuple, matrix.tolist())))
        object.__setattr__(self, "gains", tuple(gains.tolist()))
        object.__setattr__(self, "drag", tuple(self.drag))

    @property
    def variables(self) -> tuple[str, ...]:
        """``q1 .. qD qd1 .. qdD``."""
        return variable_names(self.coordinates)

    @cached_property
    def lagrangian(self) -> Expression:
        """L with numbers in the place of the parameters."""
        values = {name: constant(value) for name, value in self.parameters.items()}
        return self.formula.substitute(values)

    def function(self, parameters: Mapping[str, ArrayLike] | None = None) -> mechanics.Lagrangian:
        """``L(q, qd)`` for JAX.

        Args:
          parameters: numbers, also traced ones, instead of the system's own.
        """
        chosen = {**self.parameters, **(parameters or {})}
        evaluate, constants = self.formula.jax((*self.variables, *chosen))

        def lagrangian(q: Array, qd: Array) -> Array:
            values = jnp.stack([jnp.asarray(v, q.dtype) for v in chosen.values()] or [0 * q[0]])
            table = jnp.concatenate([q, qd, values[: len(chosen)]])
            return evaluate(table, constants)

        return lagrangian

    @full_precision()
    def forces(self, q: Array, qd: Array) -> Array:
        """Friction and drag, which act beside the torques."""
        viscous = -jnp.asarray(self.friction, qd.dtype) @ qd
        if not self.drag:
            return viscous
        laws = [law.jax(self.variables[self.coordinates :]) for law in self.drag]
        return viscous - jnp.stack([evaluate(qd, constants) for evaluate, constants in laws])

    def torques(self, q: ArrayLike, qd: ArrayLike, qdd: ArrayLike) -> Float[np.ndarray, "... D"]:
        """Commands that this motion needs, in float64; zero where nothing acts."""
        with jax.enable_x64(True):
            force = np.asarray(self._force(*_float64(q, qd, qdd)))
        gains = np.asarray(self.gains)
        return np.where(gains == 0, 0.0, force / np.where(gains == 0, 1.0, gains))

    def accelerations(
        self, q: ArrayLike, qd: ArrayLike, tau: ArrayLike
    ) -> Float[np.ndarray, "... D"]:
        """The accelerations that commands cause, in float64.

        Raises:
          ValueError: a mass matrix that is singular, and where.
        """
        q, qd, tau = _float64(q, qd, tau)
        with jax.enable_x64(True):
            return np.asarray(self._acceleration(q, qd, tau * np.asarray(self.gains)))

    def energy(self, q: ArrayLike, qd: ArrayLike) -> Float[np.ndarray, ...]:
        """Kinetic plus potential energy, in float64."""
        with jax.enable_x64(True):
            return np.asarray(self._energy(*_float64(q, qd)))

    def sample(
        self,
        key: jax.Array,
        count: int,
        *,
        low: ArrayLike = -math.pi / 2,
        high: ArrayLike = math.pi / 2,
    ) -> MechanicalData:
        """Random states with the commands that belong to them, in float64.

        Coordinates, velocities and accelerations are uniform (Valle & Haddadin 2021, section 4).
        Where some coordinates have no actuator, the others get the commands of such states, and the
        accelerations follow.

        Args:
          key: of the draw.
          count: n.
          low, high: ends of the range, numbers or ``[D]``.

        >>> data = mechanical("double-pendulum").sample(jax.random.key(0), 5)
        >>> data.tau.shape, data.tau.dtype
        ((5, 2), dtype('float64'))
        """
        with jax.enable_x64(True):
            shape = (3, count, self.coordinates)
            q, qd, qdd = np.asarray(
                jax.random.uniform(key, shape, jnp.float64, jnp.asarray(low), jnp.asarray(high))
            )
        tau = self.torques(q, qd, qdd)
        if 0.0 in self.gains:
            qdd = self.accelerations(q, qd, tau)
        return MechanicalData(q, qd, qdd, tau)

    @cached_property
    def _force(self) -> Callable[..., Array]:
        return mechanics.euler_lagrange(self.function(), self.forces)

    @cached_property
    def _acceleration(self) -> Callable[..., Array]:
        return mechanics.accelerations(self.function(), self.forces)

    @cached_property
    def _energy(self) -> Callable[..., Array]:
        return mechanics.energy(self.function())


def variable_names(coordinates: int) -> tuple[str, ...]:
    """Names of coordinates and velocities.

    >>> variable_names(2)
    ('q1', 'q2', 'qd1', 'qd2')
    """
    numbers = range(1, coordinates + 1)
    return (*(f"q{i}" for i in numbers), *(f"qd{i}" for i in numbers))


def mechanical(
    name: str,
    *,
    friction: Sequence[float] | Sequence[Sequence[float]] = (),
    gains: Sequence[float] = (),
    drag: Sequence[Expression] = (),
    **parameters: Any,
) -> MechanicalSystem:
    """A system of `MECHANICAL`.

    ``double-pendulum``: two uniform rods, angles from the vertical (Valle & Haddadin 2021, equation
    15, with its values; that paper gives no gravity). Parameters ``m1 l1 m2 l2 g``.
    ``cart-pole``: a cart at q1 and a uniform rod at the angle q2 from the upright; ``M m l g``.
    ``chain``: ``links`` uniform rods; ``masses``, ``lengths`` and ``g``.

    Args:
      name: a key of `MECHANICAL`.
      friction, gains, drag: as in `MechanicalSystem`.
      parameters: numbers instead of the usual ones.

    Raises:
      ValueError: an unknown name or parameter, a mass or a length that is not positive.

    >>> mechanical("cart-pole", M=2.0).parameters["M"]
    2.0
    >>> mechanical("chain", links=3).coordinates
    3
    """
    if name not in MECHANICAL:
        raise unknown_name("system", name, MECHANICAL)
    formula, coordinates, values = MECHANICAL[name](**parameters)
    for key, value in values.items():
        positive = key == "g" or value > 0
        require(
            bool(np.isfinite(value)) and positive,
            f"{key} is {value}; expected a positive number",
        )
    return MechanicalSystem(name, parse(formula), coordinates, values, friction, gains, drag)


def _double_pendulum(**given: float) -> tuple[str, int, dict[str, float]]:
    values = _chosen({"m1": 3.0, "l1": 2.67, "m2": 1.0, "l2": 1.67, "g": GRAVITY}, given)
    return _chain_formula(2), 2, values


def _cart_pole(**given: float) -> tuple[str, int, dict[str, float]]:
    formula = "(M + m)*qd1**2/2 + m*l*qd1*qd2*cos(q2)/2 + m*l**2*qd2**2/6 - m*g*l*cos(q2)/2"
    return formula, 2, _chosen({"M": 1.0, "m": 0.3, "l": 1.2, "g": GRAVITY}, given)


def _chain(
    links: int = 3,
    masses: Sequence[float] | None = None,
    lengths: Sequence[float] | None = None,
    g: float = GRAVITY,
) -> tuple[str, int, dict[str, float]]:
    require(links >= 1, f"links is {links}; expected at least 1")
    given = {"masses": masses, "lengths": lengths}
    values: dict[str, float] = {}
    for (name, numbers), letter in zip(given.items(), "ml", strict=True):
        chosen = [1.0] * links if numbers is None else list(numbers)
        require(
            len(chosen) == links, f"{name} has {len(chosen)} entries; expected {links}, one a link"
        )
        values |= {f"{letter}{i + 1}": float(value) for i, value in enumerate(chosen)}
    return _chain_formula(links), links, values | {"g": g}


def _chain_formula(links: int) -> str:
    """L of uniform rods, one hung at the end of the other, angles from the vertical."""
    terms = []
    for j in range(1, links + 1):
        below = [f"m{i}" for i in range(j + 1, links + 1)]
        inertia = " + ".join([f"m{j}/3", *below])
        weight = " + ".join([f"m{j}/2", *below])
        terms.append(f"({inertia})*l{j}**2*qd{j}**2/2 + ({weight})*g*l{j}*cos(q{j})")
        for k in range(j + 1, links + 1):
            shared = " + ".join([f"m{k}/2", *(f"m{i}" for i in range(k + 1, links + 1))])
            terms.append(f"({shared})*l{j}*l{k}*qd{j}*qd{k}*cos(q{j} - q{k})")
    return " + ".join(terms)


def _chosen(usual: dict[str, float], given: Mapping[str, float]) -> dict[str, float]:
    for name in given:
        if name not in usual:
            raise unknown_name("parameter", name, usual)
    return usual | {name: float(value) for name, value in given.items()}


def _float64(*arrays: ArrayLike) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(array, np.float64) for array in arrays)


MECHANICAL: dict[str, Callable[..., tuple[str, int, dict[str, float]]]] = {
    "double-pendulum": _double_pendulum,
    "cart-pole": _cart_pole,
    "chain": _chain,
}
