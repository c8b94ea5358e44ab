"""Stages: pairs of entries of a library, and sums grown from them.

The best pairs `a f + b g + c` and `(a f + b) g + c` of one library start the orthogonal matching
pursuit of longer sums. The same is done for transforms of the target, `h(y)`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from jaxsym.expr import Expression
from jaxsym.search.native.budget import SearchBudget, half
from jaxsym.search.native.candidates import Back, Candidates
from jaxsym.search.native.library import Library
from jaxsym.search.native.stages.pairs import Pairs, best_pairs, make_moments
from jaxsym.search.native.stages.pursuit import sparse_sums
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.transforms import transformed

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

LibraryName: TypeAlias = Literal["small", "terms", "full"]


class PairSums:
    """Pairs and sums of the entries of one library for one target.

    Args:
      library: the entries.
      sample: the target, on the rows that the library was built on.
      budget: numbers of rows, pairs and beams.
      stop: whether time is over.
      back: from a fitted sum to expressions for the target; without it the sum is the target.
    """

    def __init__(
        self,
        library: Library,
        sample: Problem,
        budget: SearchBudget,
        stop: Callable[[], bool],
        back: Back | None = None,
    ):
        self.library, self.sample, self.budget, self.stop = library, sample, budget, stop
        self.candidates = Candidates(library, sample, back)

    @functools.cached_property
    def best(self) -> dict[str, Pairs]:
        """The best pairs of either kind."""
        rows, pairs = self.budget.rows, self.budget.pairs
        return best_pairs(self.library, self.sample, rows=rows, keep=pairs, stop=self.stop)

    def singles(self) -> Iterator[Expression]:
        """The entries that correlate most."""
        fit = make_moments(self.library.values, self.sample).fit
        chosen = np.argsort(-np.abs(fit))[: self.budget.pairs]
        return self.candidates.sums([[entry] for entry in chosen.tolist()])

    def pairs(self) -> Iterator[Expression]:
        """The best pairs of either kind."""
        yield from self.candidates.sums(_sets(self.best["sum"]))
        yield from self.candidates.products(self.best["product"])

    def sums(self) -> Iterator[Expression]:
        """Sums of several entries."""
        starts, beams = _sets(self.best["sum"]), self.budget.beams
        sets = sparse_sums(self.library, self.sample, starts, beams=beams, stop=self.stop)
        yield from self.candidates.sums(sets)


def pairs(state: SearchState, library: LibraryName) -> Iterator[Expression]:
    """Stage: single entries and pairs of entries."""
    found = state.pair_sums(library)
    yield from found.singles()
    yield from found.pairs()


def sums(state: SearchState, library: LibraryName) -> Iterator[Expression]:
    """Stage: sums of several entries, grown from the pairs."""
    yield from state.pair_sums(library).sums()


def transforms(state: SearchState, library: LibraryName) -> Iterator[Expression]:
    """Stage: pairs and sums for transforms of the target, from the simpler third of the entries."""
    entries: Library = getattr(state.libraries, library)
    simple = entries.simplest(max(state.budget.small, len(entries) // 3))
    for _, changed, back in transformed(state.sample, state.target):
        found = PairSums(simple, changed, half(state.budget), state.stop, back)
        yield from found.pairs()
        yield from found.sums()
        if state.done:
            return


def _sets(pairs: Pairs) -> list[tuple[int, ...]]:
    return list(zip(pairs.f.tolist(), pairs.g.tolist(), strict=True))
