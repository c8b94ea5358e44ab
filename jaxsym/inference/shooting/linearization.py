"""Multiple shooting's residuals and joints, linearized: what one step of a search solves."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.chains import Chains, Eliminated, compress, eliminate
from jaxsym.inference.shooting.motion import PROGRAMS
from jaxsym.inference.shooting.objective import (
    Guess,
    Task,
    Weighting,
    gaps_of,
    huber_weight,
    over_segments,
    residuals_of,
    student_weight,
    trajectory_costs,
)


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


def segment_slopes(task: Task, weighting: Weighting, size: int, unknowns: Array, segment, inputs):
    """A segment's end and residuals, their derivatives, and its weighted rows."""

    def both(unknowns):
        found = residuals_of(task, unknowns[size:], unknowns[:size], segment, inputs)
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
        rows, *rest = segment_slopes(task, weighting, size, unknowns, segment, inputs)
        return compress(rows), *rest

    rows, slopes, ends, residuals = over_segments(one, task, guess)
    costs = trajectory_costs(task, guess, weighting, ends, residuals)
    gaps = gaps_of(task, guess, weighting, ends)
    columns = jnp.concatenate([task.scale, task.free.astype(gaps.dtype)])
    rows = rows.at[..., :-1].multiply(columns)
    slopes = slopes * columns / task.scale[:, None]
    stiffness = jnp.sqrt(student_weight(gaps, weighting.outlying)) / weighting.looseness
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


def gaps_after(
    linear: Linear, constants: Float[Array, " P"], states: Float[Array, "R J S"]
) -> Float[Array, "R J S"]:
    """What the linear problem leaves of the gaps at the joints after a move, in scaled units."""
    size = states.shape[-1]
    ties = linear.chains.ties
    led = jnp.einsum("rjab,rjb->rja", ties[..., :size], states) + ties[..., size:-1] @ constants
    return ties[..., -1] + jnp.roll(states, -1, axis=1) - led


run_linearize = bounded_jit(shapes=PROGRAMS)(linearize)
