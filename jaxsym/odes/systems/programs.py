"""Whole systems as data: one compiled function integrates and fits every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxsym._indices import power_of_two
from jaxsym.expr import Expression
from jaxsym.expr.program import Program, compile_programs
from jaxsym.inference import VectorField
from jaxsym.odes.measured.series import TimeSeries
from jaxsym.search import DEFAULT_OPERATORS

# instructions and constants of one equation that there is room for; more get the next power of two
_LENGTH, _SLOTS = 32, 8
# Most right-hand sides need no more than the first table, which compiles and runs fastest.
_RATIONAL = {
    name: DEFAULT_OPERATORS[name]
    for name in ("add", "sub", "mul", "div", "neg", "inv", "square", "cube")
}
_TABLES = (_RATIONAL, DEFAULT_OPERATORS)


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
    rows = {t: e.operators[t] for e in equations for t in e.tokens if t in e.operators}
    fits = (table for table in _TABLES if rows.items() <= table.items())
    table = next(fits, {**DEFAULT_OPERATORS, **rows})
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
    """Inputs for `inference.observations`: times and values of each trajectory, padded."""
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
    return _values(program, point, constants)


def _second(program: Program, constants: Array, state: Array, time: Array, inputs: Any) -> Array:
    velocity = state[len(state) // 2 :]
    return jnp.concatenate([velocity, _rates(program, constants, state, time, inputs)])


def _values(
    program: Program, point: Float[Array, " V"], constants: Float[Array, "M K"]
) -> Float[Array, " M"]:
    """All equations at one point, instruction by instruction.

    Every operator is computed and one result taken: on single points that costs next to nothing,
    and compiles in a fraction of the time that a branch for each operator takes
    (`jaxsym.expr.program`, which is for rows of points).
    """
    first = constants.shape[1] + program.literals.shape[1] + program.variables
    equations = jnp.arange(len(constants))
    leaves = jnp.broadcast_to(point, (len(constants), len(point)))
    results = jnp.zeros(program.opcode.shape, point.dtype)
    literals = jnp.asarray(program.literals, point.dtype)
    registers = jnp.concatenate([constants, literals, leaves, results], axis=1)

    def step(index: Array, registers: Array) -> Array:
        places = program.operands[:, index]
        operands = [registers[equations, places[:, k]] for k in range(places.shape[1])]
        made = [function(*operands[:arity]) for arity, function in program.functions]
        value = jax.lax.select_n(program.opcode[:, index], *made)
        return registers.at[:, first + index].set(value)

    registers = jax.lax.fori_loop(0, jnp.max(program.length), step, registers)
    return registers[equations, program.root]


def _interpolated(inputs: dict[str, Array], time: Array) -> Float[Array, " U"]:
    """Straight lines between the samples of the inputs."""
    after = jnp.clip(jnp.searchsorted(inputs["time"], time), 1, len(inputs["time"]) - 1)
    t0, t1 = inputs["time"][after - 1], inputs["time"][after]
    share = jnp.clip((time - t0) / jnp.where(t1 > t0, t1 - t0, 1.0), 0.0, 1.0)
    return (1 - share) * inputs["value"][after - 1] + share * inputs["value"][after]
