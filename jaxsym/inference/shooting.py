"""Multiple shooting: constants and first states of any motion, from noisy, uneven, incomplete data.

Every trajectory is cut into segments whose first states are unknowns beside the constants. The
least-squares problem is that of the data and of the joints, at which each segment's end shall be
the next one's start: first loosely, so that poor constants cannot lead astray, in the end as one
whole motion (Bock 1981; weak-constraint assimilation, Tremolet 2006). Each stage is a
Levenberg-Marquardt search with exact derivatives of the motion and the elimination of all states
(`jaxsym.inference.chain`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxsym.inference.chain import Chains, Eliminated, compress, eliminate, solve
from jaxsym.inference.motion import Method, rollout
from jaxsym.inference.segments import Segments

_FAR = 1e6  # residuals in units of their errors are cut here: motions that run away stay finite
_LEAST_DAMPING, _MOST_DAMPING = 1e-16, 1e16
_ATTEMPTS = 30  # dampings that are tried for one step


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
    """

    looseness: Float[Array, ""]
    huber: Float[Array, ""]


class Guess(NamedTuple):
    """The unknowns: raveled constants, and the first state of every segment."""

    constants: Float[Array, " P"]
    states: Float[Array, "R J S"]


class Linear(NamedTuple):
    """The problem linearized at a guess: chains in scaled moves, and the constants' units."""

    chains: Chains
    units: Float[Array, " P"]
    cost: Float[Array, ""]


class Search(NamedTuple):
    """A search between two steps.

    Attributes:
      guess: the best so far.
      linear: the problem there.
      damping: of the next step.
      iterations: steps so far.
      done: whether nothing is left to gain.
      stuck: whether no step was better.
    """

    guess: Guess
    linear: Linear
    damping: Float[Array, ""]
    iterations: Int[Array, ""]
    done: Bool[Array, ""]
    stuck: Bool[Array, ""]


def segment_motion(
    task: Task, constants: Float[Array, " P"], state: Array, segment: Segments, inputs: Any
) -> tuple[Float[Array, "N1 S"], Float[Array, "L M"]]:
    """One segment's states after each step, and what is observed of them."""
    named = ravel_pytree(task.constants)[1](constants)
    rate = lambda x, t: task.field(named, x, t, inputs)  # noqa: E731
    states = rollout(rate, task.method, state, segment.start, segment.steps, task.most)
    observe = lambda x, t: task.observe(named, x, t, inputs)  # noqa: E731
    return states, jax.vmap(observe)(states[segment.at], segment.time)


def _residuals(
    task: Task, constants: Array, state: Array, segment: Segments, inputs: Any
) -> tuple[Array, Array]:
    """A segment's end, and its residuals in units of their standard errors."""
    states, seen = segment_motion(task, constants, state, segment, inputs)
    residual = jnp.nan_to_num((seen - segment.value) * segment.weight, nan=_FAR)
    return states[-1], jnp.clip(residual, -_FAR, _FAR)


def _over_segments(function, task: Task, guess: Guess):
    inner = jax.vmap(function, (None, None, 0, 0, None))
    outer = jax.vmap(inner, (None, None, 0, 0, 0))
    return outer(task, guess.constants, guess.states, task.segments, task.inputs)


def _huber_cost(residual: Array, limit: Array) -> Array:
    size = jnp.abs(residual)
    finite = jnp.where(jnp.isfinite(limit), limit, 0.0)
    return jnp.where(size <= limit, size**2, finite * (2 * size - finite))


def huber_weight(residual: Array, limit: Array | float) -> Array:
    """Share of the full weight that a residual keeps."""
    return jnp.minimum(1.0, limit / jnp.maximum(jnp.abs(residual), 1e-300))


def cost_of(task: Task, guess: Guess, weighting: Weighting) -> Float[Array, ""]:
    """The sum of squares that is made least."""
    ends, residuals = _over_segments(_residuals, task, guess)
    return _cost(task, guess, weighting, ends, residuals)


def _gaps(task: Task, guess: Guess, ends: Array) -> Array:
    gaps = (guess.states[:, 1:] - ends[:, :-1]) / task.scale
    return jnp.clip(gaps, -_FAR / 1e-6, _FAR / 1e-6)


def _cost(task: Task, guess: Guess, weighting: Weighting, ends: Array, residuals: Array) -> Array:
    data = jnp.sum(_huber_cost(residuals, weighting.huber))
    return data + jnp.sum((_gaps(task, guess, ends) / weighting.looseness) ** 2)


