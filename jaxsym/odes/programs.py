"""Whole systems as data: one compiled function integrates and fits every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxsym._indices import power_of_two
from jaxsym.expr import Expression
from jaxsym.expr.program import Program, compile_programs, differentiable
from jaxsym.inference import VectorField
from jaxsym.odes.series import TimeSeries

# instructions and constants of one equation that there is room for; more get the next power of two
_LENGTH, _SLOTS = 32, 8


def system_field(
    equations: Sequence[Expression], variables: Sequence[str], order: int
) -> tuple[VectorField, Float[np.ndarray, "M K"], Bool[np.ndarray, "M K"]]:
    """A system as a vector field whose formulas are arrays.

    Args:
      equations: the right-hand sides of M states.
      variables: names of states, of their velocities (order 2), of time and of inputs.
      order: of the equations, 1 or 2.

    Returns:
      the field ``f(constants [M, K], state, time, inputs)``, its constants padded with zeros, and
      which of them there are.

    >>> from jaxsym.expr import parse
    >>> field, constants, used = system_field([parse("-2.5*x*t")], ["x", "t"], 1)
    >>> float(field(constants, jnp.array([3.0]), 2.0, None)[0]), int(used.sum())
    (-15.0, 1)
    """
    instructions = max(sum(t in e.operators for t in e.tokens) for e in equations)
    slots = max(len(e.constants) for e in equations)
    table = equations[0].operators
    for other in equations[1:]:
        table = table if other.operators.items() <= table.items() else {**table, **other.operators}
    program = compile_programs(
        equations,
        variables,
        length=power_of_two(instructions, _LENGTH),
        slots=power_of_two(slots, _SLOTS),
        operators=table,
    )
    used = np.arange(program.constants.shape[1]) < np.array([[len(e.constants)] for e in equations])
    return Partial(_second if order == 2 else _rates, program), np.asarray(program.constants), used


def interpolation(data: TimeSeries) -> dict[str, np.ndarray] | None:
    """Inputs for `inference.observations`: times and values of each trajectory, padded at the end."""
    if not data.input_names:
        return None
    most = max(map(len, data.time))
    pad = lambda a: np.pad(a, [(0, most - len(a)), *[(0, 0)] * (a.ndim - 1)], mode="edge")  # noqa: E731
    return {
        "time": np.stack([pad(t) for t in data.time]),
        "value": np.stack([pad(u) for u in data.inputs]),
    }


def _rates(program: Program, constants: Array, state: Array, time: Array, inputs: Any) -> Array:
    known = [jnp.reshape(jnp.asarray(time, state.dtype), 1)]
    if inputs is not None:
        known.append(_interpolated(inputs, time))
    point = jnp.concatenate([state, *known])
    return differentiable(program)(point[None], constants)[:, 0]


def _second(program: Program, constants: Array, state: Array, time: Array, inputs: Any) -> Array:
    velocity = state[len(state) // 2 :]
    return jnp.concatenate([velocity, _rates(program, constants, state, time, inputs)])


def _interpolated(inputs: dict[str, Array], time: Array) -> Float[Array, " U"]:
    """Straight lines between the samples of the inputs."""
    after = jnp.clip(jnp.searchsorted(inputs["time"], time), 1, len(inputs["time"]) - 1)
    t0, t1 = inputs["time"][after - 1], inputs["time"][after]
    share = jnp.clip((time - t0) / jnp.where(t1 > t0, t1 - t0, 1.0), 0.0, 1.0)
    return (1 - share) * inputs["value"][after - 1] + share * inputs["value"][after]
