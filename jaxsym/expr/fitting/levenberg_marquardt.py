"""Levenberg-Marquardt for one small least-squares problem, pure, to be jitted and mapped.

Method: Levenberg (1944), Marquardt (1963), with the damping rule of H. B. Nielsen, "Damping
parameter in Marquardt's method" (1999).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

_SETTLED = 1e-10  # an improvement below this share of the loss ends the search
_STUCK = 1e20  # damping at which steps are nothing


class Point(NamedTuple):
    """Constants with the least-squares problem linearized there.

    Attributes:
      constants: where.
      loss: weighted mean squared error there.
      curvature: weighted mean of the products of the residual's derivatives.
      gradient: weighted mean of the residual times its derivatives.
    """

    constants: Float[Array, " K"]
    loss: Float[Array, ""]
    curvature: Float[Array, "K K"]
    gradient: Float[Array, " K"]


class State(NamedTuple):
    """A search between two evaluations.

    Attributes:
      best: the best point met.
      trial: constants to be evaluated next.
      promised: what the local quadratic model expects `trial` to gain.
      damping: added to the curvature, relative to its diagonal.
      growth: factor of the damping after a failure.
      step: evaluations done.
      done: whether the search has ended by its own tolerance.
    """

    best: Point
    trial: Float[Array, " K"]
    promised: Float[Array, ""]
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    step: Int[Array, ""]
    done: Bool[Array, ""]


def levenberg_marquardt(
    linearize: Callable[[Array], Point], start: Float[Array, " K"], steps: int | Array
) -> Point:
    """Least squares from one start, differentiable at its end.

    Parameters whose row of the curvature is zero stay where they are. Derivatives by whatever
    `linearize` depends on are those of the minimum that was reached, by the implicit function
    theorem; they do not depend on the steps that led there.

    Args:
      linearize: the problem at given constants; its loss is infinite where it is not defined.
      start: first constants.
      steps: most evaluations.

    Returns:
      the best point met.

    >>> def linearize(c):
    ...     residual, slope = c[0] ** 2 - 2.0, 2.0 * c[0]
    ...     return Point(c, residual**2, slope[None, None] ** 2, (slope * residual)[None])
    >>> round(float(levenberg_marquardt(linearize, jnp.ones(1), 50).constants[0]), 3)
    1.414
    """

    def conditions(point: Point) -> Point:
        there = linearize(point.constants)
        left = jax.tree.map(jnp.subtract, there, point)
        return left._replace(constants=there.gradient)

    return lax.custom_root(
        conditions,
        first_state(start).best,
        lambda _, first: minimize(linearize, first.constants, steps).best,
        _solve_tangent,
    )


def _solve_tangent(conditions: Callable[[Point], Point], right: Point) -> Point:
    """How the minimum and the values there move: the constants first, and with them the rest."""
    still = jax.tree.map(jnp.zeros_like, right)

    def shift(constants: Array) -> Point:
        return conditions(still._replace(constants=constants))

    unit = jnp.eye(len(right.constants), dtype=right.constants.dtype)
    hessian = jax.vmap(lambda axis: shift(axis).constants, out_axes=1)(unit)
    unused = jnp.all(hessian == 0, axis=1)
    move = jnp.linalg.solve(hessian + jnp.diag(unused.astype(unit.dtype)), right.constants)
    return jax.tree.map(jnp.subtract, shift(move), right)._replace(constants=move)


def minimize(
    linearize: Callable[[Array], Point], start: Float[Array, " K"], steps: int | Array
) -> State:
    """`levenberg_marquardt` with all that is known at the end."""
    return lax.while_loop(
        lambda state: ~state.done & (state.step < steps),
        lambda state: _next(state, linearize(state.trial)),
        first_state(start),
    )


def first_state(start: Float[Array, " K"]) -> State:
    """Before the first evaluation: nothing known, `start` on trial."""
    one, matrix = jnp.ones((), start.dtype), jnp.zeros((len(start), len(start)), start.dtype)
    nowhere = Point(start, jnp.inf * one, matrix, jnp.zeros_like(start))
    return State(nowhere, start, one, 3e-3 * one, 2 * one, jnp.zeros((), int), jnp.asarray(False))


def _next(state: State, new: Point) -> State:
    """Take or leave the point that was on trial, and choose the next."""
    old = state.best
    better = new.loss < old.loss
    best = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, old)
    gain = (old.loss - new.loss) / state.promised
    shrink = jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)
    damping = state.damping * jnp.where(better, shrink, state.growth)
    scale = jnp.diag(best.curvature)
    scale = jnp.maximum(scale, 1e-14 * scale.max())
    scale = jnp.where(scale > 0, scale, 1)  # a constant that is not in use
    matrix = best.curvature + damping * jnp.diag(scale)
    move = -jax.scipy.linalg.solve(matrix, best.gradient, assume_a="pos")
    settled = better & (old.loss - new.loss <= _SETTLED * new.loss)
    still = jnp.max(jnp.abs(move)) <= 1e-15 * jnp.max(jnp.abs(best.constants))
    return State(
        best=best,
        trial=best.constants + move,
        promised=move @ (damping * scale * move - best.gradient),
        damping=damping,
        growth=jnp.where(better, 2.0, 2 * state.growth),
        step=state.step + 1,
        done=settled | still | (damping > _STUCK) | ~jnp.isfinite(best.loss),
    )
