"""Multiple shooting: constants and first states of any motion, from noisy, uneven, incomplete data.

Every trajectory is cut into segments whose first states are unknowns beside the constants. The
least-squares problem is that of the data and of the joints, at which each segment's end shall be
the next one's start: first loosely, so that poor constants cannot lead astray, in the end as one
whole motion (Bock 1981; weak-constraint assimilation, Tremolet 2006). Each stage is a
Levenberg-Marquardt search with exact derivatives of the motion and the elimination of all states
(`jaxsym.inference.shooting.chains`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxsym.inference.shooting.chains import (
    Chains,
    Eliminated,
    compress,
    eliminate,
    eliminate_one,
    solve,
)
from jaxsym.inference.shooting.motion import Method, rollout
from jaxsym.inference.shooting.segments import Segments

_FAR = 1e6  # residuals in units of their errors are cut here: motions that run away stay finite
_FAR_APART = 1e12  # joints, in units of their looseness
_LEAST_KNOWN = 1e-4  # of a first state: its prior precision, in units of the noise
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


class Linear(NamedTuple):
    """The problem linearized at a guess.

    Attributes:
      chains: in moves of the states in `Task.scale`, and of the constants in their units.
      stiffness: of the ties.
      units: of the constants.
      costs: sums of squares of the trajectories.
    """

    chains: Chains
    stiffness: Float[Array, "R J S"]
    units: Float[Array, " P"]
    costs: Float[Array, " R"]


class Search(NamedTuple):
    """A search between two steps.

    Attributes:
      guess: the best so far.
      linear: the problem there.
      damping: of the constants' next step.
      held: damping of each trajectory's states, beside that of the constants.
      iterations: steps so far.
      done: whether nothing is left to gain.
      stuck: whether no step was better.
    """

    guess: Guess
    linear: Linear
    damping: Float[Array, ""]
    held: Float[Array, " R"]
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


def huber_weight(residual: Array | np.ndarray, limit: Array | float) -> Array:
    """Share of the full weight that a residual keeps."""
    return jnp.minimum(1.0, limit / jnp.maximum(jnp.abs(residual), 1e-300))


def _student_cost(residual: Array, limit: Array) -> Array:
    finite = jnp.where(jnp.isfinite(limit), limit, 1.0)
    return jnp.where(
        jnp.isfinite(limit), finite**2 * jnp.log1p((residual / finite) ** 2), residual**2
    )


def _student_weight(residual: Array, limit: Array) -> Array:
    return 1 / (1 + (residual / limit) ** 2)


def costs_of(task: Task, guess: Guess, weighting: Weighting) -> Float[Array, " R"]:
    """The sums of squares of the trajectories, whose total is made least."""
    ends, residuals = _over_segments(_residuals, task, guess)
    return _costs(task, guess, weighting, ends, residuals)


def _gaps(task: Task, guess: Guess, weighting: Weighting, ends: Array) -> Array:
    """Distances at the joints ``[R, J, S]`` in units of their looseness; zero at the last."""
    gaps = (guess.states[:, 1:] - ends[:, :-1]) / (task.scale * weighting.looseness)
    return jnp.pad(jnp.clip(gaps, -_FAR_APART, _FAR_APART), ((0, 0), (0, 1), (0, 0)))


def _costs(task: Task, guess: Guess, weighting: Weighting, ends: Array, residuals: Array) -> Array:
    data = jnp.sum(_huber_cost(residuals, weighting.huber), axis=(1, 2, 3))
    gaps = _gaps(task, guess, weighting, ends)
    return data + jnp.sum(_student_cost(gaps, weighting.outlying), axis=(1, 2))


def _segment_slopes(task: Task, weighting: Weighting, size: int, unknowns: Array, segment, inputs):
    """A segment's end and residuals, their derivatives, and its weighted rows."""

    def both(unknowns):
        found = _residuals(task, unknowns[size:], unknowns[:size], segment, inputs)
        return found, found

    slopes, (end, residual) = jax.jacfwd(both, has_aux=True)(unknowns)
    weight = jnp.sqrt(huber_weight(residual, weighting.huber)).ravel()
    by_data = jnp.nan_to_num(slopes[1]).reshape(len(weight), -1)
    rows = weight[:, None] * jnp.concatenate([by_data, residual.reshape(-1, 1)], axis=1)
    return rows, jnp.nan_to_num(slopes[0]), end, residual


