"""From entries of the library that go well together to expressions with fitted constants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jaxsym.expr import Expression
from jaxsym.search.native.library import Library
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.native.polynomials import (
    ONE,
    Polynomial,
    arrangements,
    combine,
    expand,
    multiply,
)
from jaxsym.search.native.stages.pairs import Pairs
from jaxsym.search.problem.problem import Problem

Back = Callable[[Polynomial], Iterator[Expression]]
Feature = Callable[[], Polynomial]

_WRITTEN = 24  # fits of each number of terms that are written: that takes longer than a fit


class _Fit(NamedTuple):
    """Coefficients of features, which are written only if the loss asks for it."""

    loss: float
    features: Sequence[Feature]
    coefficients: list[float]


def _one() -> Polynomial:
    return ONE


class Candidates:
    """Turns sets of entries into expressions, each form once.

    Args:
      library: the entries.
      sample: the target, on the rows that the library was built on.
      back: from a fitted sum to expressions for the target; without it the sum is the target.
    """

    def __init__(self, library: Library, sample: Problem, back: Back | None = None):
        self.library, self.sample = library, sample
        self.back = back or functools.partial(arrangements, operators=sample.table)
        self._seen: set[tuple[frozenset, int]] = set()

    def sums(self, sets: Sequence[Sequence[int]]) -> Iterator[Expression]:
        """Linear combinations of each set, with and without an offset."""
        values = self.library.values
        fits = []
        for entries in sets:
            parts = [functools.partial(expand, self.library, entry) for entry in entries]
            columns = [values[entry] for entry in entries]
            fits.append(self._fit([*parts, _one], [*columns, values[0]]))
            fits.append(self._fit(parts, columns))
        yield from self._best(fits)

    def products(self, pairs: Pairs) -> Iterator[Expression]:
        """`(a f + b) g + c` for each pair, and without b, without c, and without both."""
        values = self.library.values
        fits = []
        for f, g in zip(pairs.f.tolist(), pairs.g.tolist(), strict=True):
            parts: list[Feature] = [
                functools.partial(multiply, self.library, f, g),
                functools.partial(expand, self.library, g),
                _one,
            ]
            columns = [values[f] * values[g], values[g], values[0]]
            for kept in ((0, 1, 2), (0, 1), (0, 2), (0,)):
                fits.append(self._fit([parts[i] for i in kept], [columns[i] for i in kept]))
        yield from self._best(fits)

    def _fit(self, features: Sequence[Feature], values: list[np.ndarray]) -> _Fit:
        coefficients, loss = linear_fit(self.sample, np.column_stack(values))
        return _Fit(loss, features, coefficients.tolist())

    def _best(self, fits: list[_Fit]) -> Iterator[Expression]:
        """The best fits of each number of terms as expressions: to write all would take long."""
        written: dict[int, int] = {}
        for loss, features, coefficients in sorted(fits, key=lambda fit: fit.loss):
            size = len(features)
            if not np.isfinite(loss) or written.get(size, 0) == _WRITTEN:
                continue
            total = combine([feature() for feature in features], coefficients)
            form = frozenset(total), size
            if total and form not in self._seen:
                self._seen.add(form)
                written[size] = written.get(size, 0) + 1
                yield from self.back(total)
