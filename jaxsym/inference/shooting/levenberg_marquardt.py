"""The search for the least sum of squares (Levenberg 1944, Marquardt 1963), as one program.

Each step takes exact derivatives of the motion and eliminates all states
(`jaxsym.inference.shooting.chains`).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.chains import solve
from jaxsym.inference.shooting.linearization import Linear, factorize, gaps_after, linearize
from jaxsym.inference.shooting.motion import PROGRAMS
from jaxsym.inference.shooting.objective import Guess, Task, Weighting, better_of, rolled_on

_LEAST_DAMPING, _MOST_DAMPING = 1e-16, 1e16
_ATTEMPTS = 30  # dampings that are tried for one step


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
    # stiff joints allow only tiny straight steps where the motion is curved: the motion itself,
    # with the gaps that the linear problem leaves, stays near them (Bock 1981)
    curved = rolled_on(task, moved_guess, gaps_after(linear, constants, states))
    moved_guess = better_of(task, curved, moved_guess, weighting)[0]
    trial, costs, moved = better_of(task, moved_guess, best, weighting)
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


run_search = bounded_jit(shapes=PROGRAMS)(search)
