"""Batches of expressions as arrays, run by one compiled interpreter.

An expression becomes a list of instructions in static single assignment form. Its operands are
rows of one register file, `[constants | literals | variables | results]`, so that leaves cost no
instruction. A population is padded to one shape, and a scan over its programs runs a `lax.switch`
per instruction on whole rows of points: any expressions of that padded shape share one compiled
function, and padding is never executed.

Values and derivatives with respect to constants come from the same loop: a register holds its
value and, below it, one tangent row per constant (forward-mode differentiation by dual numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, ArrayLike, Float, Int

from jaxsym._check import require, unknown_name
from jaxsym._indices import power_of_two
from jaxsym.expr.expression import Expression, literal_value
from jaxsym.expr.operators import OPERATORS, Operator

Numbers: TypeAlias = Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Program:
    """P expressions as padded instruction lists: a pytree of arrays.

    Registers are numbered `[K constants | Q literals | V variables | L results]`.

    Attributes:
      opcode: `[P, L]` index into `functions`, one per instruction.
      operands: `[P, L, A]` registers that an instruction reads, A the largest arity.
      length: `[P]` number of real instructions; the rest is padding.
      root: `[P]` register of the expression's value.
      constants: `[P, K]` values of the constant slots; unused slots hold 0.
      literals: `[P, Q]` exact numbers (2, pi, ...), never fitted.
      functions: arity and jnp function per opcode (static).
      variables: V, the number of columns that `X` must have (static).
    """

    opcode: Int[Numbers, "P L"]
    operands: Int[Numbers, "P L A"]
    length: Int[Numbers, " P"]
    root: Int[Numbers, " P"]
    constants: Float[Numbers, "P K"]
    literals: Float[Numbers, "P Q"]
    functions: tuple[tuple[int, Callable[..., Array]], ...] = field(metadata={"static": True})
    variables: int = field(metadata={"static": True})


class _Place(NamedTuple):
    """An operand before registers are numbered: the block that it lives in, and its index there."""

    block: str
    offset: int


class _Listing(NamedTuple):
    """One expression before padding."""

    instructions: list[tuple[int, tuple[_Place, ...]]]
    literals: list[float]
    root: _Place


def compile_programs(
    expressions: Sequence[Expression],
    variables: Sequence[str],
    *,
    length: int | None = None,
    slots: int | None = None,
    operators: Mapping[str, Operator] = OPERATORS,
) -> Program:
    """Translate expressions into one `Program`.

    Shared sub-expressions are computed once. Without `length` and `slots` both are padded to powers
    of two (64 instructions at least), so that similar populations meet the same compiled function.

    Args:
      expressions: P expressions.
      variables: V names of the columns of `X`, in order.
      length: L, instructions per program after padding.
      slots: K, constants per program after padding.
      operators: the table that gives the functions.

    Raises:
      ValueError: no expressions, an unknown variable or operator, or an expression that needs more
        instructions or constants than asked for.

    >>> from jaxsym.expr import parse
    >>> program = compile_programs([parse("2*x + y"), parse("x**2")], ["x", "y"])
    >>> evaluate(program, jnp.array([[1.0, 5.0], [3.0, 4.0]])).tolist()
    [[7.0, 10.0], [1.0, 9.0]]
    """
    require(len(expressions) > 0, "expressions is empty; expected at least one")
    opcodes = {name: code for code, name in enumerate(operators)}
    columns = {name: _Place("variable", column) for column, name in enumerate(variables)}
    listings = [_listing(e, opcodes, columns) for e in expressions]
    length = _padded("length", length, max(len(item.instructions) for item in listings), 64)
    slots = _padded("slots", slots, max(len(e.constants) for e in expressions), 1)
    literals = _padded("literals", None, max(len(item.literals) for item in listings), 8)
    sizes = {"constant": slots, "literal": literals, "variable": len(variables), "result": length}
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    arity = max(operator.arity for operator in operators.values())
    count = len(expressions)
    opcode = np.zeros((count, length), np.int32)
    operands = np.zeros((count, length, arity), np.int32)
    constants = np.zeros((count, slots))
    numbers = np.zeros((count, literals))
    for p, (expression, item) in enumerate(zip(expressions, listings, strict=True)):
        constants[p, : len(expression.constants)] = expression.constants
        numbers[p, : len(item.literals)] = item.literals
        for i, (code, places) in enumerate(item.instructions):
            opcode[p, i] = code
            operands[p, i, : len(places)] = [starts[block] + offset for block, offset in places]
    return Program(
        opcode=opcode,
        operands=operands,
        length=np.array([len(item.instructions) for item in listings], np.int32),
        root=np.array([starts[i.root.block] + i.root.offset for i in listings], np.int32),
        constants=constants,
        literals=numbers,
        functions=tuple((operator.arity, operator.jnp) for operator in operators.values()),
        variables=len(variables),
    )


def _listing(
    expression: Expression, opcodes: Mapping[str, int], columns: Mapping[str, _Place]
) -> _Listing:
    """Instructions of one expression, each distinct one once."""
    instructions: dict[tuple[int, tuple[_Place, ...]], _Place] = {}
    literals: dict[float, _Place] = {}

    def variable(name: str) -> _Place:
        if name not in columns:
            raise unknown_name("variable", name, columns)
        return columns[name]

    def literal(token: str) -> _Place:
        return literals.setdefault(literal_value(token), _Place("literal", len(literals)))

    def apply(operator: Operator, arguments: list[_Place]) -> _Place:
        if operator.name not in opcodes:
            raise unknown_name("operator", operator.name, opcodes)
        new = _Place("result", len(instructions))
        return instructions.setdefault((opcodes[operator.name], tuple(arguments)), new)

    root = expression.fold(
        variable=variable,
        constant=lambda slot: _Place("constant", slot),
        literal=literal,
        apply=apply,
    )
    return _Listing(list(instructions), list(literals), root)


def _padded(name: str, size: int | None, needed: int, least: int) -> int:
    """`size` if it is enough; by default the next power of two, so that shapes repeat."""
    if size is None:
        return power_of_two(needed, least)
    require(needed <= size, f"{name}={size} is too small; an expression needs {needed}")
    return size


def evaluate(program: Program, X: Float[ArrayLike, "n V"]) -> Float[Array, "P n"]:
    """Values of every expression at every point, in the dtype of `X`.

    Pure; call it under `jax.jit`, which compiles once per padded shape.

    Args:
      program: P expressions.
      X: `[n, V]` points shared by all programs, or `[P, n, V]` points for each.

    Returns:
      `[P, n]` values; non-finite where an expression is undefined.

    Raises:
      ValueError: `X` has another number of columns or programs than `program`.
    """
    return _run(program, X, tangents=0)[:, 0]


def value_and_jacobian(
    program: Program, X: Float[ArrayLike, "n V"]
) -> tuple[Float[Array, "P n"], Float[Array, "P n K"]]:
    """Values, and their derivatives with respect to the constants.

    Args:
      program: P expressions with K constant slots; a slot that is not in use has derivative 0.
      X: `[n, V]` points shared by all programs, or `[P, n, V]` points for each.

    Returns:
      `[P, n]` values and `[P, n, K]` derivatives.

    Raises:
      ValueError: `X` has another number of columns or programs than `program`.

    >>> from jaxsym.expr import parse
    >>> program = compile_programs([parse("1.5*x**2")], ["x"])
    >>> [a.tolist() for a in value_and_jacobian(program, jnp.array([[2.0], [3.0]]))]
    [[[6.0, 13.5]], [[[4.0], [9.0]]]]
    """
    rows = _run(program, X, tangents=program.constants.shape[1])
    return rows[:, 0], jnp.moveaxis(rows[:, 1:], 1, 2)


def differentiable(program: Program) -> Callable[[Array, Array], Float[Array, "P n"]]:
    """``f(X, constants)``, whose derivatives by both arguments come from one run.

    Forward and backward; second ones if the last is forward, as in `jax.hessian`.

    Args:
      program: P expressions in V variables, with K constant slots.

    Returns:
      a function of points ``[n, V]`` and constants ``[P, K]``, for `jax.jvp` and `jax.jacfwd`.

    >>> from jaxsym.expr import parse
    >>> f = differentiable(compile_programs([parse("1.5*x**2")], ["x"]))
    >>> X, c = jnp.array([[2.0], [3.0]]), jnp.array([[1.5]])
    >>> [f(X, c).tolist(), jax.jacfwd(f, 1)(X, c)[0, :, 0, 0].tolist()]
    [[[6.0, 13.5]], [4.0, 9.0]]
    >>> jax.jvp(lambda X: f(X, c), (X,), (jnp.ones_like(X),))[1].tolist()
    [[6.0, 9.0]]
    """
    return partial(_value, program)


# The program is an argument: rules that close over traced arrays fail in loops.
@jax.custom_jvp
def _value(program: Program, X: Array, constants: Array) -> Array:
    return evaluate(replace(program, constants=constants), X)


@partial(_value.defjvp, symbolic_zeros=True)
def _value_and_change(
    primals: tuple[Program, Array, Array], directions: tuple[Any, Any, Any]
) -> tuple[Array, Array]:
    program, X, constants = primals
    slots, by_points = program.constants.shape[1], not isinstance(directions[1], SymbolicZero)
    tangents = slots + program.variables if by_points else slots
    rows = _run(replace(program, constants=constants), X, tangents)
    value, slopes = rows[:, 0], rows[:, 1:]
    change = jnp.zeros_like(value)
    if not isinstance(directions[2], SymbolicZero):
        change += _along(slopes[:, :slots], directions[2][..., None])
    if by_points:
        change += _along(slopes[:, slots:], directions[1].T[None])
    return value, change


def _along(slopes: Float[Array, "P T n"], direction: Float[Array, "P T n"]) -> Float[Array, "P n"]:
    """Their product, linear in the direction; slopes that are not finite count as none."""
    return jnp.sum(jnp.where(jnp.isfinite(slopes), slopes, 0.0) * direction, axis=1)


def _run(program: Program, X: Float[ArrayLike, "n V"], tangents: int) -> Float[Array, "P 1+T n"]:
    points = jnp.asarray(X)
    population = program.opcode.shape[0]
    require(
        points.ndim in (2, 3) and points.shape[-1] == program.variables,
        f"X has shape {points.shape}; expected [n, V] or [P, n, V] with V={program.variables}",
    )
    require(
        points.ndim == 2 or points.shape[0] == population,
        f"X has points for {points.shape[0]} programs; expected {population}",
    )
    columns = jnp.swapaxes(points, -1, -2)
    own = columns.ndim == 3
    registers = make_registers(program, columns.shape[-1], columns.dtype, tangents)
    if not own:
        registers = with_variables(program, registers, columns)

    def step(registers: Array, inputs: tuple[Program, Array | None]) -> tuple[Array, Array]:
        row, points = inputs
        registers = registers if points is None else with_variables(row, registers, points)
        return execute(row, with_literals(row, registers))

    return lax.scan(step, registers, (program, columns if own else None))[1]


def make_registers(program: Program, points: int, dtype: jnp.dtype, tangents: int) -> Array:
    """An empty register file `[K + Q + V + L, 1 + tangents, points]`.

    Tangents are none, K (by the constants) or K + V (by the variables as well).
    """
    constants, literals = program.constants.shape[-1], program.literals.shape[-1]
    rows = constants + literals + program.variables + program.opcode.shape[-1]
    registers = jnp.zeros((rows, 1 + tangents, points), dtype)
    place = np.arange(tangents)
    leaf = np.where(place < constants, place, place + literals)
    return registers.at[leaf, 1 + place].set(1)


def with_variables(program: Program, registers: Array, columns: Float[Array, "V n"]) -> Array:
    """The register file with the variables' values written."""
    first = program.constants.shape[-1] + program.literals.shape[-1]
    return lax.dynamic_update_slice(registers, columns[:, None], (first, 0, 0))


