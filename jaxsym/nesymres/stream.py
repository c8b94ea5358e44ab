"""Training examples made on the device, from skeletons to bits, as a pure function of a key."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from jaxsym._check import require
from jaxsym.expr import OPERATORS, Program, evaluate
from jaxsym.nesymres.bank import Bank
from jaxsym.nesymres.vocabulary import (
    BINARY,
    CONSTANT,
    ID,
    INTEGERS,
    PAD,
    SIZE,
    TOKENS,
    UNARY,
    VARIABLES,
    arity_table,
)

_LARGEST = 5e4  # points with larger values are left out
_SLOTS = 8  # most free constants of a skeleton


@dataclass(frozen=True)
class StreamConfig:
    """How examples are made of skeletons; the default is that of the original's code.

    Attributes:
      points: n, most points of an example.
      fewest: the number of points is log-uniform between this and `points`.
      support: "fixed": every variable uniform within +-10; "random": within an interval of its own,
        whose ends are uniform within +-10 (the paper's text); "mixed": either, half of the time.
      factors: range of the constants that are factors, uniform.
      terms: range of the constants that are terms of a sum.
      usable: least share of points with finite values of usual size; fewer reject the example.

    Raises:
      ValueError: numbers out of range.
    """

    points: int = 200
    fewest: int = 10
    support: Literal["fixed", "random", "mixed"] = "fixed"
    factors: tuple[float, float] = (0.1, 5.0)
    terms: tuple[float, float] = (-2.0, 2.0)
    usable: float = 0.2

    def __post_init__(self) -> None:
        require(
            1 <= self.fewest <= self.points,
            f"fewest={self.fewest}, points={self.points}; expected 1 <= fewest <= points",
        )
        require(
            self.support in ("fixed", "random", "mixed"),
            f"support={self.support!r}; expected 'fixed', 'random' or 'mixed'",
        )
        require(0 < self.usable <= 1, f"usable={self.usable}; expected above 0, at most 1")


class DeviceBank(NamedTuple):
    """Skeletons on the device: `[N, L]` ids and `[N]` numbers of columns."""

    tokens: Int[Array, "N L"]
    columns: Int[Array, " N"]


class Examples(NamedTuple):
    """B tables with the skeletons that made them.

    Attributes:
      tokens: `[B, L]` ids from ``start`` on, all ``pad`` where an example was rejected.
      X: `[B, n, V]` points; columns beyond the table's are 0.
      y: `[B, n]` values; 0 where the mask is False.
      mask: `[B, n]` which points count.
      constants: `[B, K]` values of the free constants, from the left.
    """

    tokens: Int[Array, "B L"]
    X: Float[Array, "B n V"]
    y: Float[Array, "B n"]
    mask: Bool[Array, "B n"]
    constants: Float[Array, "B K"]


def on_device(bank: Bank) -> DeviceBank:
    """The arrays of a bank, to be given to the trainer as its data."""
    return DeviceBank(jnp.asarray(bank.tokens), jnp.asarray(bank.columns))


def draw_examples(
    key: Key[Array, ""], bank: DeviceBank, size: int, config: StreamConfig, variables: int
) -> Examples:
    """A batch of examples; the same for the same key.

    Pure, for use under `jax.jit`: skeletons are drawn from the bank, their constants and points
    from the prior, values computed by the batched interpreter.

    Args:
      key: PRNG key.
      bank: skeletons.
      size: B.
      config: the prior of constants, points and values.
      variables: V, columns of X.

    >>> from jaxsym.nesymres import Prior, generate_bank
    >>> bank = on_device(generate_bank(Prior(), 50))
    >>> batch = draw_examples(jax.random.key(0), bank, 4, StreamConfig(points=20), 3)
    >>> batch.X.shape, batch.y.shape, bool(jnp.isfinite(batch.y).all())
    ((4, 20, 3), (4, 20), True)
    """
    rows_key, constants_key, points_key, count_key = jax.random.split(key, 4)
    rows = jax.random.randint(rows_key, (size,), 0, bank.tokens.shape[0])
    tokens, columns = bank.tokens[rows].astype(jnp.int32), bank.columns[rows]
    constants = _draw_constants(constants_key, tokens, config)
    X = _draw_points(points_key, size, variables, columns, config)
    y = values(to_program(tokens, constants, variables), X)
    low, high = jnp.log(config.fewest - 0.5), jnp.log(config.points + 0.5)
    count = jnp.round(jnp.exp(jax.random.uniform(count_key, (size, 1), minval=low, maxval=high)))
    good = jnp.isfinite(y) & (jnp.abs(y) <= _LARGEST)
    mask = good & (jnp.arange(config.points) < count)
    enough = jnp.sum(mask, 1, keepdims=True) >= jnp.maximum(config.usable * count, 1)
    return Examples(
        tokens=jnp.where(enough, tokens, PAD),
        X=X,
        y=jnp.where(mask, y, 0),
        mask=mask & enough,
        constants=constants,
    )


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


def _draw_constants(key: Array, tokens: Array, config: StreamConfig) -> Float[Array, "B K"]:
    """Free constants: terms of a sum from one range, factors and all others from another."""
    unit = jax.random.uniform(key, (*tokens.shape[:1], _SLOTS))
    position = jnp.arange(tokens.shape[1])
    # the canonical form writes the numbers of a sum or product first
    term = (tokens == CONSTANT) & (jnp.roll(tokens, 1, 1) == ID["add"])
    order = jnp.argsort(jnp.where(tokens == CONSTANT, position, tokens.shape[1] + position), 1)
    is_term = jnp.take_along_axis(term, order[:, :_SLOTS], 1)
    low = jnp.where(is_term, config.terms[0], config.factors[0])
    high = jnp.where(is_term, config.terms[1], config.factors[1])
    return low + (high - low) * unit


def _draw_points(
    key: Array, size: int, variables: int, columns: Array, config: StreamConfig
) -> Float[Array, "B n V"]:
    unit_key, ends_key, choice_key = jax.random.split(key, 3)
    ends = jnp.sort(jax.random.uniform(ends_key, (size, 2, variables), minval=-10, maxval=10), 1)
    wide = jnp.stack([-10.0 * jnp.ones(variables), 10.0 * jnp.ones(variables)])
    share = {"fixed": 1.0, "random": 0.0, "mixed": 0.5}[config.support]
    fixed = jax.random.bernoulli(choice_key, share, (size, 1, 1))
    ends = jnp.where(fixed, wide, ends)
    unit = jax.random.uniform(unit_key, (size, config.points, variables))
    X = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * unit
    return jnp.where(jnp.arange(variables) < columns[:, None, None], X, 0)


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
