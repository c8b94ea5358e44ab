"""Motion under any vector field, on a grid of steps that is chosen beforehand.

A vector field is a JAX function ``f(constants, state [S], time, inputs) -> d state / dt [S]``; its
constants and inputs are pytrees. The explicit Runge-Kutta methods are those of SciPy's tables
(Dormand and Prince 1980, order 5; Hairer, Norsett and Wanner 1993, "DOP853", order 8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float
from scipy.integrate import DOP853, RK45

VectorField: TypeAlias = Callable[[Any, Array, Array, Any], Array]
Observe: TypeAlias = Callable[[Any, Array, Array, Any], Array]

PROGRAMS = 16  # kept of each compiled function: every stage of a fit has segments of its own shape


class Method(NamedTuple):
    """An explicit Runge-Kutta method of K stages.

    Attributes:
      weights: of the slopes so far in each stage; zero on and above the diagonal.
      sum: weights of the slopes in the step.
      times: of the stages, as shares of the step.
    """

    weights: Float[np.ndarray, "K K"]
    sum: Float[np.ndarray, " K"]
    times: Float[np.ndarray, " K"]


METHODS: dict[str, Method] = {
    # Kutta 1901
    "rk4": Method(
        np.array([[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 1, 0]]),
        np.array([1, 2, 2, 1]) / 6,
        np.array([0, 0.5, 0.5, 1]),
    ),
    "dopri5": Method(np.pad(RK45.A, ((0, 0), (0, 1))), RK45.B, RK45.C),
    "dop853": Method(DOP853.A, DOP853.B, DOP853.C),
}


def rollout(
    field: Callable[[Array, Array], Array],
    method: Method,
    state: Float[Array, " S"],
    start: Float[Array | np.ndarray, ""],
    steps: Float[Array | np.ndarray, " N"],
    most: Float[Array, ""],
) -> Float[Array, "N1 S"]:
    """The states at the N + 1 ends of N steps.

    A motion that leaves the finite numbers, or grows beyond ``most``, stands still from there on:
    its errors are large and finite, and its derivatives are numbers.

    Args:
      field: ``(state, time) -> d state / dt``.
      method: an entry of `METHODS`.
      state: at the start.
      start: time of the start.
      steps: lengths, zero where there is nothing to do.
      most: largest absolute value of any coordinate.

    >>> decay = lambda x, t: -x
    >>> x = rollout(decay, METHODS["rk4"], jnp.ones(1), 0.0, jnp.full(10, 0.1), 1e9)
    >>> round(float(x[-1, 0]), 5)
    0.36788
    """

    def advance(now: tuple[Array, Array], step: Array) -> tuple[tuple[Array, Array], Array]:
        state, time = now
        new = runge_kutta_step(field, method, state, time, step)
        usable = jnp.all(jnp.isfinite(new) & (jnp.abs(new) < most))
        # step zero copies the state whatever the field says
        state = jnp.where(usable & (step != 0), new, state)
        return (state, time + step), state

    _, states = jax.lax.scan(advance, (state, jnp.asarray(start)), jnp.asarray(steps))
    return jnp.concatenate([state[None], states])


def runge_kutta_step(
    field: Callable[[Array, Array], Array], method: Method, state: Array, time: Array, step: Array
) -> Array:
    """One step; the stages are a loop, so that the field is compiled once."""

    def stage(slopes: Array, row: tuple[Array, Array, Array]) -> tuple[Array, None]:
        index, weights, share = row
        here = state + step * jnp.sum(weights[:, None] * slopes, axis=0)
        return slopes.at[index].set(field(here, time + share * step)), None

    count = len(method.sum)
    rows = (jnp.arange(count), jnp.asarray(method.weights), jnp.asarray(method.times))
    slopes, _ = jax.lax.scan(stage, jnp.zeros((count, len(state)), state.dtype), rows)
    return state + step * jnp.sum(jnp.asarray(method.sum)[:, None] * slopes, axis=0)


def as_argument(function: Callable) -> Partial:
    """A function as a pytree; one that is a pytree already stays as it is.

    A `Partial` of a `Partial` is a new function for every call, and would be compiled anew.
    """
    return function if isinstance(function, Partial) else Partial(function)


def second_order(
    acceleration: Callable[[Any, Array, Array, Array, Any], Array],
) -> VectorField:
    """The vector field of ``x'' = a(constants, x [M], v [M], time, inputs)``; the state is (x, v).

    >>> field = second_order(lambda k, x, v, t, u: -k * x)
    >>> field(4.0, jnp.array([1.0, 0.5]), 0.0, None).tolist()
    [0.5, -4.0]
    """
    return Partial(_second_order, as_argument(acceleration))


def _second_order(
    acceleration: Callable, constants: Any, state: Array, time: Array, inputs: Any
) -> Array:
    x, v = jnp.split(state, 2)
    return jnp.concatenate([v, acceleration(constants, x, v, time, inputs)])


def first_columns(count: int) -> Observe:
    return Partial(_leading, jnp.zeros(count))


def _leading(like: Array, constants: Any, state: Array, time: Array, inputs: Any) -> Array:
    return state[: len(like)]
