"""Semantic library search: the entries of a library that come nearest to target semantics.

The target semantics of a part of a formula are the values with which the whole would meet the
target (Pawlak, Wieloch and Krawiec 2015). For many of them at once all `a f + b` are scored by
matrix products in float32, and the best are fitted in float64. Products of powers are scored by
`jaxsym.search.native.stages.log_linear`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._programs import bounded_jit
from jaxsym._settings import full_precision
from jaxsym.expr.subtrees import Formula, to_formula
from jaxsym.search.native.library import Library
from jaxsym.search.native.linear import as_short
from jaxsym.search.native.ranking import padded, ranked
from jaxsym.search.native.stages.log_linear import Powers
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import LARGEST, LARGEST_SINGLE, ROUNDING, SAME, SHARE_SINGLE, TINY

VALID = 0.9  # share of the rows on which target semantics must be finite
_MAX_LOG_ERROR = 2.0  # error of a logarithm


class SemanticTarget(NamedTuple):
    """Values that a part of a formula should have, and how much their errors matter.

    Attributes:
      values: `[n]`.
      weights: `[n]`, not negative; 0 where no value would do.
      level: log of the variance that is to be explained, as errors of the whole.
      product: `[n]` what a product of powers should be: where noise is seen, its logarithm is
        linear in the noise.
    """

    values: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    level: float
    product: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        values: Float[np.ndarray, " n"],
        slope: Float[np.ndarray, " n"],
        weights: Float[np.ndarray, " n"],
        denoised: Float[np.ndarray, " n"] | None = None,
    ) -> SemanticTarget | None:
        """The target semantics of a part, None if too few values are usable.

        Args:
          values: that the part should have.
          slope: of the whole by the part.
          weights: of the whole's errors.
          denoised: values of the part in the best candidate so far, or None.
        """
        weight = weights * slope**2
        usable = np.isfinite(values) & np.isfinite(weight) & (np.abs(values) < LARGEST)
        if weights[usable].sum() < VALID * weights.sum():
            return None
        values, weight = np.where(usable, values, 0.0), np.where(usable, weight, 0.0)
        total = weight.sum()
        if not (np.isfinite(total) and total > 0):
            return None
        weight = weight / total
        mean = weight @ values
        variance = weight @ (values - mean) ** 2
        if not variance > ROUNDING * mean**2:
            return None
        level = math.log(variance) + math.log(total)
        if denoised is None:
            return cls(values, weight, level, values)
        noise = np.clip((values - denoised) / denoised, -_MAX_LOG_ERROR, _MAX_LOG_ERROR)
        product = np.where(np.isfinite(noise), denoised * np.exp(noise), 0.0)
        return cls(values, weight, level, product)


class SemanticSearch:
    """A library ready to be searched for target semantics.

    Args:
      library: M entries.
      sample: the rows that it was built on.
      denoised: values of the best candidate so far, or None.
    """

    def __init__(
        self,
        library: Library,
        sample: Problem,
        denoised: Float[np.ndarray, " n"] | None = None,
    ):
        self.library, self.sample = library, sample
        values = library.values
        weights = sample.weights
        mean = values @ weights
        centered = values - mean[:, None]
        size = np.sqrt(centered**2 @ weights)
        size[size <= SAME * np.abs(mean)] = np.inf  # constants come near to nothing
        self._affine = padded(np.clip(centered / size[:, None], -LARGEST_SINGLE, LARGEST_SINGLE))
        self._costs = padded(library.complexity.astype(float))
        self.powers = Powers(library, sample, denoised)
        self._formulas: dict[int, Formula] = {}

    def best(
        self, targets: Sequence[SemanticTarget], count: int, penalty: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """`[B, count]` entries for `a f + b`, best first, and the shares left, `log(1 - R^2)`."""
        values = np.stack([target.values for target in targets])
        weights = np.stack([target.weights for target in targets])
        mean = np.sum(weights * values, axis=1, keepdims=True)
        size = np.sqrt(np.sum(weights * (values - mean) ** 2, axis=1, keepdims=True))
        values = np.clip((values - mean) / size, -LARGEST_SINGLE, LARGEST_SINGLE)
        costs = self._costs * np.float32(penalty)

        def left(*rows: np.ndarray) -> Array:
            return _affine_left(self._affine, costs, *rows)

        return ranked(left, [weights * values, weights], count, len(self.library))

    def formula(self, entry: int) -> Formula:
        """One entry's tokens."""
        if entry not in self._formulas:
            self._formulas[entry] = to_formula(self.library.expression(entry))
        return self._formulas[entry]

    def affine(self, target: SemanticTarget, entry: int) -> Formula:
        """An entry with factor and offset, as far as they are needed."""
        return affine(target, self.library.values[entry], self.formula(entry))


def affine(target: SemanticTarget, f: Float[np.ndarray, " n"], part: Formula) -> Formula:
    """The shortest of `f`, `a f`, `f + b` and `a f + b` that fits as well as the last.

    Args:
      target: what is to be fitted.
      f: values of a part.
      part: its formula.
    """
    d, w = target.values, target.weights
    mean, level = w @ f, w @ d
    deviation = f - mean
    a = float((w * deviation) @ d / max(w @ deviation**2, TINY))
    b = float(level - a * mean)
    loss = w @ (a * f + b - d) ** 2
    enough = as_short(float(loss), len(d), float(w @ d**2))
    factor = float((w * f) @ d / max(w @ f**2, TINY))
    offset = float(w @ (d - f))
    if w @ (f - d) ** 2 <= enough:
        return part
    if w @ (factor * f - d) ** 2 <= enough:
        return ("mul", factor, *part)
    if w @ (f + offset - d) ** 2 <= enough:
        return ("add", offset, *part)
    return ("add", b, "mul", a, *part)


@bounded_jit()
@full_precision()
def _affine_left(entries: Array, penalty: Array, with_target: Array, weights: Array) -> Array:
    """`[B, M]` log of the share of the targets' variance that `a f + b` leaves, plus a penalty."""
    mean = weights @ entries.T
    variance = weights @ (entries**2).T - mean**2
    share = (with_target @ entries.T) ** 2 / jnp.maximum(variance, SHARE_SINGLE)
    return jnp.log(jnp.maximum(1 - share, SHARE_SINGLE)) + penalty