def linearize(task: Task, guess: Guess, weighting: Weighting) -> Linear:
    """Residuals and joints with their exact derivatives by first states and constants."""
    size = guess.states.shape[-1]

    def one(task, constants, state, segment, inputs):
        unknowns = jnp.concatenate([state, constants])
        rows, *rest = _segment_slopes(task, weighting, size, unknowns, segment, inputs)
        return compress(rows), *rest

    rows, slopes, ends, residuals = _over_segments(one, task, guess)
    costs = _costs(task, guess, weighting, ends, residuals)
    gaps = _gaps(task, guess, weighting, ends)
    columns = jnp.concatenate([task.scale, task.free.astype(gaps.dtype)])
    rows = rows.at[..., :-1].multiply(columns)
    slopes = slopes * columns / task.scale[:, None]
    stiffness = jnp.sqrt(_student_weight(gaps, weighting.outlying)) / weighting.looseness
    stiffness = stiffness.at[:, -1].set(0.0)
    leads = weighting.leads[:, None, None, None]
    rows = rows.at[..., size:-1].multiply(leads)
    slopes = slopes.at[..., size:].multiply(leads)
    # the constants in units of what moves the data, or the joints, by one standard error
    squares = jnp.sum(rows[..., size:-1] ** 2, axis=(0, 1, 2))
    counted = jnp.minimum(stiffness, 1.0)[..., None] * slopes[..., size:]
    squares += jnp.sum(counted**2, axis=(0, 1, 2))
    units = jnp.where(squares > 0, 1 / jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 1.0)
    rows = rows.at[..., size:-1].multiply(units)
    slopes = slopes.at[..., size:].multiply(units)
    apart = (gaps * weighting.looseness)[..., None]
    chains = Chains(rows, jnp.concatenate([slopes, apart], axis=-1))
    return Linear(chains, stiffness, units, costs)


def factorize(
    task: Task, linear: Linear, damping: Float[Array, ""], held: Float[Array, " R"]
) -> Eliminated:
    """The linear problem with some damping, factored."""
    still = jnp.where(task.free, jnp.sqrt(damping), 1.0)
    return eliminate(linear.chains, linear.stiffness, jnp.sqrt(damping + held), still)


def _better_of(task: Task, one: Guess, other: Guess, weighting: Weighting):
    """The constants of the first guess with, for each trajectory, the better of both's states."""
    first = costs_of(task, one, weighting)
    second = costs_of(task, one._replace(states=other.states), weighting)
    moved = first <= second
    states = jnp.where(moved[:, None, None], one.states, other.states)
    return one._replace(states=states), jnp.minimum(first, second), moved


class _Trial(NamedTuple):
    """An attempt at a step with one damping."""

    guess: Guess
    costs: Float[Array, " R"]
    moved: Bool[Array, " R"]
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    attempts: Int[Array, ""]
    better: Bool[Array, ""]
    held: Float[Array, " R"]


def _attempt(task: Task, weighting: Weighting, state: Search, last: _Trial) -> _Trial:
    linear, best = state.linear, state.guess
    factors = factorize(task, linear, last.damping, last.held)
    constants, states = solve(factors)
    moved_guess = Guess(
        best.constants + constants * linear.units * task.free, best.states + states * task.scale
    )
    trial, costs, moved = _better_of(task, moved_guess, best, weighting)
    # trajectories whose states did not follow are held back more, the others less
    held = jnp.where(moved, last.held / 10, 10 * jnp.maximum(last.held, last.damping))
    before = jnp.sum(linear.costs, where=weighting.leads)
    better = jnp.sum(costs, where=weighting.leads) < before
    return _Trial(
        trial,
        costs,
        moved,
        jnp.where(better, last.damping, last.damping * last.growth),
        2 * last.growth,
        last.attempts + 1,
        better,
        jnp.minimum(held, _MOST_DAMPING),
    )


