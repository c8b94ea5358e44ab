"""What a part of a model has been given, and what it made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym._check import finite, require, unknown_name
from jaxsym.distill.parts.model import Model, split
from jaxsym.taps import Record, collect, seen_names

_MIXED = 1e-3  # of the size of all values: rows that depend on others by more are no rows


class Samples(NamedTuple):
    """Rows of a part's inputs and outputs.

    Attributes:
      names: of the inputs.
      inputs: columns.
      outputs: what the network makes of them.
      slopes: derivatives of outputs by inputs.
    """

    names: tuple[str, ...]
    inputs: Float[np.ndarray, "n V"]
    outputs: Float[np.ndarray, "n k"]
    slopes: Float[np.ndarray, "n k V"]

    def rows(self, chosen: np.ndarray) -> Samples:
        """Some of the rows."""
        return Samples(self.names, self.inputs[chosen], self.outputs[chosen], self.slopes[chosen])


def record(
    model: Model,
    params: Any,
    batch: Any,
    part: str,
    *,
    names: Sequence[str] | None,
    count: int,
    rng: np.random.Generator,
) -> Samples:
    """Samples of a part at work in a model.

    Args:
      model: with the part.
      params: its parameters.
      batch: what it is applied to.
      part: the name.
      names: of the inputs; ``x0``, ``x1``, ... by default.
      count: rows at most, drawn at random; rows with the same inputs count once.
      rng: what draws them.

    Raises:
      ValueError: no such part, calls of different widths, rows that depend on each other, numbers
        that are not finite, names that do not match, or outputs that are all constant.
    """
    check_part(model, params, batch, part)
    arrays, rebuild = split((params, batch))

    def collected(arrays: list) -> list[Record]:
        model_and_data = lambda arrays: model.predict(*rebuild(arrays))  # noqa: E731
        return collect(part, model_and_data, arrays, columns=model.columns.get(part))[1]

    records = jax.jit(collected)([jnp.asarray(array) for array in arrays])
    require(bool(records), f"no call of part '{part}' is left in what apply computes")
    samples = _table(part, records, names)
    finite(f"the record of the inputs of part '{part}'", samples.inputs)
    finite(f"the record of the outputs of part '{part}'", samples.outputs)
    for met in records:
        mixing = float(jnp.max(met.mixing, initial=0.0))
        require(
            mixing < _MIXED,
            f"rows of part '{part}' depend on each other (by {mixing:.2g} of its size); expected "
            "a part that makes something of each row alone",
        )
    unique = np.unique(samples.inputs, axis=0, return_index=True)[1]
    chosen = np.sort(rng.permutation(unique)[:count])
    samples = samples.rows(chosen)
    spread = np.ptp(samples.outputs, axis=0)
    require(
        bool(np.any(spread > 1e-6 * np.abs(samples.outputs).max())),
        f"all outputs of part '{part}' are constant on this batch; there is nothing to explain",
    )
    return samples


def check_part(model: Model, params: Any, batch: Any, part: str) -> None:
    """Raise unless a part occurs, with the names of those that do.

    Raises:
      ValueError: it does not.
    """
    known = seen_names(lambda: model.predict(params, batch))
    if part not in known and part not in model.fixed:
        require(
            bool(known),
            f"part '{part}' does not occur, and neither does any other: apply calls no jaxsym.tap "
            "and no module of flax.linen. Mark the function with jaxsym.tap, or say where= it is",
        )
        raise unknown_name("part", part, known)


def _table(part: str, records: list[Record], names: Sequence[str] | None) -> Samples:
    """All calls as one table."""
    widths = sorted({(met.inputs.shape[-1], met.outputs.shape[-1]) for met in records})
    require(
        len(widths) == 1,
        f"part '{part}' is called with different numbers of columns (inputs, outputs): {widths}; "
        "expected the same in every call",
    )
    width = widths[0][0]
    given = tuple(names) if names is not None else tuple(f"x{k}" for k in range(width))
    require(
        len(given) == width,
        f"inputs names {len(given)} columns ({', '.join(given)}); part '{part}' has {width}",
    )
    require(len(set(given)) == width, f"inputs has a name twice: {', '.join(given)}")
    tables = [_rows(met) for met in records]
    inputs, outputs, slopes = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    return Samples(given, inputs, outputs, slopes)


def _rows(met: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The calls that took place, their axes made one."""
    lead = met.inputs.shape[:-1]
    valid = np.asarray(met.valid)
    kept = np.broadcast_to(valid.reshape(valid.shape + (1,) * (len(lead) - valid.ndim)), lead)
    wide = (np.asarray(a, np.float64)[kept] for a in (met.inputs, met.outputs, met.slopes))
    inputs, outputs, slopes = wide
    return inputs, outputs, slopes
