"""From entries of the library that go well together to expressions with fitted constants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxsym.expr import Expression
from jaxsym.search.library import Library
from jaxsym.search.linear import linear_fit
from jaxsym.search.pairs import Pairs
from jaxsym.search.polynomials import ONE, Polynomial, arrangements, combine, expand, multiply
from jaxsym.search.problem import Problem

Back = Callable[[Polynomial], Iterator[Expression]]


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
        for entries in sets:
            features = [expand(self.library, entry) for entry in entries]
            values = [self.library.values[entry] for entry in entries]
            yield from self._fitted([*features, ONE], [*values, self.library.values[0]])
            yield from self._fitted(features, values)

    def products(self, pairs: Pairs) -> Iterator[Expression]:
        """`(a f + b) g + c` for each pair, and without b, without c, and without both."""
        values = self.library.values
        for f, g in zip(pairs.f.tolist(), pairs.g.tolist(), strict=True):
            parts = [multiply(self.library, f, g), expand(self.library, g), ONE]
            columns = [values[f] * values[g], values[g], values[0]]
            for kept in ((0, 1, 2), (0, 1), (0, 2), (0,)):
                yield from self._fitted([parts[i] for i in kept], [columns[i] for i in kept])

    def _fitted(self, features: list[Polynomial], values: list[np.ndarray]) -> Iterator[Expression]:
        coefficients, loss = linear_fit(self.sample, np.column_stack(values))
        if not np.isfinite(loss):
            return
        total = combine(features, coefficients.tolist())
        form = frozenset(total), len(features)
        if total and form not in self._seen:
            self._seen.add(form)
            yield from self.back(total)
