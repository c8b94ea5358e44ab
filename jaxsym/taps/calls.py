"""`Call`: one call of an inner function as a table of columns that become outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._check import require


@dataclass(frozen=True)
class Call:
    """An inner function at some inputs, as columns.

    The last axis of each input holds its columns; an input with one axis less is one column. Inputs
    without any axis, as single points under `jax.vmap` have them, are one column each, too.

    Attributes:
      name: of the function.
      run: the function of the arrays alone.
      arrays: its inputs that are arrays.
      output: shape and type of its value.
      lead: the axes over which rows run; () for a single row.
      widths: columns of each array.
      flat: whether each array holds one column and no axis is one of columns.
    """

    name: str
    run: Callable[..., Array]
    arrays: tuple[Array, ...]
    output: jax.ShapeDtypeStruct
    lead: tuple[int, ...]
    widths: tuple[int, ...]
    flat: bool

    @classmethod
    def of(
        cls, name: str, function: Callable[..., Any], args: tuple, kwargs: dict, columns: int | None
    ) -> Call:
        """Read a call.

        Args:
          name: of the function.
          function: what is called.
          args: its arguments; those that are no arrays stay as they are.
          kwargs: the same by name.
          columns: how many columns there are to be, where that is known: as many as arrays say that
            each array is one column, whatever its axes.

        Raises:
          ValueError: no inputs that are arrays of real numbers, or another value than one such
            array, or arrays that do not fit together.
        """
        leaves, tree = jax.tree.flatten((args, kwargs))
        places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Array | np.ndarray)]
        require(bool(places), f"{name} is called without any array; expected inputs to explain")
        arrays = tuple(jnp.asarray(leaves[k]) for k in places)
        for array in arrays:
            _real(name, "an input", array)

        def run(*arrays: Array) -> Array:
            filled = list(leaves)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            args, kwargs = jax.tree.unflatten(tree, filled)
            return function(*args, **kwargs)

        output = jax.eval_shape(run, *arrays)
        require(
            isinstance(output, jax.ShapeDtypeStruct),
            f"{name} gives {jax.tree.structure(output)}; expected one array. Mark a function that "
            "gives one with jaxsym.tap",
        )
        _real(name, "its output", output)
        return cls(name, run, arrays, output, *_axes(name, arrays, output, columns))

    @property
    def columns(self) -> Float[Array, "*lead V"]:
        """The inputs."""
        return self.joined(self.arrays)

    @property
    def size(self) -> int:
        """How many numbers the function gives for a row."""
        rows = int(np.prod(self.lead, dtype=int))
        return int(np.prod(self.output.shape, dtype=int)) // max(rows, 1)

    def joined(self, arrays: tuple[Array, ...]) -> Float[Array, "*lead V"]:
        """Arrays like the inputs, as columns."""
        parts = []
        for array, width in zip(arrays, self.widths, strict=True):
            if self.flat or array.shape == self.lead:
                array = array[..., None]
            parts.append(jnp.broadcast_to(array, (*self.lead, width)))
        return jnp.concatenate(parts, axis=-1)

    def own(self) -> Float[Array, "*lead k"]:
        """What the function gives."""
        return self.as_rows(self.run(*self.arrays))

    def as_rows(self, value: Array) -> Float[Array, "*lead k"]:
        """A value with its axis of numbers, of which a function that gives one has none."""
        return value.reshape(*self.lead, self.size)

    def as_output(self, rows: Float[Array, "*lead k"]) -> Array:
        """Rows of numbers in the shape and type that the function gives."""
        return rows.reshape(self.output.shape).astype(self.output.dtype)

    def slopes(self) -> Float[Array, "*lead k V"]:
        """Derivatives of each row's numbers by its columns, rows being independent."""
        zeros = [jnp.zeros_like(array) for array in self.arrays]
        columns = []
        for place, (array, width) in enumerate(zip(self.arrays, self.widths, strict=True)):
            alone = self.flat or array.shape == self.lead
            for column in range(width):
                ones = jnp.ones_like(array) if alone else zeros[place].at[..., column].set(1.0)
                direction = (*zeros[:place], ones, *zeros[place + 1 :])
                change = jax.jvp(self.run, self.arrays, direction)[1]
                columns.append(self.as_rows(change))
        return jnp.stack(columns, axis=-1)

    def mixing(self) -> Float[Array, ""]:
        """How far a row's value depends on other rows, relative to the size of all: 0 if it is one.

        The rows are replaced by others of the call.
        """
        if not self.lead:
            return jnp.zeros(())
        value = self.own()
        chosen = jnp.arange(self.lead[0]) // 2
        moved = tuple(
            array[chosen] if array.shape[: len(self.lead)] == self.lead else array
            for array in self.arrays
        )
        again = self.as_rows(self.run(*moved))
        return jnp.max(jnp.abs(again - value[chosen])) / (jnp.max(jnp.abs(value)) + 1e-30)


def _real(name: str, what: str, array: Any) -> None:
    require(
        jnp.issubdtype(array.dtype, jnp.floating),
        f"{what} of {name} is of type {array.dtype}; expected real numbers",
    )


def _axes(
    name: str, arrays: tuple[Array, ...], output: jax.ShapeDtypeStruct, columns: int | None
) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """The axes of rows, the columns of each array, and whether no axis is one of columns."""
    most = max(array.ndim for array in arrays)
    widest = sum(array.shape[-1] for array in arrays if array.ndim == most and most)
    of_points = columns == len(arrays) != widest and all(a.shape == output.shape for a in arrays)
    if most == 0 or of_points:
        return output.shape, (1,) * len(arrays), True
    lead = next(array.shape[:-1] for array in arrays if array.ndim == most)
    widths = tuple(1 if a.shape == lead and a.ndim < most else a.shape[-1] for a in arrays)
    shapes = [array.shape for array in arrays]
    fits = all(
        shape == lead or shape[:-1] in (lead, lead[len(lead) - len(shape) + 1 :])
        for shape in shapes
    )
    require(
        fits and output.shape[: len(lead)] == lead,
        f"{name} takes arrays of shapes {shapes} and gives {output.shape}; expected rows [..., "
        "columns] that become rows [..., outputs]",
    )
    return lead, widths, False
