"""Motion under equations that were found: by JAX, differentiable, and by an implicit method."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.ode import odeint
from jaxtyping import Array, ArrayLike, Float
from scipy.integrate import LSODA

from jaxsym.expr import Expression

_MOST_STEPS = 20_000  # a motion that needs more runs away


def flow(
    equations: Sequence[Expression],
    variables: Sequence[str],
    order: int,
    state: Float[ArrayLike, " S"],
    time: Float[ArrayLike, " T"],
    inputs: Float[ArrayLike, "T U"] | None = None,
    constants: Any = None,
) -> Float[Array, "T S"]:
    """The states at given times, by Dormand and Prince's method with steps of its own choice.

    Pure, and differentiable in reverse mode by the state, the times and the constants.

    Args:
      equations: right-hand sides.
      variables: names of states, velocities (order 2), time and inputs.
      order: of the equations.
      state: at the first time; for order 2 with velocities after the states.
      time: increasing.
      inputs: at the times, straight lines between them.
      constants: of each equation, in place of its own.
    """
    made = [e.jax(variables) for e in equations]
    numbers = [jnp.asarray(c) for _, c in made] if constants is None else constants
    start, when = jnp.asarray(state, float), jnp.asarray(time, float)
    known = None if inputs is None else jnp.asarray(inputs, float)

    def rates(x: Array, t: Array, numbers: Any, when: Array, known: Array | None) -> Array:
        extra = [] if known is None else [_between(when, known, t)]
        point = jnp.concatenate([x, jnp.reshape(t, 1).astype(x.dtype), *extra])
        right = jnp.stack([f(point, c) for (f, _), c in zip(made, numbers, strict=True)])
        return jnp.concatenate([x[len(x) // 2 :], right]) if order == 2 else right

    tolerance = 1e-9 if start.dtype == jnp.float64 else 1e-6
    return odeint(rates, start, when, numbers, when, known, rtol=tolerance, atol=tolerance)


def _between(time: Array, values: Array, at: Array) -> Array:
    return jax.vmap(lambda v: jnp.interp(at, time, v), 1)(values)


def iterate(
    equations: Sequence[Expression],
    variables: Sequence[str],
    state: Float[ArrayLike, " M"],
    time: Float[ArrayLike, " T"],
    inputs: Float[ArrayLike, "T U"] | None = None,
) -> Float[Array, "T M"]:
    """The states of a map from the first one on, one for each time; differentiable."""
    made = [e.jax(variables) for e in equations]
    when = jnp.asarray(time, float)
    known = jnp.zeros((len(when), 0)) if inputs is None else jnp.asarray(inputs, float)

    def step(x: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        point = jnp.concatenate([x, given[0][None], given[1]])
        return jnp.stack([f(point, jnp.asarray(c)) for f, c in made]), x

    return jax.lax.scan(step, jnp.asarray(state, float), (when, known))[1]


def implicit_flow(
    equations: Sequence[Expression],
    variables: Sequence[str],
    order: int,
    state: Float[ArrayLike, " S"],
    time: Float[ArrayLike, " T"],
    inputs: Float[np.ndarray, "T U"] | None = None,
) -> Float[np.ndarray, "T S"]:
    """The same by SciPy's LSODA, which turns implicit where motion is stiff; not differentiable.

    NaN from where on the motion leaves the finite numbers or needs too many steps.
    """
    start, when = np.asarray(state, float), np.asarray(time, float)
    known = np.zeros((len(when), 0)) if inputs is None else np.asarray(inputs, float)

    def rates(t: float, x: np.ndarray) -> np.ndarray:
        extra = [np.interp(t, when, u) for u in known.T]
        point = np.concatenate([x, [t], extra])
        right = np.array([float(e.evaluate(point, variables)) for e in equations])
        return np.concatenate([x[len(x) // 2 :], right]) if order == 2 else right

    result = np.full((len(when), len(start)), np.nan)
    result[0] = start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a motion that runs away is told of by NaN
        solver = LSODA(rates, when[0], start, when[-1], rtol=1e-9, atol=1e-12)
        for _ in range(_MOST_STEPS):
            if solver.status != "running":
                break
            before = solver.t
            solver.step()
            if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                break
            passed = (when > before) & (when <= solver.t)
            if passed.any():
                result[passed] = solver.dense_output()(when[passed]).T
    return result
