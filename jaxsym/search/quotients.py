"""The target over each of some library entries: what the rest of a product would have to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.search.holes import Filler
from jaxsym.search.problem import Problem


class Quotients(NamedTuple):
    """`y / M` for T entries M, with weights of its errors that sum to 1.

    Attributes:
      entries: numbers of the M in the library.
      desired: `[T, n]` quotients.
      weights: `[T, n]`.
    """

    entries: list[int]
    desired: Float[np.ndarray, "T n"]
    weights: Float[np.ndarray, "T n"]

    def standard(self) -> Float[np.ndarray, "T n"]:
        """The quotients with mean 0 and variance 1."""
        mean = np.sum(self.weights * self.desired, axis=1, keepdims=True)
        centered = self.desired - mean
        return centered / np.sqrt(np.sum(self.weights * centered**2, axis=1, keepdims=True))


def quotients(problem: Problem, filler: Filler, entries: list[int]) -> Quotients:
    """Those of the entries that are nowhere zero and leave something to explain."""
    values = filler.library.values
    with np.errstate(all="ignore"):
        usable = [
            e for e in entries if np.all(values[e] != 0) and np.ptp(problem.y / values[e]) > 0
        ]
        weights = problem.weights * values[usable] ** 2
        weights = weights / weights.sum(axis=1, keepdims=True)
        return Quotients(usable, problem.y / values[usable], weights)


def unlike(values: Float[np.ndarray, "M n"], entries: list[int]) -> list[int]:
    """Entries that are no constants, and of those that differ in factor and offset the first."""
    kept: dict[bytes, int] = {}
    for entry in entries:
        centered = values[entry] - values[entry].mean()
        size = centered[np.argmax(np.abs(centered))]
        if abs(size) > 1e-9 * np.abs(values[entry]).max():
            kept.setdefault((np.round(centered / size, 6) + 0.0).tobytes(), entry)
    return list(kept.values())
