"""The sum of squares that multiple shooting makes least.

Every trajectory is cut into segments whose first states are unknowns beside the constants. The sum
is that of the data and of the joints, at which each segment's end shall be the next one's start:
first loosely, so that poor constants cannot lead astray, in the end as one whole motion (Bock 1981;
weak-constraint assimilation, Tremolet 2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.motion import PROGRAMS, Method, Motion, rollout
from jaxsym.inference.shooting.segments import Segments

_FAR = 1e6  # residuals in units of their errors are cut here: motions that run away stay finite
FAR_APART = 1e12  # joints, in units of their looseness
_SIDE_BY_SIDE = 16  # motions, on a processor


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
      allowed: error of a step of the integration, in units of the scale.
      most: a coordinate beyond which a motion has run away.
      sense: 1, or -1 for motion backward in time, whose times have the other sign.
    """

    field: Partial
    observe: Partial
    method: Method
    segments: Segments
    inputs: Any
    constants: Any
    free: Bool[Array, " P"]
    scale: Float[Array, " S"]
    allowed: Float[Array, ""]
    most: Float[Array, ""]
    sense: Float[Array, ""]


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
) -> Motion:
    """One segment's states at its samples and its end."""
    named = ravel_pytree(task.constants)[1](constants)
    rate = lambda x, t: task.sense * task.field(named, x, task.sense * t, inputs)  # noqa: E731
    return rollout(
        rate, task.method, state, segment.start, segment.stops, segment.filled, segment.step,
        task.allowed * task.scale, task.most,
    )  # fmt: skip


def observed(
    task: Task, constants: Float[Array, " P"], states: Array, segment: Segments, inputs: Any
) -> Float[Array, "L1 M"]:
    """What is observed of a segment's states."""
    named = ravel_pytree(task.constants)[1](constants)
    observe = lambda x, t: task.observe(named, x, task.sense * t, inputs)  # noqa: E731
    time = jnp.concatenate([segment.start[None], segment.stops])
    return jax.vmap(observe)(states, time)


def residuals_of(
    task: Task, constants: Array, state: Array, segment: Segments, inputs: Any
) -> tuple[Array, Array]:
    """A segment's end, and its residuals in units of their standard errors."""
    states = segment_motion(task, constants, state, segment, inputs).states
    seen = observed(task, constants, states, segment, inputs)
    residual = jnp.nan_to_num((seen - segment.value) * segment.weight, nan=_FAR)
    return states[-1], jnp.clip(residual, -_FAR, _FAR)


def over_segments(function, task: Task, guess: Guess):
    """``function(task, constants, state, segment, inputs)`` of all segments, ``[R, J, ...]``.

    Integration side by side takes as long as the longest of them: on a processor, which gains
    little by many, a few at a time that need about as many steps.
    """
    runs, count = task.segments.order.shape
    order = jnp.asarray(task.segments.order)
    few = max(1, _SIDE_BY_SIDE // runs) if jax.default_backend() == "cpu" else count
    few = max(n for n in range(1, few + 1) if count % n == 0)  # a remainder is compiled once more

    def sorted_by(index: Array, values: Any) -> Any:
        row = jnp.arange(runs)[:, None]
        return jax.tree.map(lambda a: a[row, index], values)

    def some(part: tuple[Array, Segments]):
        over_runs = jax.vmap(function, (None, None, 0, 0, 0))
        return over_runs(task, guess.constants, *part, task.inputs)

    parts = sorted_by(order, (guess.states, task.segments))
    first = jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1), parts)
    found = jax.lax.map(some, first, batch_size=few)
    found = jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1), found)
    return sorted_by(jnp.argsort(order, axis=1), found)


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

    def trajectory(first: Array, segments: Segments, gaps: Array, inputs: Any) -> Array:
        def step(state: Array, given: tuple[Segments, Array]) -> tuple[Array, Array]:
            part, gap = given
            end = segment_motion(task, guess.constants, state, part, inputs).states[-1]
            return end + task.scale * gap, state

        return jax.lax.scan(step, first, (segments, gaps))[1]

    states = jax.vmap(trajectory)(guess.states[:, 0], task.segments, gaps, task.inputs)
    return guess._replace(states=jnp.where(jnp.isfinite(states), states, guess.states))


def best_of(task: Task, guesses: Sequence[Guess], weighting: Weighting):
    """The constants of the first guess with, for each trajectory, the best of all their states.

    Returns:
      the guess, its sums of squares ``[R]``, and which of the guesses has the states ``[R]``.
    """
    states = jnp.stack([guess.states for guess in guesses])
    costs = jax.lax.map(lambda s: costs_of(task, Guess(guesses[0].constants, s), weighting), states)
    chosen = jnp.argmin(costs, axis=0)
    row = jnp.arange(len(chosen))
    return Guess(guesses[0].constants, states[chosen, row]), costs[chosen, row], chosen


run_best_of = bounded_jit(shapes=PROGRAMS)(best_of)


@bounded_jit(shapes=PROGRAMS)
def motions(task: Task, guess: Guess) -> tuple[Array, Array]:
    """States at the samples and at the end of every segment, and what is observed of them.

    Returns:
      ``[R, J, L + 1, S]``, ``[R, J, L + 1, M]``.
    """

    def one(task, constants, state, segment, inputs):
        states = segment_motion(task, constants, state, segment, inputs).states
        return states, observed(task, constants, states, segment, inputs)

    return over_segments(one, task, guess)
