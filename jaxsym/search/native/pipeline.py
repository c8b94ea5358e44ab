"""The native engine's stages, from the cheapest to the most thorough."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Key

from jaxsym._random import generator
from jaxsym.expr import Expression, constant, literal
from jaxsym.expr.subtrees import to_formula
from jaxsym.search.front.archive import Pool
from jaxsym.search.front.refit import insert_constants
from jaxsym.search.native.candidates import Candidates
from jaxsym.search.native.evolution import Evolution
from jaxsym.search.native.library import Library, build_library, build_terms
from jaxsym.search.native.stages.contexts import Context, contexts, filled
from jaxsym.search.native.stages.exponentials import exponentials
from jaxsym.search.native.stages.factors import Factors
from jaxsym.search.native.stages.linear_sums import linear_sums
from jaxsym.search.native.stages.nested import nested_functions
from jaxsym.search.native.stages.pairs import Pairs, best_pairs, make_moments
from jaxsym.search.native.stages.piecewise import pieces
from jaxsym.search.native.stages.power_laws import power_laws
from jaxsym.search.native.stages.products import products
from jaxsym.search.native.stages.rational import ratios, ratios_of_functions
from jaxsym.search.native.stages.semantics import Filler
from jaxsym.search.native.stages.sinusoids import waves
from jaxsym.search.native.stages.sparse_sums import sparse_sums
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.reduction import Reduced, reductions
from jaxsym.search.reparametrize.transforms import transformed

_DESCRIBED = 0.5  # share of the variance that a candidate may leave to tell noise from signal
_SEEDS = 100  # candidates that the evolution goes on from
_POWERS = (("inv",), ("square",), ("sqrt",))


class Effort(NamedTuple):
    """How much work the stages do.

    Attributes:
      library: entries of the library of sub-expressions.
      points: rows on which entries are compared and scored.
      rows: entries that are paired with the whole library.
      pairs: best pairs of each kind that become expressions.
      refined: candidates that get constants inside their functions, and
      refined_points: rows that these are fitted to.
      side: best expressions of either side of a threshold that are combined.
      small: entries of the library that is tried first, and
      terms: of that of terms.
      beams: sums that are followed from each number of terms to the next.
      factors: functions that are fitted as factors of power laws.
      early: generations of the evolution after the first few stages, where time is short.
      generations: of the evolution, at most, and
      patience: without anything new.
      reductions: ways to fewer variables that are followed, and
      share: of the time that is left for each.
    """

    library: int = 12_000
    points: int = 256
    rows: int = 2048
    pairs: int = 100
    refined: int = 80
    refined_points: int = 512
    side: int = 6
    small: int = 3000
    terms: int = 8000
    beams: int = 48
    factors: int = 16
    early: int = 2
    generations: int = 120
    patience: int = 20
    reductions: int = 2
    share: float = 0.4

    def lighter(self) -> Effort:
        """About an eighth of the work, for a part of a problem."""
        return self._replace(
            library=self.library // 3,
            rows=self.rows // 4,
            pairs=self.pairs // 2,
            beams=self.beams // 3,
        )


class Stages:
    """The stages for the targets of one table, which share a library.

    Args:
      problems: one per target.
      effort: sizes of the stages.
      key: PRNG key.
      deadline: when no more work begins, by `time.monotonic`; it may be moved.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        effort: Effort,
        key: Key[Array, ""],
        deadline: float = math.inf,
    ):
        self.problems, self.effort, self.key, self.deadline = problems, effort, key, deadline
        self.rng = generator(key)

    def stop(self) -> bool:
        """Whether time is over."""
        return time.monotonic() > self.deadline

    def run(self, pool: Pool) -> Iterator[str]:
        """Fill a pool stage by stage; yields what has been done after each."""
        yield from self._simple(pool)
        found = reductions(pool.problem, self.rng, self.stop)[: self.effort.reductions]
        parts = [_Part(reduced, self) for reduced in found]
        for part in parts:
            yield from part.offering(pool, part.stages._simple(part.pool))
            yield from part.offering(pool, part.stages._of_ratios(part.pool))
        yield from self._of_ratios(pool)
        for part in parts:
            now = time.monotonic()
            part.stages.deadline = now + self.effort.share * (self.deadline - now)
            yield from part.offering(pool, part.stages._thorough(part.pool))
        yield from self._thorough(pool)

    def _of_ratios(self, pool: Pool) -> Iterator[str]:
        sample = pool.problem.rows(self._rows)
        pool.offer(ratios(sample))
        yield "ratios"
        pool.offer(ratios_of_functions(sample, self.stop))
        yield "ratios of functions"

    def _thorough(self, pool: Pool) -> Iterator[str]:
        """The stages that need a library, first a small one, then the large one."""
        sample = pool.problem.rows(self._rows)
        evolution = Evolution(sample, self.small_filler, self.rng, self.stop)
        found = list(contexts(sample, evolution.filler, sample.y, deep=False))
        yield from self._of_functions(pool, evolution, found)
        yield from self._of_evolution(pool, evolution, self.effort.early)
        yield from self._of_factors(pool, evolution, found)
        evolution.seed(waves(sample, self.small_filler, self.stop))
        pool.offer(evolution.fitted(16))
        yield "waves"
        yield from self._of_evolution(pool, evolution, self.effort.early)
        evolution.seed(exponentials(sample, self.small_filler, self.stop))
        pool.offer(evolution.fitted(16))
        yield "exponentials"
        few = self.effort._replace(rows=self.effort.rows // 4)
        yield from self._of_pairs(pool, self.terms, few, sample.y)
        yield from self._of_evolution(pool, evolution, self.effort.generations // 24)
        yield from self._of_pairs(pool, self.small, self.effort.lighter(), sample.y)
        evolution.seed(nested_functions(sample, self.small_filler, self.stop))
        pool.offer(evolution.fitted(8))
        yield "nested functions"
        pool.offer(pieces(pool.problem, sample, self.small, self._side))
        yield "pieces"
        points = pool.problem.sample(self.rng, self.effort.refined_points)
        insert_constants(pool, points, self.effort.refined)
        yield "constants inside functions"
        yield from self._around_best(pool, evolution)
        yield from self._of_contexts(pool, evolution, sample.y)
        yield from self._of_evolution(pool, evolution, self.effort.generations // 4, 2 * _SEEDS)
        yield from self._of_pairs(pool, self.library, self.effort, sample.y)
        evolution.filler = Filler(self.library, sample)
        yield from self._of_evolution(pool, evolution, self.effort.generations)

    def _of_evolution(
        self, pool: Pool, evolution: Evolution, generations: int, seeds: int = _SEEDS
    ) -> Iterator[str]:
        """Generations from the best so far, until there is nothing new for a while."""
        if generations:
            evolution.seed(to_formula(expression) for expression in pool.best(seeds))
        best, idle = math.inf, 0
        for _ in range(generations):
            pool.offer(evolution.generation())
            yield "evolution"
            front = pool.front()
            length = min(map(front.description_length, front), default=math.inf)
            best, idle = min(best, length), idle + 1 if length >= best else 0
            if idle == self.effort.patience:
                return

    def _around_best(self, pool: Pool, evolution: Evolution) -> Iterator[str]:
        """The quick stages again, with noise told from signal by the best candidate so far."""
        sample = evolution.problem
        front = pool.front()
        if not len(front):  # nothing yet that the user allows
            return
        best = front.best()
        smooth = best.expression.evaluate(sample.X, sample.variables)
        if best.loss < _DESCRIBED * pool.problem.variance and np.all(np.isfinite(smooth)):
            evolution.filler = Filler(self.small, sample, smooth)
            found = list(contexts(sample, evolution.filler, smooth, deep=False))
            for stage in itertools.chain(
                self._of_functions(pool, evolution, found),
                self._of_factors(pool, evolution, found),
                self._of_pairs(pool, self.small, self.effort.lighter(), smooth),
            ):
                yield f"{stage} around the best"
            evolution.filler = self.small_filler

    def _of_functions(
        self, pool: Pool, evolution: Evolution, found: list[Context]
    ) -> Iterator[str]:
        """Functions of entries."""
        for part, each in ((found[:1], 6 * self.effort.factors), (found[1:], self.effort.factors)):
            formulas = filled(part, evolution.filler, self.stop, each=each)
            evolution.seed(formula for _, formula in formulas)
            pool.offer(evolution.fitted(24))
        yield "functions"

    def _of_factors(self, pool: Pool, evolution: Evolution, found: list[Context]) -> Iterator[str]:
        """Power laws times functions of entries."""
        factors = Factors(evolution.filler, evolution.problem)
        if found:
            evolution.seed(products(found[0].hole.product, factors, self.effort.pairs // 2))
            pool.offer(evolution.fitted(16))
        yield "products"
        for context in found:
            if context.before[:1] in _POWERS:  # logarithms do not change by these
                continue
            count = self.effort.factors // (2 if context.before else 1)
            evolution.seed(
                (*context.before, *formula, *context.after)
                for formula in factors.formulas(context.hole.product, count)
            )
            pool.offer(evolution.fitted(count // 2))
            if pool.exact or self.stop():
                break
        yield "factors"

    def _of_contexts(
        self, pool: Pool, evolution: Evolution, smooth: Float[np.ndarray, " n"]
    ) -> Iterator[str]:
        """Functions of an entry and a function of an entry."""
        found = list(contexts(evolution.problem, evolution.filler, smooth, deep=True))
        formulas = filled(found, evolution.filler, self.stop, each=3)
        evolution.seed(formula for _, formula in formulas)
        pool.offer(evolution.fitted(40))
        yield "contexts"

    @functools.cached_property
    def small_filler(self) -> Filler:
        """The small library, ready for filling holes."""
        return Filler(self.small, self.problems[0].rows(self._rows))

    @functools.cached_property
    def small(self) -> Library:
        """A library that is quickly built."""
        return self._library(self.effort.small)

    @functools.cached_property
    def library(self) -> Library:
        """Sub-expressions with values on the sample."""
        return self._library(self.effort.library)

    @functools.cached_property
    def terms(self) -> Library:
        """What sums are made of."""
        return self._library(self.effort.terms, build_terms)

    def _library(self, size: int, build: Callable[..., Library] = build_library) -> Library:
        weights = np.mean([p.weights[self._rows] for p in self.problems], axis=0)
        sample = replace(self.problems[0].rows(self._rows), weights=weights / weights.sum())
        targets = np.stack([p.y[self._rows] for p in self.problems])
        return build(sample, targets, size=size)

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        counting = np.flatnonzero(np.all([p.weights > 0 for p in self.problems], axis=0))
        count = min(self.effort.points, len(counting))
        return np.sort(self.rng.choice(counting, count, replace=False))

    def _simple(self, pool: Pool) -> Iterator[str]:
        problem = pool.problem
        pool.offer([literal(0), constant(float(problem.weights @ problem.y))])
        yield "constants"
        pool.offer(power_laws(problem))
        yield "power laws"
        pool.offer(linear_sums(problem))
        yield "sums of columns"

    def _of_pairs(
        self, pool: Pool, library: Library, effort: Effort, smooth: Float[np.ndarray, " n"]
    ) -> Iterator[str]:
        """Pairs and sums of entries, for the target and its transforms."""
        sample = pool.problem.rows(self._rows)
        candidates = Candidates(library, sample)
        singles = np.argsort(-np.abs(make_moments(library.values, sample).fit))[: effort.pairs]
        pool.offer(candidates.sums([[entry] for entry in singles.tolist()]))
        pairs = best_pairs(library, sample, rows=effort.rows, keep=effort.pairs, stop=self.stop)
        pool.offer(candidates.sums(_sets(pairs["sum"])))
        pool.offer(candidates.products(pairs["product"]))
        yield "pairs"
        sets = sparse_sums(library, sample, _sets(pairs["sum"]), beams=effort.beams, stop=self.stop)
        pool.offer(candidates.sums(sets))
        yield "sums"
        fewer = library.simplest(max(self.effort.small, len(library) // 3))
        for name, changed, back in transformed(sample, smooth):
            pairs = best_pairs(
                fewer, changed, rows=effort.rows // 2, keep=effort.pairs // 2, stop=self.stop
            )
            candidates = Candidates(fewer, changed, back)
            pool.offer(candidates.sums(_sets(pairs["sum"])))
            pool.offer(candidates.products(pairs["product"]))
            sets = sparse_sums(
                fewer, changed, _sets(pairs["sum"]), beams=effort.beams // 2, stop=self.stop
            )
            pool.offer(candidates.sums(sets))
            yield f"pairs for {name}"
            if self.stop():
                return

    def _side(self, problem: Problem) -> list[Expression]:
        """The best few expressions of one side of a threshold."""
        part = Stages([problem], self.effort.lighter(), self.key, self.deadline)
        pool = Pool(problem, part.stop)
        for _ in part._simple(pool):
            if pool.exact:
                break
        else:
            sample = problem.rows(part._rows)
            next(part._of_pairs(pool, part.library, part.effort, sample.y))
        front = pool.front()
        shortest = sorted(front, key=front.description_length)
        return [candidate.expression for candidate in shortest[: self.effort.side]]


class _Part:
    """A reduced problem with stages and a pool of its own."""

    def __init__(self, reduced: Reduced, whole: Stages):
        self.reduced = reduced
        self.stages = Stages([reduced.problem], whole.effort, whole.key, whole.deadline)
        self.pool = Pool(reduced.problem, self.stages.stop)

    def offering(self, pool: Pool, stages: Iterator[str]) -> Iterator[str]:
        """Run stages; what they find is offered to the pool of the whole."""
        for stage in stages:
            front = self.pool.wide_front()
            pool.offer(self.reduced.restored(candidate.expression) for candidate in front)
            yield f"{stage} in {len(self.reduced.problem.variables)} variables"
            if self.pool.exact or self.stages.stop():
                return


def _sets(pairs: Pairs) -> list[tuple[int, ...]]:
    return list(zip(pairs.f.tolist(), pairs.g.tolist(), strict=True))
