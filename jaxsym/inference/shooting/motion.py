"""Motion under any vector field, in steps that follow it, with exact derivatives.

A vector field is a JAX function ``f(constants, state [S], time, inputs) -> d state / dt [S]``; its
constants and inputs are pytrees. The explicit Runge-Kutta pairs are those of SciPy's tables
(Bogacki and Shampine 1989, order 3; Dormand and Prince 1980, order 5; Hairer, Norsett and Wanner
1993, "DOP853", order 8). Steps are chosen from the states alone and have no derivatives, so that
what is differentiated is the motion that was computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int
from scipy.integrate import DOP853, RK23, RK45

VectorField: TypeAlias = Callable[[Any, Array, Array, Any], Array]
Observe: TypeAlias = Callable[[Any, Array, Array, Any], Array]

# of a step by the next one, as in SciPy and in Hairer, Norsett and Wanner 1993, section II.4
_SAFETY, _LEAST_FACTOR, _MOST_FACTOR = 0.9, 0.2, 5.0
_MOST_STEPS = 400  # in one segment, tried ones as well: bodies that meet closer are not followed
_SHORTEST = 1e-9  # step, as a share of the segment: what needs shorter ones has no motion there
_ROUNDING = 1e-13  # of a coordinate's size: errors below are not told from rounding
PROGRAMS = 16  # kept of each compiled function: every stage of a fit has segments of its own shape


class Method(NamedTuple):
    """An explicit Runge-Kutta method of K stages with estimates of its error.

    Attributes:
      weights: of the slopes so far in each stage; zero on and above the diagonal.
      sum: weights of the slopes in the step.
      times: of the stages, as shares of the step.
      errors: weights of the slopes in two estimates of the step's error, of which the second
        corrects the first (Hairer, Norsett and Wanner 1993, section II.10), or is zero.
      power: of the length of a step in its error.
    """

    weights: Float[np.ndarray, "K K"]
    sum: Float[np.ndarray, " K"]
    times: Float[np.ndarray, " K"]
    errors: Float[np.ndarray, "2 K"]
    power: float


def _first_same_as_last(solver: type[RK23] | type[RK45]) -> Method:
    """A method whose error needs the slope at the end of the step: a stage more."""
    weights = np.zeros((len(solver.E), len(solver.E)))
    weights[:-1, : solver.A.shape[1]] = solver.A
    weights[-1, :-1] = solver.B
    errors = np.stack([solver.E, np.zeros(len(solver.E))])
    return Method(weights, np.append(solver.B, 0.0), np.append(solver.C, 1.0), errors, solver.order)


METHODS: dict[str, Method] = {
    "bosh3": _first_same_as_last(RK23),
    "dopri5": _first_same_as_last(RK45),
    "dop853": Method(DOP853.A, DOP853.B, DOP853.C, np.stack([DOP853.E5[:-1], DOP853.E3[:-1]]), 8),
}


class Motion(NamedTuple):
    """What `rollout` tells.

    Attributes:
      states: at the start and at each of the stops.
      step: the last length that was not cut short by a stop.
      steps: how many were tried.
    """

    states: Float[Array, "L1 S"]
    step: Float[Array, ""]
    steps: Int[Array, ""]


class _Underway(NamedTuple):
    states: Array
    state: Array
    time: Array
    step: Array
    stop: Array
    steps: Array


def rollout(
    field: Callable[[Array, Array], Array],
    method: Method,
    state: Float[Array, " S"],
    start: Float[Array | np.ndarray, ""],
    stops: Float[Array | np.ndarray, " L"],
    count: Int[Array | np.ndarray, ""],
    step: Float[Array | np.ndarray, ""],
    allowed: Float[Array, " S"],
    most: Float[Array, ""],
) -> Motion:
    """The states at the stops on the way.

    A motion that leaves the finite numbers, grows beyond ``most`` or needs too many steps stands
    still from there on: its errors are large and finite, and its derivatives are numbers.

    Args:
      field: ``(state, time) -> d state / dt``.
      method: an entry of `METHODS`.
      state: at the start.
      start: time of the start.
      stops: increasing times.
      count: how many of them there are; the states at the others are those at the last one.
      step: the first step that is tried.
      allowed: error of a step.
      most: largest absolute value of any coordinate.

    >>> decay = lambda x, t: -x
    >>> some = rollout(decay, METHODS["dopri5"], jnp.ones(1), 0.0, np.array([0.5, 1.0]), 2, 0.1,
    ...                jnp.full(1, 1e-8), 1e9)
    >>> [round(x, 6) for x in some.states[:, 0].tolist()]
    [1.0, 0.606531, 0.367879]
    """
    stops, allowed = jnp.asarray(stops), jax.lax.stop_gradient(allowed)
    numbers = jnp.arange(len(stops) + 1)
    shortest = _SHORTEST * (stops[-1] - start)

    def advance(now: _Underway) -> _Underway:
        gap = stops[jnp.minimum(now.stop, len(stops) - 1)] - now.time
        step = gap / jnp.ceil(gap / now.step)  # equal ones up to the stop
        new, ratio = runge_kutta_step(field, method, now.state, now.time, step, allowed)
        done = (ratio <= 1) & jnp.all(jnp.isfinite(new) & (jnp.abs(new) < most))
        state = jnp.where(done, new, now.state)
        there = done & (step >= gap)
        time = jnp.where(there, now.time + gap, now.time + jnp.where(done, step, 0.0))
        growth = _SAFETY * jnp.maximum(ratio, 1e-12) ** (-1 / method.power)
        growth = jnp.clip(growth, _LEAST_FACTOR, jnp.where(done, _MOST_FACTOR, _SAFETY))
        growth = jnp.where(jnp.isfinite(ratio), growth, _LEAST_FACTOR)
        longer = step * growth
        # a stop that cuts a step short says nothing against the length that was meant
        longer = jnp.where(done & (step < now.step), jnp.maximum(longer, now.step), longer)
        states = jnp.where((there & (numbers == now.stop + 1))[:, None], state, now.states)
        return _Underway(states, state, time, longer, now.stop + there, now.steps + 1)

    def unfinished(now: _Underway) -> Array:
        return (now.stop < count) & (now.steps < _MOST_STEPS) & (now.step > shortest)

    none = jnp.zeros((), int)
    begin, step = jnp.asarray(start, state.dtype), jnp.asarray(step, state.dtype)
    states = jnp.broadcast_to(state, (len(stops) + 1, len(state)))
    first = _Underway(states, state, begin, step, none, none)
    last = jax.lax.while_loop(unfinished, advance, first)
    states = jnp.where((numbers <= last.stop)[:, None], last.states, last.state)
    return Motion(states, last.step, last.steps)


def runge_kutta_step(
    field: Callable[[Array, Array], Array],
    method: Method,
    state: Array,
    time: Array,
    step: Array,
    allowed: Array,
) -> tuple[Array, Array]:
    """One step, and its error over the one that is allowed.

    The stages are a loop, so that the field is compiled once.
    """

    def stage(slopes: Array, row: tuple[Array, Array, Array]) -> tuple[Array, None]:
        index, weights, share = row
        here = state + step * (weights @ slopes)
        return slopes.at[index].set(field(here, time + share * step)), None

    count = len(method.sum)
    rows = (jnp.arange(count), jnp.asarray(method.weights), jnp.asarray(method.times))
    slopes, _ = jax.lax.scan(stage, jnp.zeros((count, len(state)), state.dtype), rows)
    new = state + step * (jnp.asarray(method.sum) @ slopes)
    errors = step * (jnp.asarray(method.errors) @ jax.lax.stop_gradient(slopes))
    size = allowed + _ROUNDING * jnp.abs(jax.lax.stop_gradient(state))
    one, other = jnp.max(jnp.abs(errors) / size, axis=1)
    correction = jnp.sqrt(one**2 + 0.01 * other**2)
    return new, jnp.where(correction == 0, 0.0, one**2 / correction)


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
