"""The equations of a part as data: what stands in its place, for any candidates alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._indices import power_of_two
from jaxsym.expr import Expression
from jaxsym.expr.program import Numbers, Program, compile_programs, differentiable

_LENGTH, _SLOTS = 32, 8  # instructions and constants that there is room for, at least


@dataclass(frozen=True)
class PartLaw:
    """What a part makes of its inputs x: ``offset + sum_i f_i(x) (directions_i @ [1, x])``.

    A direction is one vector for all inputs, or a linear image of some of them, as it is for a
    force along a displacement.

    Attributes:
      inputs: names of the V columns.
      features: further columns by name, as functions of the inputs and of features before.
      terms: f_i, in inputs and features.
      directions: of each term.
      offset: what is added.
    """

    inputs: tuple[str, ...]
    features: Mapping[str, Expression]
    terms: tuple[Expression, ...]
    directions: Float[np.ndarray, "d k 1+V"]
    offset: Float[np.ndarray, " k"]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all columns, features last."""
        return (*self.inputs, *self.features)

    @property
    def complexity(self) -> int:
        """Nodes of all terms."""
        return sum(term.complexity for term in self.terms)

    def with_terms(self, terms: Sequence[Expression]) -> PartLaw:
        """The same with other functions."""
        return replace(self, terms=tuple(terms))

    def constants(self) -> list[np.ndarray]:
        """Numbers of each term."""
        return [np.array(term.constants) for term in self.terms]

    def function(self) -> Callable[[Numbers, Sequence[Numbers]], Array]:
        """``f(columns, constants)``, compiled for these terms; differentiable by both.

        Where a term has no finite value, the part gives its offset: rows that a model masks, such
        as bodies paired with themselves, then stay finite.
        """
        parts = [term.jax(self.variables)[0] for term in self.terms]

        def apply(columns: Numbers, constants: Sequence[Numbers]) -> Array:
            columns = jnp.asarray(columns)
            table = with_features(columns, self.inputs, self.features)
            values = [f(table, c) for f, c in zip(parts, constants, strict=True)]
            known = jnp.all(jnp.isfinite(jnp.stack(values)), axis=0)
            # derivatives are taken at rows that have a value: those of others are not numbers
            usual = jnp.where(known[..., None], table, jnp.ones_like(table))
            values = [f(usual, c) for f, c in zip(parts, constants, strict=True)]
            values = [jnp.where(known, value, 0.0) for value in values]
            return combined(jnp.stack(values), columns, self.directions, self.offset)

        return apply


def with_features(
    columns: Float[Array, "*lead V"], inputs: Sequence[str], features: Mapping[str, Expression]
) -> Float[Array, "*lead W"]:
    """Columns and, after them, features of them."""
    names, table = list(inputs), columns
    for name, feature in features.items():
        value, constants = feature.jax(names)
        column = value(table, jnp.asarray(constants, table.dtype))
        table = jnp.concatenate([table, column[..., None].astype(table.dtype)], axis=-1)
        names.append(name)
    return table


def combined(
    values: Float[Array, "d ..."],
    columns: Float[Array, "*lead V"],
    directions: Float[Numbers, "d k 1+V"],
    offset: Float[Numbers, " k"],
) -> Float[Array, "*lead k"]:
    """Terms along their directions, and the offset."""
    directions = jnp.asarray(directions, columns.dtype)
    along = directions[:, :, 0] + jnp.einsum("dkv,...v->...dk", directions[:, :, 1:], columns)
    terms = jnp.moveaxis(values, 0, -1)[..., None]
    return jnp.sum(terms * along, axis=-2) + jnp.asarray(offset, columns.dtype)


class LawData(NamedTuple):
    """A `PartLaw` as arrays, so that one compiled function serves all that are alike in size.

    Attributes:
      program: d expressions.
      directions: see `PartLaw`.
      offset: see `PartLaw`.
    """

    program: Program
    directions: Float[np.ndarray, "d k 1+V"]
    offset: Float[np.ndarray, " k"]


def law_data(law: PartLaw) -> tuple[LawData, np.ndarray]:
    """The law as data, and which entries of its ``[d, K]`` constants are in use."""
    operators = law.terms[0].operators
    size = max(sum(token in term.operators for token in term.tokens) for term in law.terms)
    slots = max(len(term.constants) for term in law.terms)
    program = compile_programs(
        law.terms,
        law.variables,
        length=power_of_two(size, _LENGTH),
        slots=power_of_two(slots, _SLOTS),
        operators=operators,
    )
    count = np.array([len(term.constants) for term in law.terms])
    used = np.arange(program.constants.shape[1]) < count[:, None]
    return LawData(program, law.directions, law.offset), used


def run_data(
    data: LawData,
    inputs: Sequence[str],
    features: Mapping[str, Expression],
    columns: Float[Array, "*lead V"],
    constants: Float[Array, "d K"],
) -> Float[Array, "*lead k"]:
    """What `PartLaw.function` gives, the law being an argument."""
    table = with_features(columns, inputs, features)
    flat = table.reshape(-1, table.shape[-1])
    values = differentiable(data.program)(flat, constants)
    values = jnp.where(jnp.isfinite(values), values, 0.0)
    values = values.reshape(values.shape[0], *columns.shape[:-1])
    return combined(values, columns, data.directions, data.offset)


def replaced_by(law: PartLaw) -> Callable[[Any, Any], Array]:
    """A law at its constants, as what stands in the part's place."""
    function = law.function()
    return lambda columns, own: function(columns, law.constants())
