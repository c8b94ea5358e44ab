"""What the stages of a search share: the problem, libraries, the evolution and the archive."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Array, Float, Key

from jaxsym._random import generator
from jaxsym.expr import Expression
from jaxsym.search.front.archive import Archive
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.evolution import Evolution
from jaxsym.search.native.library import Library, build_library, build_terms
from jaxsym.search.native.stages.contexts import Context, contexts
from jaxsym.search.native.stages.factors import Factors
from jaxsym.search.native.stages.pair_sums import LibraryName, PairSums
from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.reduction import Reduction, reductions

_T = TypeVar("_T")


@dataclass
class Clock:
    """When no more work begins, by `time.monotonic`; the time may be moved."""

    deadline: float = math.inf

    def over(self) -> bool:
        """Whether time is over."""
        return time.monotonic() > self.deadline

    def limit(self, other: Clock, share: float) -> None:
        """Move the time to where a share of what another clock has left is spent."""
        now = time.monotonic()
        self.deadline = now + share * (other.deadline - now)


@dataclass
class StageCost:
    """What a stage has cost, and what came of it.

    Attributes:
      calls: how often it was called.
      seconds: of all CPU cores together.
      added: candidates that were new to the archive or had better constants.
    """

    calls: int = 0
    seconds: float = 0.0
    added: int = 0


class Libraries:
    """The libraries of a table, built when they are first asked for; all targets share them.

    Args:
      problems: one per target.
      budget: their sizes.
      rng: chooses the rows on which entries are compared.
    """

    def __init__(self, problems: Sequence[Problem], budget: SearchBudget, rng: np.random.Generator):
        self._problems, self._budget, self._rng = problems, budget, rng

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """The rows on which entries are compared and scored."""
        counting = np.flatnonzero(np.all([p.weights > 0 for p in self._problems], axis=0))
        count = min(self._budget.points, len(counting))
        return np.sort(self._rng.choice(counting, count, replace=False))

    @functools.cached_property
    def small(self) -> Library:
        """The simplest sub-expressions, quickly built."""
        return self._library(self._budget.small)

    @functools.cached_property
    def terms(self) -> Library:
        """Terms: monomials, and monomials times functions of monomials."""
        return self._library(self._budget.terms, build_terms)

    @functools.cached_property
    def full(self) -> Library:
        """All sub-expressions that there is room for."""
        return self._library(self._budget.library)

    @functools.cached_property
    def semantics(self) -> SemanticSearch:
        """The small library, ready to be searched for target semantics."""
        return SemanticSearch(self.small, self._problems[0].rows(self.rows))

    def _library(self, size: int, build: Callable[..., Library] = build_library) -> Library:
        weights = np.mean([p.weights[self.rows] for p in self._problems], axis=0)
        sample = replace(self._problems[0].rows(self.rows), weights=weights / weights.sum())
        targets = np.stack([p.y[self.rows] for p in self._problems])
        return build(sample, targets, size=size)


@dataclass(frozen=True)
class SearchState:
    """What a stage may read and use.

    Attributes:
      problem: the target, on all rows.
      archive: the candidates so far; what a stage yields is added to it.
      libraries: sub-expressions of the variables, with their values on some rows.
      budget: what the stage may spend.
      key: PRNG key of the search.
      rng: source of all choices, made of the key.
      clock: when time is over.
      costs: what every stage has cost so far, by its name.
      cut_off: names of the stages that time did not allow, or not to the end.
      denoised: values of the best candidate so far on the rows of the libraries, by which noise is
        told from signal; None before there is one to trust.
      round: how often the stage has been called before by the same row of the schedule.
      where: what is added to the stages' names, in a search beside the main one.
    """

    problem: Problem
    archive: Archive
    libraries: Libraries
    budget: SearchBudget
    key: Key[Array, ""]
    rng: np.random.Generator
    clock: Clock
    costs: dict[str, StageCost]
    cut_off: dict[str, None] = field(default_factory=dict)
    denoised: Float[np.ndarray, " n"] | None = None
    round: int = 0
    where: str = ""
    _made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        problems: Sequence[Problem],
        budget: SearchBudget,
        key: Key[Array, ""],
        clock: Clock | None = None,
    ) -> SearchState:
        """The state in which a search for the first of some targets begins.

        Args:
          problems: one per target of a table.
          budget: of the search.
          key: PRNG key.
          clock: when time is over; never by default.
        """
        rng, clock = generator(key), clock or Clock()
        libraries = Libraries(problems, budget, rng)
        archive = Archive(problems[0], clock.over)
        return cls(problems[0], archive, libraries, budget, key, rng, clock, {})

    def of_target(self, archive: Archive) -> SearchState:
        """The state in which the search for one of the targets begins, with an archive for it."""
        return replace(
            self, problem=archive.problem, archive=archive, costs={}, cut_off={}, _made={}
        )

    def of_part(self, problem: Problem, budget: SearchBudget, where: str) -> SearchState:
        """The state of a search beside this one, for a part of its problem."""
        part = SearchState.of([problem], budget, self.key, Clock(self.clock.deadline))
        return replace(part, costs=self.costs, where=where)

    def around(self, denoised: Float[np.ndarray, " n"]) -> SearchState:
        """The same search with a denoised target."""
        kept = {"evolution": self.evolution, "sample": self.sample}
        return replace(self, denoised=denoised, where=f" around the best{self.where}", _made=kept)

    def stop(self) -> bool:
        """Whether time is over."""
        return self.clock.over()

    @property
    def done(self) -> bool:
        """Whether a candidate is exact or time is over."""
        return self.archive.exact or self.stop()

    @property
    def sample(self) -> Problem:
        """The target on the rows of the libraries."""
        return self._once("sample", lambda: self.problem.rows(self.libraries.rows))

    @property
    def target(self) -> Float[np.ndarray, " n"]:
        """Values on the rows of the libraries, denoised as far as known."""
        return self.sample.y if self.denoised is None else self.denoised

    @property
    def evolution(self) -> Evolution:
        """The population of formulas; stages seed it to have their best formulas fitted."""
        return self._once("evolution", lambda: Evolution(self.sample, self.rng, self.stop))

    @property
    def semantics(self) -> SemanticSearch:
        """The search of the small library for target semantics."""
        if self.denoised is None:
            return self.libraries.semantics
        return self._once(
            "semantics",
            lambda: SemanticSearch(self.libraries.small, self.sample, self.denoised),
        )

    @property
    def full_semantics(self) -> SemanticSearch:
        """The search of the full library for target semantics."""
        return self._once(
            "full semantics", lambda: SemanticSearch(self.libraries.full, self.sample)
        )

    @property
    def contexts(self) -> list[Context]:
        """The simple contexts of the target."""
        return self._once(
            "contexts",
            lambda: list(contexts(self.sample, self.semantics, self.target, deep=False)),
        )

    @property
    def factors(self) -> Factors:
        """Columns of functions of simple entries, for products of powers."""
        return self._once("factors", lambda: Factors(self.semantics, self.sample))

    def pair_sums(self, library: LibraryName) -> PairSums:
        """Pairs and sums of one of the libraries, remembered between stages."""
        return self._once(
            f"pairs of {library}",
            lambda: PairSums(getattr(self.libraries, library), self.sample, self.budget, self.stop),
        )

    @property
    def reduced(self) -> list[tuple[Reduction, SearchState]]:
        """The problem in fewer variables, in several ways, each with a search of its own."""
        return self._once("reduced", self._reductions)

    def _reductions(self) -> list[tuple[Reduction, SearchState]]:
        found = reductions(self.problem, self.rng, self.stop)[: self.budget.reductions]
        return [(reduction, self._reduced_by(reduction)) for reduction in found]

    def _reduced_by(self, reduction: Reduction) -> SearchState:
        problem = reduction.forward(self.problem)
        return self.of_part(problem, self.budget, f" in {len(problem.variables)} variables")

    def shortest(self) -> list[Expression]:
        """The front, by rising description length."""
        front = self.archive.front()
        return [c.expression for c in sorted(front, key=front.description_length)]

    def _once(self, name: str, make: Callable[[], _T]) -> _T:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]