def linearize(task: Task, guess: Guess, weighting: Weighting) -> Linear:
    """Residuals and joints with their exact derivatives by first states and constants."""
    size = guess.states.shape[-1]

    def one(task, constants, state, segment, inputs):
        def both(unknowns):
            found = _residuals(task, unknowns[size:], unknowns[:size], segment, inputs)
            return found, found

        slopes, (end, residual) = jax.jacfwd(both, has_aux=True)(
            jnp.concatenate([state, constants])
        )
        weight = jnp.sqrt(huber_weight(residual, weighting.huber)).ravel()
        by_data = jnp.nan_to_num(slopes[1]).reshape(len(weight), -1)
        rows = weight[:, None] * jnp.concatenate([by_data, residual.reshape(-1, 1)], axis=1)
        return compress(rows), jnp.nan_to_num(slopes[0]), end, residual

    rows, slopes, ends, residuals = _over_segments(one, task, guess)
    cost = _cost(task, guess, weighting, ends, residuals)
    gaps = jnp.pad(_gaps(task, guess, ends), ((0, 0), (0, 1), (0, 0)))
    columns = jnp.concatenate([task.scale, task.free.astype(cost.dtype)])
    rows = rows.at[..., :-1].multiply(columns)
    slopes = slopes * columns / task.scale[:, None]
    # the constants in units of what moves the data, or the joints, by one standard error
    squares = jnp.sum(rows[..., size:-1] ** 2, axis=(0, 1, 2))
    squares += jnp.sum(slopes[..., size:] ** 2, axis=(0, 1, 2))
    units = jnp.where(squares > 0, 1 / jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 1.0)
    rows = rows.at[..., size:-1].multiply(units)
    slopes = slopes.at[..., size:].multiply(units)
    return Linear(Chains(rows, jnp.concatenate([slopes, gaps[..., None]], axis=-1)), units, cost)


def factorize(task: Task, linear: Linear, weighting: Weighting, damping: Array) -> Eliminated:
    """The linear problem with some damping, factored."""
    root = jnp.sqrt(damping)
    still = jnp.where(task.free, root, 1.0)
    stiffness = jnp.ones_like(task.scale) / weighting.looseness
    return eliminate(linear.chains, stiffness, root * jnp.ones_like(task.scale), still)


def search(
    task: Task,
    guess: Guess,
    weighting: Weighting,
    damping: Float[Array, ""],
    tolerance: Float[Array, ""],
    most: Int[Array, ""],
) -> Search:
    """Levenberg-Marquardt from a guess.

    Args:
      task: the problem.
      guess: where to start.
      weighting: of residuals and joints.
      damping: of the first step.
      tolerance: a step that lowers the sum of squares by less, or by less than 1e-9 of it, is the
        last one.
      most: steps.
    """

    def attempt(try_: tuple) -> tuple:
        linear, best, _, _, damping, growth, attempts, _, _ = try_
        factors = factorize(task, linear, weighting, damping)
        constants, states = solve(factors)
        trial = Guess(
            best.constants + constants * linear.units * task.free,
            best.states + states * task.scale,
        )
        cost = cost_of(task, trial, weighting)
        promised = linear.cost - factors.constants[-1, -1] ** 2
        better = cost < linear.cost
        return (
            linear, best, trial, cost, jnp.where(better, damping, damping * growth),
            2 * growth, attempts + 1, better, promised,
        )  # fmt: skip

    def step(state: Search) -> Search:
        linear = state.linear
        zero = jnp.zeros_like(linear.cost)
        *_, trial, cost, damping, _, _, better, promised = jax.lax.while_loop(
            lambda t: ~t[7] & (t[6] < _ATTEMPTS) & (t[4] < _MOST_DAMPING),
            attempt,
            (
                linear, state.guess, state.guess, linear.cost, state.damping, zero + 2,
                0, jnp.asarray(False), zero,
            ),
        )  # fmt: skip
        gained = linear.cost - cost
        shrink = jnp.maximum(1 / 10, 1 - (2 * gained / promised - 1) ** 3)
        damping = jnp.where(better, damping * shrink, damping)
        guess = jax.tree.map(lambda a, b: jnp.where(better, a, b), trial, state.guess)
        little = better & (gained <= jnp.maximum(tolerance, 1e-9 * cost)) & (damping < 1)
        new = jax.lax.cond(
            better, lambda: linearize(task, guess, weighting), lambda: state.linear
        )
        return Search(
            guess,
            new,
            jnp.maximum(damping, _LEAST_DAMPING),
            state.iterations + 1,
            little | ~better,
            ~better,
        )

    first = Search(
        guess,
        linearize(task, guess, weighting),
        damping,
        jnp.zeros((), int),
        jnp.asarray(False),
        jnp.asarray(False),
    )
    return jax.lax.while_loop(lambda s: ~s.done & (s.iterations < most), step, first)


run_search = jax.jit(search)
run_cost = jax.jit(cost_of)


@jax.jit
def motions(task: Task, guess: Guess) -> tuple[Array, Array, Array, Array]:
    """Times and states after each step, their rates, and what is observed of them.

    Returns:
      ``[R, J, N + 1]``, ``[R, J, N + 1, S]`` twice, ``[R, J, L, M]``.
    """

    def one(task, constants, state, segment, inputs):
        states, seen = segment_motion(task, constants, state, segment, inputs)
        time = segment.start + jnp.concatenate([jnp.zeros(1), jnp.cumsum(segment.steps)])
        named = ravel_pytree(task.constants)[1](constants)
        rates = jax.vmap(lambda x, t: task.field(named, x, t, inputs))(states, time)
        return time, states, rates, seen

    return _over_segments(one, task, guess)
