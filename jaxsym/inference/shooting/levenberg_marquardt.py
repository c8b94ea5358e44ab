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
from jaxsym.inference.shooting.objective import Guess, Task, Weighting, best_of, rolled_on

_LEAST_DAMPING, _MOST_DAMPING = 1e-16, 1e16
_ATTEMPTS = 30  # dampings that are tried for one step


class Search(NamedTuple):
    """A search between two steps.

    Attributes:
      guess: the best so far.
      linear: the problem there, or where the last step began while the search goes on.
      damping: of the constants' next step.
      held: damping of each trajectory's states, beside that of the constants.
      iterations: steps so far.
      done: whether nothing is left to gain.
      ended: whether all is done, and ``linear`` is the problem at the guess.
    """

    guess: Guess
    linear: Linear
    damping: Float[Array, ""]
    held: Float[Array, " R"]
    iterations: Int[Array, ""]
    done: Bool[Array, ""]
    ended: Bool[Array, ""]


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


def _attempt(task: Task, weighting: Weighting, best: Guess, linear: Linear, last: _Trial) -> _Trial:
    factors = factorize(task, linear, last.damping, last.held)
    constants, states = solve(factors)
    straight = Guess(
        best.constants + constants * linear.units * task.free, best.states + states * task.scale
    )
    # stiff joints allow only tiny straight steps where the motion is curved: the motion itself,
    # with the gaps that the linear problem leaves, stays near them (Bock 1981)
    curved = rolled_on(task, straight, gaps_after(linear, constants, states))
    trial, costs, chosen = best_of(task, [curved, straight, best], weighting)
    moved = chosen < 2
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


def _step(
    task: Task, weighting: Weighting, tolerance: Array, state: Search, linear: Linear
) -> Search:
    zero = jnp.zeros_like(state.damping)
    start = _Trial(
        state.guess,
        linear.costs,
        jnp.ones(len(state.held), bool),
        state.damping,
        zero + 2,
        jnp.zeros((), int),
        jnp.asarray(False),
        state.held,
    )
    trial = jax.lax.while_loop(
        lambda t: ~t.better & (t.attempts < _ATTEMPTS) & (t.damping < _MOST_DAMPING),
        lambda t: _attempt(task, weighting, state.guess, linear, t),
        start,
    )
    total = jnp.sum(trial.costs, where=weighting.leads)
    gained = jnp.sum(linear.costs, where=weighting.leads) - total
    damping = jnp.where(trial.better, trial.damping / 10, trial.damping)
    guess = jax.tree.map(lambda a, b: jnp.where(trial.better, a, b), trial.guess, state.guess)
    little = gained <= jnp.maximum(tolerance, 1e-9 * total)
    last = trial.better & little & (damping < 1) & jnp.all(trial.moved | ~weighting.leads)
    return Search(
        guess,
        linear,
        jnp.maximum(damping, _LEAST_DAMPING),
        trial.held,
        state.iterations + 1,
        last | ~trial.better,
        ~trial.better,  # the guess did not move, and the problem there is known
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

    def go_on(state: Search) -> Search:
        linear = linearize(task, state.guess, weighting)
        return jax.lax.cond(
            state.done | (state.iterations >= most),
            lambda: state._replace(linear=linear, ended=jnp.asarray(True)),
            lambda: _step(task, weighting, tolerance, state, linear),
        )

    no = jnp.asarray(False)
    empty = jax.tree.map(
        lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(linearize, task, guess, weighting)
    )
    held = jnp.zeros_like(empty.costs)
    first = Search(guess, empty, damping, held, jnp.zeros((), int), no, no)
    return jax.lax.while_loop(lambda state: ~state.ended, go_on, first)


run_search = bounded_jit(shapes=PROGRAMS)(search)
