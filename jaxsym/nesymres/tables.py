"""Tables as the network reads them: checked, scaled to its range, padded to common sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from jaxsym._check import finite, require
from jaxsym._indices import power_of_two
from jaxsym.expr import Expression, constant, variable

MOST_POINTS = 4096  # the network reads no more of a table
_POINTS = 64  # tables are padded to a power of two of at least so many rows
_USUAL_X, _USUAL_Y = (0.1, 10.0), (1e-2, 1e4)  # of the largest value of a column


@dataclass(frozen=True)
class Table:
    """One table, checked.

    Attributes:
      X: `[n, V]` in float64.
      y: `[n]` in float64.
      scale_x: `[V]` powers of two that bring the columns into the range of the training.
      scale_y: the same for y.
    """

    X: Float[np.ndarray, "n V"]
    y: Float[np.ndarray, " n"]
    scale_x: Float[np.ndarray, " V"]
    scale_y: float

    @property
    def scaled(self) -> tuple[Float[np.ndarray, "n V"], Float[np.ndarray, " n"]]:
        """What the network sees."""
        return self.X / self.scale_x, self.y / self.scale_y

    def unscale(self, expression: Expression, variables: Sequence[str]) -> Expression:
        """An expression of the scaled columns for scaled y as one of the table's own units.

        >>> table = make_table([[1e3], [2e3]], [1.0, 2.0], 3)
        >>> float(table.scale_x[0]), table.unscale(variable("x") ** 2, ["x"])
        (512.0, Expression(3.81469...e-06*x**2))
        """
        scaled = {
            name: constant(float(1 / scale)) * variable(name)
            for name, scale in zip(variables, self.scale_x, strict=True)
            if scale != 1
        }
        changed = expression.substitute(scaled)
        changed = changed if self.scale_y == 1 else constant(self.scale_y) * changed
        return changed.canonical()


def make_table(X: Float[ArrayLike, "n V"], y: Float[ArrayLike, " n"], most: int) -> Table:
    """Check a table and find its scales.

    Args:
      X: `[n, V]`.
      y: `[n]`.
      most: variables that the network knows.

    Raises:
      ValueError: shapes that do not match, fewer than two points, values that are not finite or
        not real, or more columns than the network knows.
    """
    for name, values in (("X", X), ("y", y)):
        require(not np.iscomplexobj(values), f"{name} has complex numbers; expected real ones")
    points, target = np.asarray(X, np.float64), np.asarray(y, np.float64)
    require(points.ndim == 2, f"X has shape {points.shape}; expected [n, V]")
    n, columns = points.shape
    require(
        target.shape == (n,) and n > 1,
        f"y has shape {target.shape}; expected [n] with n={n} rows of X, at least 2",
    )
    require(
        1 <= columns <= most,
        f"X has {columns} columns; this network knows 1 to {most} variables; the engines "
        "native, hybrid, operon and pysr have no such limit",
    )
    finite("X", points)
    finite("y", target)
    scale_x = np.array([_scale(column, *_USUAL_X) for column in points.T])
    return Table(points, target, scale_x, _scale(target, *_USUAL_Y))


def stack_tables(
    tables: Sequence[Table], variables: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "T n V"], Float[np.ndarray, "T n"], Bool[np.ndarray, "T n"]]:
    """Scaled tables as one batch: rows beyond a table's own are masked, columns are 0.

    Args:
      tables: T tables.
      variables: V, columns of the batch.
      rng: which rows to take of a table that has more than `MOST_POINTS`.
    """
    chosen = []
    for table in tables:
        X, y = table.scaled
        if len(y) > MOST_POINTS:
            rows = np.sort(rng.choice(len(y), MOST_POINTS, replace=False))
            X, y = X[rows], y[rows]
        chosen.append((X, y))
    longest: int = max(len(y) for _, y in chosen)
    size = power_of_two(longest, _POINTS)
    batch_X = np.zeros((len(tables), size, variables), np.float32)
    batch_y = np.zeros((len(tables), size), np.float32)
    mask = np.zeros((len(tables), size), bool)
    for t, (X, y) in enumerate(chosen):
        batch_X[t, : len(y), : X.shape[1]] = X
        batch_y[t, : len(y)] = y
        mask[t, : len(y)] = True
    return batch_X, batch_y, mask


def _scale(values: Float[np.ndarray, " n"], low: float, high: float) -> float:
    """1 where the largest value is usual, else the power of two that makes it so."""
    largest = float(np.max(np.abs(values)))
    if largest == 0 or low <= largest <= high:
        return 1.0
    return float(2.0 ** np.round(np.log2(largest / 4)))