def _step(task: Task, weighting: Weighting, tolerance: Array, state: Search) -> Search:
    zero = jnp.zeros_like(state.damping)
    start = _Trial(
        state.guess,
        state.linear.costs,
        jnp.ones(len(state.held), bool),
        state.damping,
        zero + 2,
        jnp.zeros((), int),
        jnp.asarray(False),
        state.held,
    )
    trial = jax.lax.while_loop(
        lambda t: ~t.better & (t.attempts < _ATTEMPTS) & (t.damping < _MOST_DAMPING),
        lambda t: _attempt(task, weighting, state, t),
        start,
    )
    total = jnp.sum(trial.costs, where=weighting.leads)
    gained = jnp.sum(state.linear.costs, where=weighting.leads) - total
    damping = jnp.where(trial.better, trial.damping / 10, trial.damping)
    guess = jax.tree.map(lambda a, b: jnp.where(trial.better, a, b), trial.guess, state.guess)
    little = gained <= jnp.maximum(tolerance, 1e-9 * total)
    ended = trial.better & little & (damping < 1) & jnp.all(trial.moved | ~weighting.leads)
    linear = jax.lax.cond(
        trial.better, lambda: linearize(task, guess, weighting), lambda: state.linear
    )
    return Search(
        guess,
        linear,
        jnp.maximum(damping, _LEAST_DAMPING),
        trial.held,
        state.iterations + 1,
        ended | ~trial.better,
        ~trial.better,
    )


def search(
    task: Task,
    guess: Guess,
    weighting: Weighting,
    damping: Float[Array, ""],
    tolerance: Float[Array, ""],
    most: Int[Array, ""],
) -> Search:
    """Levenberg-Marquardt from a guess.

    A trajectory whose own sum of squares a step would raise keeps its states in that step and is
    damped more: one motion through a close encounter does not hold up all others.

    Args:
      task: the problem.
      guess: where to start.
      weighting: of residuals and joints.
      damping: of the first step.
      tolerance: a step that lowers the sum of squares by less, or by less than 1e-9 of it, is the
        last one.
      most: steps.
    """
    linear = linearize(task, guess, weighting)
    no = jnp.asarray(False)
    held = jnp.zeros_like(linear.costs)
    first = Search(guess, linear, damping, held, jnp.zeros((), int), no, no)
    return jax.lax.while_loop(
        lambda s: ~s.done & (s.iterations < most),
        lambda s: _step(task, weighting, tolerance, s),
        first,
    )


def follow(task: Task, guess: Guess, weighting: Weighting) -> Guess:
    """States found one after the other, each predicted from the one before (extended filter).

    Where bodies meet between samples, polynomials through the data are no guess; the motion under
    the law as it is known so far, corrected by each segment's data, is. A trajectory takes the
    states found so if they are better than those of the guess.
    """
    size = guess.states.shape[-1]

    def segment(carry: tuple[Array, Array], given: tuple[Segments, Any]):
        (state, left), (part, inputs) = carry, given

        def slopes(state):
            return _segment_slopes(
                task, weighting, size, jnp.concatenate([state, guess.constants]), part, inputs
            )

        def corrected(reference: Array) -> Array:
            rows = _onto_states(slopes(reference)[0], task, size)
            away = (reference - state) / task.scale
            known = left.at[:, -1].add(left[:, :size] @ away)
            triangle = compress(jnp.concatenate([known, rows]))
            move = jax.scipy.linalg.solve_triangular(triangle[:size, :size], -triangle[:size, -1])
            return reference + task.scale * jnp.clip(move, -_FAR_APART, _FAR_APART)

        here = corrected(corrected(state))
        rows, by_state, end, _ = slopes(here)
        away = (here - state) / task.scale
        known = left.at[:, -1].add(left[:, :size] @ away)
        tie = jnp.pad(by_state[:, :size] * task.scale / task.scale[:, None], ((0, 0), (0, 1)))
        own = jnp.concatenate([known, _onto_states(rows, task, size)])
        own = jnp.concatenate([own, _LEAST_KNOWN * jnp.eye(size, size + 1)])
        stiff = jnp.full(size, 1 / weighting.looseness)
        left = eliminate_one(own, tie, stiff)[size:, size:]
        return (end, left), here

    def trajectory(first: Array, segments: Segments, inputs: Any) -> Array:
        prior = jnp.pad(_LEAST_KNOWN * jnp.eye(size), ((0, 1), (0, 1)))
        return jax.lax.scan(lambda c, s: segment(c, (s, inputs)), (first, prior), segments)[1]

    states = jax.vmap(trajectory)(guess.states[:, 0], task.segments, task.inputs)
    found = guess._replace(states=jnp.where(jnp.isfinite(states), states, guess.states))
    return _better_of(task, found, guess, weighting)[0]


def _onto_states(rows: Array, task: Task, size: int) -> Array:
    return jnp.concatenate([rows[:, :size] * task.scale, rows[:, -1:]], axis=1)


run_search = jax.jit(search)
run_follow = jax.jit(follow)
run_costs = jax.jit(costs_of)


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