def with_literals(row: Program, registers: Array) -> Array:
    """The register file with the literals of one program written."""
    return _with_numbers(registers, row.literals, row.constants.shape[-1])


def execute(row: Program, registers: Array) -> tuple[Array, Float[Array, "1+T n"]]:
    """Run one program: `row` is a `Program` without its leading axis.

    Returns:
      the register file, to be used again, and the root's value above its tangents.
    """
    registers = _with_numbers(registers, row.constants, 0)
    first = row.constants.shape[-1] + row.literals.shape[-1] + row.variables
    branches = [_branch(arity, function, row) for arity, function in row.functions]

    def step(index: Array, registers: Array) -> Array:
        operands = row.operands[index]
        result = lax.switch(row.opcode[index], branches, registers, operands)
        if registers.shape[1] > 1:
            slopes, tangents = result[1:, None], registers[operands, 1:]
            result = jnp.concatenate([result[:1], jnp.sum(slopes * tangents, axis=0)])
        return lax.dynamic_update_index_in_dim(registers, result, first + index, 0)

    registers = lax.fori_loop(0, row.length, step, registers)
    return registers, registers[row.root]


def _with_numbers(registers: Array, numbers: Float[Numbers, " m"], first: int) -> Array:
    values = jnp.asarray(numbers, registers.dtype)[:, None, None]
    values = jnp.broadcast_to(values, (len(numbers), 1, registers.shape[-1]))
    return lax.dynamic_update_slice(registers, values, (first, 0, 0))


def _branch(
    arity: int, function: Callable[..., Array], row: Program
) -> Callable[[Array, Array], Array]:
    """One operator on registers: its value and, below, its slopes by operand if they are needed."""

    def apply(registers: Array, operands: Int[Array, " A"]) -> Array:
        values = [registers[operands[i], 0] for i in range(arity)]
        rows = [function(*values).astype(registers.dtype)]
        if registers.shape[1] > 1:
            rows += [_slope(function, values, i) for i in range(arity)]
            rows += [jnp.zeros_like(rows[0])] * (row.operands.shape[-1] - arity)
        return jnp.stack(rows)

    return apply


def _slope(function: Callable[..., Array], values: list[Array], place: int) -> Array:
    """Partial derivative with respect to one argument."""

    def along(value: Array) -> Array:
        return function(*values[:place], value, *values[place + 1 :])

    return jax.jvp(along, (values[place],), (jnp.ones_like(values[place]),))[1]
