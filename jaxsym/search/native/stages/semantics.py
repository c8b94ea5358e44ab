"""What fits a hole: for many sets of desired values at once, the library's best entries.

All `a f + b` are scored by matrix products in float32; the few best are fitted in float64. Products
of powers are scored by `jaxsym.search.native.stages.powers`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym.expr.subtrees import Formula, to_formula
from jaxsym.search.native.library import Library
from jaxsym.search.native.ranking import padded, ranked
from jaxsym.search.native.stages.powers import Powers
from jaxsym.search.problem.problem import Problem

_LEAST = 1e-6  # share of a variance below which float32 sees nothing
_LARGEST = 1e9  # value in float32
_VALID = 0.9  # share of the rows on which desired values must be finite
_FARTHEST = 2.0  # error of a logarithm
_ROUNDING = 1e-22  # share of a variance that is rounding
_SAME = 1e-7  # relative difference of exponents, and of factors from 1, that is rounding


class Hole(NamedTuple):
    """A place to be filled: desired values there, and how much their errors matter.

    Attributes:
      desired: `[n]`.
      weights: `[n]`, not negative; 0 where nothing would do.
      level: log of the variance that is to be explained, as errors of the whole.
      product: `[n]` what a product of powers should be: where noise is seen, its logarithm is
        linear in the noise.
    """

    desired: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    level: float
    product: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        desired: Float[np.ndarray, " n"],
        slope: Float[np.ndarray, " n"],
        weights: Float[np.ndarray, " n"],
        smooth: Float[np.ndarray, " n"] | None = None,
    ) -> Hole | None:
        """A hole, None if too few desired values are usable.

        Args:
          desired: values.
          slope: of the whole by the part in the hole.
          weights: of the whole's errors.
          smooth: the desired values without noise, as far as known.
        """
        weight = weights * slope**2
        usable = np.isfinite(desired) & np.isfinite(weight) & (np.abs(desired) < 1e100)
        if weights[usable].sum() < _VALID * weights.sum():
            return None
        desired, weight = np.where(usable, desired, 0.0), np.where(usable, weight, 0.0)
        total = weight.sum()
        if not (np.isfinite(total) and total > 0):
            return None
        weight = weight / total
        mean = weight @ desired
        variance = weight @ (desired - mean) ** 2
        if not variance > 1e-24 * mean**2:
            return None
        level = math.log(variance) + math.log(total)
        if smooth is None:
            return cls(desired, weight, level, desired)
        noise = np.clip((desired - smooth) / smooth, -_FARTHEST, _FARTHEST)
        product = np.where(np.isfinite(noise), smooth * np.exp(noise), 0.0)
        return cls(desired, weight, level, product)


class Filler:
    """A library ready for filling holes.

    Args:
      library: M entries.
      sample: the rows that it was built on.
      smooth: the target without noise, as far as known.
    """

    def __init__(
        self,
        library: Library,
        sample: Problem,
        smooth: Float[np.ndarray, " n"] | None = None,
    ):
        self.library, self.sample = library, sample
        values = library.values
        weights = sample.weights
        mean = values @ weights
        centered = values - mean[:, None]
        size = np.sqrt(centered**2 @ weights)
        size[size <= 1e-12 * np.abs(mean)] = np.inf  # constants fit no hole
        self._affine = padded(np.clip(centered / size[:, None], -_LARGEST, _LARGEST))
        self._costs = padded(library.complexity.astype(float))
        self.powers = Powers(library, sample, smooth)
        self._formulas: dict[int, Formula] = {}

    def best(
        self, holes: Sequence[Hole], count: int, penalty: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """`[B, count]` entries for `a f + b`, best first, and the shares left, `log(1 - R^2)`."""
        desired = np.stack([hole.desired for hole in holes])
        weights = np.stack([hole.weights for hole in holes])
        mean = np.sum(weights * desired, axis=1, keepdims=True)
        size = np.sqrt(np.sum(weights * (desired - mean) ** 2, axis=1, keepdims=True))
        desired = np.clip((desired - mean) / size, -_LARGEST, _LARGEST)
        costs = self._costs * np.float32(penalty)

        def left(*rows: np.ndarray) -> Array:
            return _affine_left(self._affine, costs, *rows)

        return ranked(left, [weights * desired, weights], count, len(self.library))

    def formula(self, entry: int) -> Formula:
        """One entry's tokens."""
        if entry not in self._formulas:
            self._formulas[entry] = to_formula(self.library.expression(entry))
        return self._formulas[entry]

    def affine(self, hole: Hole, entry: int) -> Formula:
        """An entry with factor and offset, as far as they are needed."""
        return affine(hole, self.library.values[entry], self.formula(entry))


def affine(hole: Hole, f: Float[np.ndarray, " n"], part: Formula) -> Formula:
    """The shortest of `f`, `a f`, `f + b` and `a f + b` that fits as well as the last.

    Args:
      hole: what is to be fitted.
      f: values.
      part: the formula that has these values.
    """
    d, w = hole.desired, hole.weights
    slack = _ROUNDING * float(w @ (d - w @ d) ** 2) + _ROUNDING * float(w @ d**2)
    mean, level = w @ f, w @ d
    deviation = f - mean
    a = float((w * deviation) @ d / max(w @ deviation**2, 1e-300))
    b = float(level - a * mean)
    loss = w @ (a * f + b - d) ** 2
    enough = loss * (1 + 6 / len(d)) + slack
    factor = float((w * f) @ d / max(w @ f**2, 1e-300))
    offset = float(w @ (d - f))
    if w @ (f - d) ** 2 <= enough:
        return part
    if w @ (factor * f - d) ** 2 <= enough:
        return ("mul", factor, *part)
    if w @ (f + offset - d) ** 2 <= enough:
        return ("add", offset, *part)
    return ("add", b, "mul", a, *part)


@jax.jit
def _affine_left(entries: Array, penalty: Array, with_target: Array, weights: Array) -> Array:
    """`[B, M]` log of the share of a hole's variance that `a f + b` leaves, plus a penalty."""
    mean = weights @ entries.T
    variance = weights @ (entries**2).T - mean**2
    share = (with_target @ entries.T) ** 2 / jnp.maximum(variance, _LEAST)
    return jnp.log(jnp.maximum(1 - share, _LEAST)) + penalty
