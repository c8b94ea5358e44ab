"""The representation transformation: all unique candidates of a set of operators.

Valle & Haddadin 2021 (arXiv 2105.14396), section 3.1. A candidate is an operator of one input, or
of a pair: each pair once if the operator is symmetric, in both orders if not. Shapes are static.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._check import require, unknown_name
from jaxsym._settings import full_precision, implicit_broadcasting
from jaxsym.expr import OPERATORS, Expression, apply

PAPER_OPERATORS = ("add", "mul", "sin", "cos")
_SMOOTH: dict[str, Callable[..., Array]] = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "sin": jnp.sin,
    "cos": jnp.cos,
}


@dataclass(frozen=True)
class Candidates:
    """The candidates of U inputs under some operators, V of them.

    Attributes:
      inputs: U.
      operators: names of `jaxsym.expr.OPERATORS`, of one or two arguments.

    Raises:
      ValueError: an unknown operator, or one of more than two arguments.

    >>> from jaxsym.expr import variable
    >>> candidates = Candidates(2)
    >>> candidates.count, candidates.expressions([variable("a"), variable("b")])[:2]
    (10, [Expression(a + a), Expression(a + b)])
    >>> candidates.values(jnp.array([2.0, 3.0]))[:6].tolist()
    [4.0, 5.0, 6.0, 4.0, 6.0, 9.0]
    """

    inputs: int
    operators: tuple[str, ...] = PAPER_OPERATORS

    def __post_init__(self) -> None:
        for name in self.operators:
            if name not in OPERATORS:
                raise unknown_name("operator", name, OPERATORS)
            arity = OPERATORS[name].arity
            require(arity <= 2, f"operator {name} takes {arity} arguments; expected one or two")
        require(bool(self.operators), "operators is empty; expected at least one")

    @property
    def count(self) -> int:
        """V."""
        return sum(len(places) for _, places in self._blocks)

    @implicit_broadcasting()
    def values(self, u: Float[Array, "*batch U"]) -> Float[Array, "*batch V"]:
        """The value of every candidate."""
        parts = []
        for name, places in self._blocks:
            columns = [u[..., part] for part in places.T]
            parts.append(_function(name)(*columns))
        return jnp.concatenate(parts, axis=-1)

    @implicit_broadcasting()
    @full_precision()
    def weighted(
        self, weights: Float[Array, "K V"], u: Float[Array, "*batch U"]
    ) -> Float[Array, "*batch K"]:
        """``values(u) @ weights.T``, without indices to differentiate through.

        Weights of pairs are spread over a square, so that everything is products of matrices.
        """
        total, start = jnp.zeros((*u.shape[:-1], len(weights)), u.dtype), 0
        for name, places in self._blocks:
            part = weights[:, start : start + len(places)]
            start += len(places)
            if places.shape[1] == 1:
                total += _function(name)(u) @ part.T
                continue
            size = self.inputs
            square = jnp.zeros((len(weights), size, size), part.dtype)
            square = square.at[:, places[:, 0], places[:, 1]].set(part)
            if name == "add":
                # sums of inputs weigh the inputs
                total += u @ (square.sum(1) + square.sum(2)).T
                continue
            left, right = jnp.broadcast_arrays(u[..., :, None], u[..., None, :])
            flat = _function(name)(left, right).reshape(*u.shape[:-1], size * size)
            total += flat @ square.reshape(-1, size * size).T
        return total

    def expressions(self, inputs: Sequence[Expression]) -> list[Expression]:
        """Every candidate as an expression of the inputs' expressions."""
        return [apply(name, *(inputs[place] for place in row)) for name, row in self.rows]

    @property
    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """Operator and places of the arguments of every candidate."""
        return [(name, tuple(row.tolist())) for name, places in self._blocks for row in places]

    @cached_property
    def _blocks(self) -> list[tuple[str, np.ndarray]]:
        """For each operator the places of its arguments, ``[count, arity]``."""
        numbers = range(self.inputs)
        blocks = []
        rows: list[tuple[int, ...]]
        for name in self.operators:
            operator = OPERATORS[name]
            if operator.arity == 1:
                rows = [(i,) for i in numbers]
            elif operator.symmetric:
                rows = [*itertools.combinations_with_replacement(numbers, 2)]
            else:
                rows = [*itertools.product(numbers, repeat=2)]
            blocks.append((name, np.array(rows)))
        return blocks


def _function(name: str) -> Callable[..., Array]:
    """The operator for JAX; without guards where slopes are finite everywhere."""
    return _SMOOTH.get(name, OPERATORS[name].jnp)
