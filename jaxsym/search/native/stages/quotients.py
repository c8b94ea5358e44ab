"""The target over each of some library entries: what the rest of a product would have to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import Problem

_ROUNDING = 1e-22  # share of the square that is nothing
# What a sum of two functions and an offset is made of, the shortest formula first.
_FORMS = ((0,), (1,), (0, 2), (1, 2), (0, 1), (0, 1, 2))


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


def quotients(problem: Problem, semantics: SemanticSearch, entries: list[int]) -> Quotients:
    """Those of the entries that are nowhere zero and leave something finite to explain."""
    values = semantics.library.values
    with np.errstate(all="ignore"):
        usable = [
            entry
            for entry in entries
            if np.all(values[entry] != 0) and 0 < np.ptp(problem.y / values[entry]) < np.inf
        ]
        size = np.abs(values[usable]).max(axis=1, keepdims=True, initial=0.0)
        weights = problem.weights * (values[usable] / size) ** 2
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


def fewest_terms(
    columns: Float[np.ndarray, "3 n"], desired: Float[np.ndarray, " n"], weights: np.ndarray
) -> dict[int, float]:
    """Factors of two functions and an offset, by column, of as few as fit as well as all three.

    >>> x = np.arange(5.0)
    >>> columns = np.stack([x, x**2, np.ones(5)])
    >>> {k: round(v, 9) for k, v in fewest_terms(columns, 3 * x**2 - 1, np.full(5, 0.2)).items()}
    {1: 3.0, 2: -1.0}
    """
    root = np.sqrt(weights)
    factors, losses = {}, {}
    for form in _FORMS:
        design = (root * columns[list(form)]).T
        factors[form] = np.linalg.lstsq(design, root * desired, rcond=None)[0]
        losses[form] = float(np.sum((design @ factors[form] - root * desired) ** 2))
    slack = _ROUNDING * float(weights @ desired**2)
    enough = losses[_FORMS[-1]] * (1 + 6 / len(desired)) + slack
    form = next(form for form in _FORMS if losses[form] <= enough)
    return dict(zip(form, factors[form].tolist(), strict=True))
