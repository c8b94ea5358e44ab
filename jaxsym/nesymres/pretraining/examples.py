"""Training examples made on the device, from skeletons to bits, as a pure function of a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.nesymres.pretraining.programs import to_program, values
from jaxsym.nesymres.skeletons.corpus import Bank
from jaxsym.nesymres.vocabulary import CONSTANT, ID, PAD

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
      uniform: whether all skeletons of the bank come alike; otherwise as often as the prior drew
        them, the simple ones far more often.
      usable: least share of points with finite values of usual size; fewer reject the example.

    Raises:
      ValueError: numbers out of range.
    """

    points: int = 200
    fewest: int = 10
    support: Literal["fixed", "random", "mixed"] = "fixed"
    factors: tuple[float, float] = (0.1, 5.0)
    terms: tuple[float, float] = (-2.0, 2.0)
    uniform: bool = False
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
    """Skeletons on the device: `[N, L]` ids, `[N]` numbers of columns, `[N]` sums of counts."""

    tokens: Int[Array, "N L"]
    columns: Int[Array, " N"]
    until: Int[Array, " N"]


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
    until = np.cumsum(bank.counts, dtype=np.int32)
    return DeviceBank(jnp.asarray(bank.tokens), jnp.asarray(bank.columns), jnp.asarray(until))


@implicit_broadcasting()
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
    >>> draw = jax.jit(lambda key: draw_examples(key, bank, 4, StreamConfig(points=20), 3))
    >>> batch = draw(jax.random.key(0))
    >>> batch.X.shape, batch.y.shape, bool(jnp.isfinite(batch.y).all())
    ((4, 20, 3), (4, 20), True)
    """
    rows_key, constants_key, points_key, count_key = jax.random.split(key, 4)
    if config.uniform:
        rows = jax.random.randint(rows_key, (size,), 0, len(bank.until))
    else:
        draws = jax.random.randint(rows_key, (size,), 0, bank.until[-1])
        rows = jnp.searchsorted(bank.until, draws, side="right")
    tokens, columns = bank.tokens[rows].astype(jnp.int32), bank.columns[rows]
    constants = _draw_constants(constants_key, tokens, config)
    X = _draw_points(points_key, size, variables, columns, config)
    y = values(to_program(tokens, constants, variables), X)
    low, high = jnp.log(config.fewest - 0.5), jnp.log(config.points + 0.5)
    count = jnp.round(jnp.exp(jax.random.uniform(count_key, (size, 1), minval=low, maxval=high)))
    good = jnp.isfinite(y) & (jnp.abs(y) <= _LARGEST)
    mask = good & (jnp.arange(config.points) < count)
    enough = jnp.sum(mask, 1, keepdims=True) >= jnp.maximum(config.usable * count, 1)
    mask = mask & enough
    return Examples(
        tokens=jnp.where(enough, tokens, PAD),
        X=X,
        y=jnp.where(mask, y, 0),
        mask=mask,
        constants=constants,
    )


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
