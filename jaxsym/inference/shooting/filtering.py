"""States by an extended Kalman filter in square-root form, where no guess from the data is near."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.chains import compress, eliminate_one
from jaxsym.inference.shooting.linearization import segment_slopes
from jaxsym.inference.shooting.motion import PROGRAMS
from jaxsym.inference.shooting.objective import FAR_APART, Guess, Task, Weighting, best_of
from jaxsym.inference.shooting.segments import Segments

_LEAST_KNOWN = 1e-4  # of a first state: its prior precision, in units of the noise


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
            return segment_slopes(
                task, weighting, size, jnp.concatenate([state, guess.constants]), part, inputs
            )

        def corrected(here: Array, share: Array):
            rows, by_state, end, _ = slopes(here)
            rows = jnp.concatenate([rows[:, :size] * task.scale, rows[:, -1:]], axis=1)
            away = (here - state) / task.scale
            known = left.at[:, -1].add(left[:, :size] @ away)
            triangle = compress(jnp.concatenate([known, rows]))
            move = jax.scipy.linalg.solve_triangular(triangle[:size, :size], -triangle[:size, -1])
            move = share * task.scale * jnp.clip(move, -FAR_APART, FAR_APART)
            return here + move, (known, rows, by_state, end)

        # the last time only for the derivatives where the state came to be
        here, found = jax.lax.scan(corrected, state, jnp.array([1.0, 1.0, 0.0]))
        known, rows, by_state, end = (each[-1] for each in found)
        tie = jnp.pad(by_state[:, :size] * task.scale / task.scale[:, None], ((0, 0), (0, 1)))
        own = jnp.concatenate([known, rows])
        own = jnp.concatenate([own, _LEAST_KNOWN * jnp.eye(size, size + 1)])
        stiff = jnp.full(size, 1 / weighting.looseness)
        left = eliminate_one(own, tie, stiff)[size:, size:]
        return (end, left), here

    def trajectory(first: Array, segments: Segments, inputs: Any) -> Array:
        prior = jnp.pad(_LEAST_KNOWN * jnp.eye(size), ((0, 1), (0, 1)))
        return jax.lax.scan(lambda c, s: segment(c, (s, inputs)), (first, prior), segments)[1]

    states = jax.vmap(trajectory)(guess.states[:, 0], task.segments, task.inputs)
    found = guess._replace(states=jnp.where(jnp.isfinite(states), states, guess.states))
    return best_of(task, [found, guess], weighting)[0]


run_follow = bounded_jit(shapes=PROGRAMS)(follow)
