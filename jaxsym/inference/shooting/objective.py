"""The sum of squares that multiple shooting makes least.

Every trajectory is cut into segments whose first states are unknowns beside the constants. The sum
is that of the data and of the joints, at which each segment's end shall be the next one's start:
first loosely, so that poor constants cannot lead astray, in the end as one whole motion (Bock 1981;
weak-constraint assimilation, Tremolet 2006).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.motion import PROGRAMS, Method, rollout
from jaxsym.inference.shooting.segments import Segments

_FAR = 1e6  # residuals in units of their errors are cut here: motions that run away stay finite
FAR_APART = 1e12  # joints, in units of their looseness


class Task(NamedTuple):
    """All that a fit depends on, as arrays: compiled functions serve every fit of these shapes.

    Attributes:
      field: ``f(constants, state, time, inputs) -> rate``.
      observe: ``(constants, state, time, inputs) -> [M]``.
      method: of integration.
      segments: with the data.
      inputs: a pytree of arrays with the trajectories on the first axis.
      constants: a pytree with the constants' shapes.
      free: whether each of the raveled constants is fitted.
      scale: of the state's components: how far noise moves them.
      most: a coordinate beyond which a motion has run away.
    """

    field: Partial
    observe: Partial
    method: Method
    segments: Segments
    inputs: Any
    constants: Any
    free: Bool[Array, " P"]
    scale: Float[Array, " S"]
    most: Float[Array, ""]


class Weighting(NamedTuple):
    """How residuals count.

    Attributes:
      looseness: of the joints, in units of `Task.scale`.
      huber: standard errors beyond which a residual counts by its absolute value; infinity for
        least squares (Huber 1964).
      outlying: distance at a joint, in units of its looseness, beyond which it counts less and
        less (Student's distribution); infinity for least squares.
      leads: whether a trajectory counts for the constants. The states of one that does not, since
        no motion near its data was found yet, follow the constants that the others give.
    """

    looseness: Float[Array, ""]
    huber: Float[Array, ""]
    outlying: Float[Array, ""]
    leads: Bool[Array, " R"]


def weighting(
    looseness: float,
    huber: float = math.inf,
    outlying: float = math.inf,
    leads: Bool[ArrayLike, " R"] | None = None,
    *,
    runs: int = 1,
) -> Weighting:
    """`Weighting` as arrays; all of the trajectories lead by default."""
    count = jnp.ones(runs, bool) if leads is None else jnp.asarray(leads)
    loose, robust, outside = (jnp.asarray(value, float) for value in (looseness, huber, outlying))
    return Weighting(loose, robust, outside, count)


class Guess(NamedTuple):
    """The unknowns: raveled constants, and the first state of every segment."""

    constants: Float[Array, " P"]
    states: Float[Array, "R J S"]


def segment_motion(
    task: Task, constants: Float[Array, " P"], state: Array, segment: Segments, inputs: Any
) -> tuple[Float[Array, "N1 S"], Float[Array, "L M"]]:
    """One segment's states after each step, and what is observed of them."""
    named = ravel_pytree(task.constants)[1](constants)
    rate = lambda x, t: task.field(named, x, t, inputs)  # noqa: E731
    states = rollout(rate, task.method, state, segment.start, segment.steps, task.most)
    observe = lambda x, t: task.observe(named, x, t, inputs)  # noqa: E731
    return states, jax.vmap(observe)(states[segment.at], segment.time)


def residuals_of(
    task: Task, constants: Array, state: Array, segment: Segments, inputs: Any
) -> tuple[Array, Array]:
    """A segment's end, and its residuals in units of their standard errors."""
    states, seen = segment_motion(task, constants, state, segment, inputs)
    residual = jnp.nan_to_num((seen - segment.value) * segment.weight, nan=_FAR)
    return states[-1], jnp.clip(residual, -_FAR, _FAR)


def over_segments(function, task: Task, guess: Guess):
    inner = jax.vmap(function, (None, None, 0, 0, None))
    outer = jax.vmap(inner, (None, None, 0, 0, 0))
    return outer(task, guess.constants, guess.states, task.segments, task.inputs)


def _huber_cost(residual: Array, limit: Array) -> Array:
    size = jnp.abs(residual)
    finite = jnp.where(jnp.isfinite(limit), limit, 0.0)
    return jnp.where(size <= limit, size**2, finite * (2 * size - finite))


def huber_weight(residual: Array | np.ndarray, limit: Array | float) -> Array:
    """Share of the full weight that a residual keeps."""
    return jnp.minimum(1.0, limit / jnp.maximum(jnp.abs(residual), 1e-300))


def _student_cost(residual: Array, limit: Array) -> Array:
    finite = jnp.where(jnp.isfinite(limit), limit, 1.0)
    return jnp.where(
        jnp.isfinite(limit), finite**2 * jnp.log1p((residual / finite) ** 2), residual**2
    )


def student_weight(residual: Array, limit: Array) -> Array:
    return 1 / (1 + (residual / limit) ** 2)


def costs_of(task: Task, guess: Guess, weighting: Weighting) -> Float[Array, " R"]:
    """The sums of squares of the trajectories, whose total is made least."""
    ends, residuals = over_segments(residuals_of, task, guess)
    return trajectory_costs(task, guess, weighting, ends, residuals)


def gaps_of(task: Task, guess: Guess, weighting: Weighting, ends: Array) -> Array:
    """Distances at the joints ``[R, J, S]`` in units of their looseness; zero at the last."""
    gaps = (guess.states[:, 1:] - ends[:, :-1]) / (task.scale * weighting.looseness)
    return jnp.pad(jnp.clip(gaps, -FAR_APART, FAR_APART), ((0, 0), (0, 1), (0, 0)))


def trajectory_costs(
    task: Task, guess: Guess, weighting: Weighting, ends: Array, residuals: Array
) -> Array:
    data = jnp.sum(_huber_cost(residuals, weighting.huber), axis=(1, 2, 3))
    gaps = gaps_of(task, guess, weighting, ends)
    return data + jnp.sum(_student_cost(gaps, weighting.outlying), axis=(1, 2))


def rolled_on(task: Task, guess: Guess, gaps: Float[Array, "R J S"]) -> Guess:
    """The states that follow from each trajectory's first one with given gaps at the joints.

    Args:
      task, guess: whose constants and first states are kept.
      gaps: of each segment's end to the next state, in units of the scale; the last has no meaning.
    """
    named = ravel_pytree(task.constants)[1](guess.constants)

    def trajectory(first: Array, segments: Segments, gaps: Array, inputs: Any) -> Array:
        rate = lambda x, t: task.field(named, x, t, inputs)  # noqa: E731

        def step(state: Array, given: tuple[Segments, Array]) -> tuple[Array, Array]:
            part, gap = given
            states = rollout(rate, task.method, state, part.start, part.steps, task.most)
            return states[-1] + task.scale * gap, state

        return jax.lax.scan(step, first, (segments, gaps))[1]

    states = jax.vmap(trajectory)(guess.states[:, 0], task.segments, gaps, task.inputs)
    return guess._replace(states=jnp.where(jnp.isfinite(states), states, guess.states))


def better_of(task: Task, one: Guess, other: Guess, weighting: Weighting):
    """The constants of the first guess with, for each trajectory, the better of both's states."""
    first = costs_of(task, one, weighting)
    second = costs_of(task, one._replace(states=other.states), weighting)
    moved = first <= second
    states = jnp.where(moved[:, None, None], one.states, other.states)
    return one._replace(states=states), jnp.minimum(first, second), moved


run_costs = bounded_jit(shapes=PROGRAMS)(costs_of)


@bounded_jit(shapes=PROGRAMS)
def motions(task: Task, guess: Guess) -> tuple[Array, Array, Array]:
    """Times and states after each step, and what is observed of them.

    Returns:
      ``[R, J, N + 1]``, ``[R, J, N + 1, S]``, ``[R, J, L, M]``.
    """

    def one(task, constants, state, segment, inputs):
        states, seen = segment_motion(task, constants, state, segment, inputs)
        time = segment.start + jnp.concatenate([jnp.zeros(1), jnp.cumsum(segment.steps)])
        return time, states, seen

    return over_segments(one, task, guess)
