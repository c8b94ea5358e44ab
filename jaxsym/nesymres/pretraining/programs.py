"""From token ids to programs of the batched interpreter, without leaving the device."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxsym._settings import implicit_broadcasting
from jaxsym.expr import OPERATORS, Program, evaluate
from jaxsym.nesymres.vocabulary import (
    BINARY,
    CONSTANT,
    ID,
    INTEGERS,
    SIZE,
    TOKENS,
    UNARY,
    VARIABLES,
    arity_table,
)


@implicit_broadcasting()
def to_program(
    tokens: Int[Array, "P L"], constants: Float[Array, "P K"], variables: int
) -> Program:
    """Prefix ids as a `Program`, without leaving the device.

    Args:
      tokens: ids, from ``start`` on or not; whatever follows a complete expression is ignored.
      constants: values of the free constants, from the left.
      variables: V, columns of the points.

    >>> ids = jnp.array([[ID[t] for t in ("add", "c", "pow", "x_1", "2")]])
    >>> evaluate(to_program(ids, jnp.array([[0.5]]), 1), jnp.array([[3.0]])).tolist()
    [[9.5]]
    """
    count, length = tokens.shape
    slots, literals = constants.shape[1], len(INTEGERS)
    tables = _tables()
    arity, power = jnp.asarray(tables.arity)[tokens], jnp.asarray(tables.power)
    is_operator = arity > 0
    # results are numbered from the right, so that operands come before what reads them
    later = jnp.cumsum(is_operator[:, ::-1], 1)[:, ::-1]
    place = slots + literals + variables + later - 1
    slot = jnp.cumsum(tokens == CONSTANT, 1) - 1
    leaf = jnp.where(tokens == CONSTANT, slot, slots + jnp.asarray(tables.leaf)[tokens])
    register = jnp.where(is_operator, place, leaf)
    second = _second_operand(arity)
    rows = jnp.arange(count)[:, None]
    following = jnp.minimum(jnp.arange(length) + 1, length - 1)
    left, right = register[:, following], register[rows, second]
    exponent = tokens[rows, second]
    short = (tokens == ID["pow"]) & (power[exponent] > 0)
    opcode = jnp.where(short, power[exponent], jnp.asarray(tables.opcode)[tokens])
    order = jnp.where(is_operator, later - 1, length)  # beyond the end: dropped
    starts = (tokens[:, 0] == ID["start"]).astype(jnp.int32)

    def scatter(values: Array) -> Array:
        return jnp.zeros((count, length), jnp.int32).at[rows, order].set(values, mode="drop")

    return Program(
        opcode=scatter(opcode),
        operands=jnp.stack([scatter(left), scatter(right)], -1),
        length=jnp.sum(is_operator, 1),
        root=jnp.take_along_axis(register, starts[:, None], 1)[:, 0],
        constants=constants,
        literals=jnp.broadcast_to(jnp.array([float(i) for i in INTEGERS]), (count, literals)),
        functions=tables.functions,
        variables=variables,
    )


@implicit_broadcasting()
def values(program: Program, X: Float[Array, "P n V"]) -> Float[Array, "P n"]:
    """Values of programs at their own points, in the way that suits the device.

    A CPU runs one program after the other; elsewhere all of them advance together.
    """
    return lax.platform_dependent(program, X, cpu=evaluate, default=_side_by_side)


def _side_by_side(program: Program, X: Float[Array, "P n V"]) -> Float[Array, "P n"]:
    def one(row: Program, points: Array) -> Array:
        alone = jax.tree.map(lambda leaf: leaf[None], row)
        return evaluate(alone, points)[0]

    return jax.vmap(one)(program, X)


def _second_operand(arity: Int[Array, "P L"]) -> Int[Array, "P L"]:
    """Where the second argument of every token starts, if it has one."""
    length = arity.shape[1]
    wanted = jnp.cumsum(arity - 1, 1)  # arguments still to come, after each token, up to a constant
    complete = wanted[:, None, :] == wanted[:, :, None] - 1
    after = jnp.arange(length)[None, :] > jnp.arange(length)[:, None]
    return jnp.minimum(jnp.argmax(complete & after, 2) + 1, length - 1)


class _Tables(NamedTuple):
    """What a token means to the interpreter."""

    arity: np.ndarray
    opcode: np.ndarray
    power: np.ndarray  # opcode of the power with that exponent, 0 if it has none of its own
    leaf: np.ndarray  # register after the constants
    functions: tuple


@functools.cache
def _tables() -> _Tables:
    used = [token for token in TOKENS if token in (*BINARY, *UNARY)]
    powers = {"-1": "inv", "2": "square", "3": "cube"}
    names = [*({"ln": "log"}.get(token, token) for token in used), *powers.values()]
    opcode, power, leaf = (np.zeros(SIZE, np.int32) for _ in range(3))
    opcode[[ID[token] for token in used]] = np.arange(len(used))
    power[[ID[token] for token in powers]] = len(used) + np.arange(len(powers))
    leaves = (*INTEGERS, *VARIABLES)
    leaf[[ID[token] for token in leaves]] = np.arange(len(leaves))
    functions = tuple((OPERATORS[name].arity, OPERATORS[name].jnp) for name in names)
    return _Tables(np.maximum(arity_table(), 0), opcode, power, leaf, functions)
