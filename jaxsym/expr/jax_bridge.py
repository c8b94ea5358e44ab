"""Expressions as pure JAX functions, with their constants as an argument."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import require
from jaxsym.expr.operators import OPERATORS, Operator, guarded
from jaxsym.expr.tokens import LITERALS, column_index, literal_value

if TYPE_CHECKING:
    from jaxsym.expr.expression import Expression

# Beyond this exponent repeated multiplication is neither faster nor more exact than pow.
_LARGEST_INTEGER_POWER = 32

# One value of a straight-line program: a leaf by its kind, or a function of earlier values.
_Step: TypeAlias = tuple[str | Callable[..., Array], tuple[Any, ...]]


def to_jax(
    expression: Expression, variables: Sequence[str] | None = None
) -> tuple[Callable[..., Float[Array, ...]], Float[np.ndarray, K]]:
    """A function ``f(X, constants)`` of JAX arrays, and the expression's constants.

    ``X`` is ``[..., V]``, its last axis the variables; the result is ``[...]`` in the floating
    dtype of ``X``. Equal sub-expressions are computed once, and powers with exact exponents become
    multiplications and square roots. ``f`` is pure: it may be jitted, mapped, and differentiated
    with respect to both arguments (derivatives are those of `jaxsym.expr.operators`).

    Args:
      variables: names of the columns of ``X``; by default ``expression.variables``.

    Raises:
      ValueError: (from ``f``) a variable without a column, or columns that do not match the names.

    >>> from jaxsym.expr import parse
    >>> f, constants = to_jax(parse("2.5*x**2"))
    >>> float(f(jnp.array([2.0]), constants)), jax.grad(f, 1)(jnp.array([2.0]), constants).tolist()
    (10.0, [4.0])
    """
    steps, result = _straight_line(expression)
    slots = len(expression.constants)

    def f(X: Float[ArrayLike, "... V"], constants: Float[ArrayLike, " K"]) -> Float[Array, " ..."]:
        table = jnp.asarray(X)
        if not jnp.issubdtype(table.dtype, jnp.floating):
            table = table.astype(float)
        columns = column_index(expression.variables, variables, table.shape)
        numbers = jnp.asarray(constants, table.dtype)
        require(
            numbers.shape == (slots,),
            f"constants have shape {numbers.shape}; expected ({slots},) as in {expression}",
        )
        # split, not indexed: a gradient then joins the columns again, and a stack of columns, as in
        # a graph network's messages, vanishes from the program (up to ten times faster on a CPU)
        parts = jax.lax.split(table, [1] * table.shape[-1], axis=-1)
        leaves = {
            "variable": lambda name: jnp.squeeze(parts[columns[name]], axis=-1),
            "constant": lambda slot: numbers[slot],
            "literal": lambda value: jnp.asarray(value, table.dtype),
        }
        values: list[Array] = []
        for kind, operands in steps:
            if callable(kind):
                values.append(kind(*(values[place] for place in operands)))
            else:
                values.append(leaves[kind](*operands))
        return jnp.broadcast_to(values[result], table.shape[:-1])

    return f, np.asarray(expression.constants, dtype=np.float64)


def _straight_line(expression: Expression) -> tuple[list[_Step], int]:
    """The steps that compute the expression, each distinct value once, and the result's place."""
    places: dict[_Step, int] = {}
    exact: dict[int, Fraction] = {}

    def place(kind: str | Callable[..., Array], *operands: Any) -> int:
        return places.setdefault((kind, operands), len(places))

    def literal(token: str) -> int:
        index = place("literal", literal_value(token))
        if token not in LITERALS:
            exact[index] = Fraction(token)
        return index

    def apply(operator: Operator, args: list[int]) -> int:
        if operator.name == "pow" and args[1] in exact:
            return _power(place, operator, args[0], args[1], exact[args[1]])
        index = place(operator.jnp, *(sorted(args) if operator.symmetric else args))
        if operator.name == "div" and args[0] in exact and exact.get(args[1]):
            exact[index] = exact[args[0]] / exact[args[1]]
        return index

    result = expression.fold(
        variable=lambda name: place("variable", name),
        constant=lambda slot: place("constant", slot),
        literal=literal,
        apply=apply,
    )
    return list(places), result


def _power(
    place: Callable[..., int], operator: Operator, base: int, exponent: int, value: Fraction
) -> int:
    """``base**value`` by multiplications, and a square root where the exponent is a half."""
    if value.denominator > 2 or abs(value) > _LARGEST_INTEGER_POWER:
        return place(operator.jnp, base, exponent)
    if value.denominator == 2:
        base = place(OPERATORS["sqrt"].jnp, base)
    return base if value.numerator == 1 else place(_integer_power(value.numerator), base)


@functools.cache
def _integer_power(exponent: int) -> Callable[..., Any]:
    return guarded(functools.partial(jax.lax.integer_pow, y=exponent))
