"""Analytical mechanics by automatic differentiation: Euler-Lagrange, Hamilton, energy.

A Lagrangian is any JAX function ``L(q, qd)`` of coordinates and velocities ``[D]`` with a scalar
value. Forces that it does not cover (friction, actuation through gears) are a function
``forces(q, qd) -> [D]`` beside it:

    d/dt dL/dqd_i - dL/dq_i = tau_i + forces_i(q, qd)        (Valle & Haddadin 2021, equation 3)

All functions made here are compiled, take any leading axes, and can be mapped and differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import require
from jaxsym._settings import full_precision

Lagrangian: TypeAlias = Callable[[Array, Array], Array]
Forces: TypeAlias = Callable[[Array, Array], Array]


def euler_lagrange(
    lagrangian: Lagrangian, forces: Forces | None = None
) -> Callable[[ArrayLike, ArrayLike, ArrayLike], Float[Array, "... D"]]:
    """The torques that a motion needs: ``tau(q, qd, qdd)``, inverse dynamics.

    Args:
      lagrangian: ``L(q [D], qd [D]) -> scalar``.
      forces: generalized forces beside the torques, such as ``-b * qd``; none by default.

    >>> tau = euler_lagrange(lambda q, qd: 1.5 * qd[0] ** 2 - 4.0 * q[0] ** 2)
    >>> tau(jnp.array([0.5]), jnp.array([7.0]), jnp.array([2.0])).tolist()
    [10.0]
    """

    def torque(q: Array, qd: Array, qdd: Array) -> Array:
        _check_scalar(lagrangian, q, qd)
        momentum = jax.grad(lagrangian, 1)
        # the time derivative along the motion is one directional derivative
        _, rate = jax.jvp(momentum, (q, qd), (qd, qdd))
        total = rate - jax.grad(lagrangian, 0)(q, qd)
        return total if forces is None else total - forces(q, qd)

    return _batched(torque, 3)


def mass_matrix(
    lagrangian: Lagrangian,
) -> Callable[[ArrayLike, ArrayLike], Float[Array, "... D D"]]:
    """The second derivatives of L by the velocities.

    >>> mass_matrix(lambda q, qd: qd[0] ** 2 + qd[0] * qd[1])(jnp.zeros(2), jnp.zeros(2)).tolist()
    [[2.0, 1.0], [1.0, 0.0]]
    """
    return _batched(jax.hessian(lagrangian, 1), 2, "(d,d)")


def accelerations(
    lagrangian: Lagrangian, forces: Forces | None = None
) -> Callable[[ArrayLike, ArrayLike, ArrayLike], Float[Array, "... D"]]:
    """The motion that torques cause: ``qdd(q, qd, tau)``, forward dynamics by a linear solve.

    Where the mass matrix is singular the result is NaN; outside of compiled code that is an error.

    Args:
      lagrangian: ``L(q [D], qd [D]) -> scalar``.
      forces: generalized forces beside the torques; none by default.

    Raises:
      ValueError: (from the function) a mass matrix that is singular, and where.

    >>> qdd = accelerations(lambda q, qd: 1.5 * qd[0] ** 2 - 4.0 * q[0] ** 2)
    >>> qdd(jnp.array([0.5]), jnp.array([7.0]), jnp.array([10.0])).tolist()
    [2.0]
    """
    bias = euler_lagrange(lagrangian, forces)

    def acceleration(q: Array, qd: Array, tau: Array) -> Array:
        _check_scalar(lagrangian, q, qd)
        mass = jax.hessian(lagrangian, 1)(q, qd)
        solved = jnp.linalg.solve(mass, tau - bias(q, qd, jnp.zeros_like(qd)))
        return jnp.where(_regular(mass), solved, jnp.nan)

    batched = _batched(acceleration, 3)

    def checked(q: ArrayLike, qd: ArrayLike, tau: ArrayLike) -> Float[Array, "... D"]:
        result = batched(q, qd, tau)
        if not isinstance(result, jax.core.Tracer) and not bool(jnp.all(jnp.isfinite(result))):
            check_mass_matrix(lagrangian, q, qd)
        return result

    return checked


def check_mass_matrix(lagrangian: Lagrangian, q: ArrayLike, qd: ArrayLike) -> None:
    """Whether the equations of motion can be solved for the accelerations everywhere.

    Args:
      lagrangian: ``L(q [D], qd [D]) -> scalar``.
      q, qd: states ``[..., D]``.

    Raises:
      ValueError: the first state where the mass matrix is singular.

    >>> check_mass_matrix(lambda q, qd: q[0] * qd[0] ** 2, jnp.zeros(1), jnp.ones(1))
    Traceback (most recent call last):
        ...
    ValueError: the mass matrix of the Lagrangian is singular at q = [0.0], qd = [1.0]: [[0.0]]; ...
    """
    q, qd = jnp.broadcast_arrays(jnp.asarray(q), jnp.asarray(qd))
    mass = mass_matrix(lagrangian)(q, qd)
    bad = np.argwhere(~np.asarray(_regular(mass)))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        number = f" (state {place})" if place else ""
        at, moving, matrix = (np.asarray(values)[place].tolist() for values in (q, qd, mass))
        raise ValueError(
            f"the mass matrix of the Lagrangian is singular at q = {at}, qd = {moving}{number}: "
            f"{matrix}; expected a kinetic energy in which every velocity counts"
        )


def energy(lagrangian: Lagrangian) -> Callable[[ArrayLike, ArrayLike], Float[Array, ...]]:
    """The energy ``qd . dL/dqd - L``, which motion without torques and friction conserves.

    >>> spring = energy(lambda q, qd: 1.5 * qd[0] ** 2 - 4.0 * q[0] ** 2)
    >>> float(spring(jnp.array([0.5]), jnp.array([2.0])))
    7.0
    """

    @full_precision()
    def total(q: Array, qd: Array) -> Array:
        return qd @ jax.grad(lagrangian, 1)(q, qd) - lagrangian(q, qd)

    return _batched(total, 2, "()")


def hamilton(
    hamiltonian: Callable[[Array, Array], Array], forces: Forces | None = None
) -> Callable[[ArrayLike, ArrayLike], tuple[Float[Array, "... D"], Float[Array, "... D"]]]:
    """Hamilton's equations: ``(qd, pd) = (dH/dp, -dH/dq + forces(q, qd))``.

    Args:
      hamiltonian: ``H(q [D], p [D]) -> scalar``.
      forces: generalized forces of coordinates and velocities; none by default.

    >>> flow = hamilton(lambda q, p: p[0] ** 2 / 6 + 4.0 * q[0] ** 2)
    >>> [rate.tolist() for rate in flow(jnp.array([0.5]), jnp.array([3.0]))]
    [[1.0], [-4.0]]
    """

    def flow(q: Array, p: Array) -> tuple[Array, Array]:
        dq, qd = jax.grad(hamiltonian, (0, 1))(q, p)
        return qd, -dq if forces is None else forces(q, qd) - dq

    return _batched(flow, 2, "(d),(d)")


def _batched(function: Callable, arguments: int, result: str = "(d)") -> Callable:
    """``function`` of vectors ``[D]``, compiled, over any leading axes of its arguments."""
    signature = ",".join(["(d)"] * arguments) + "->" + result
    return jax.jit(
        jnp.vectorize(lambda *values: function(*_floating(*values)), signature=signature)
    )


def _floating(*values: Array) -> list[Array]:
    kind = jnp.result_type(*values, jnp.float32)
    return [jnp.asarray(value, kind) for value in values]


def _regular(mass: Float[Array, "... D D"]) -> Array:
    """Whether a mass matrix has an inverse in its precision."""
    singular = jnp.linalg.svd(jax.lax.stop_gradient(mass), compute_uv=False)
    limit = mass.shape[-1] * jnp.finfo(mass.dtype).eps
    return jnp.isfinite(singular[..., 0]) & (singular[..., -1] > limit * singular[..., 0])


def _check_scalar(lagrangian: Lagrangian, q: Array, qd: Array) -> None:
    shape = jax.eval_shape(lagrangian, q, qd).shape
    require(
        shape == (),
        f"lagrangian(q, qd) has shape {shape} for q of shape {q.shape}; expected a scalar",
    )
