"""The native engine's stages, from the cheapest to the most thorough."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxsym.expr import Expression, constant, literal
from jaxsym.search.candidates import Candidates
from jaxsym.search.library import Library, build_library
from jaxsym.search.pairs import Pairs, best_pairs, make_moments
from jaxsym.search.pieces import pieces
from jaxsym.search.pool import Pool
from jaxsym.search.power_laws import power_laws
from jaxsym.search.problem import Problem
from jaxsym.search.refine import insert_constants
from jaxsym.search.sparse import sparse_sums
from jaxsym.search.transforms import transformed


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
    """

    library: int = 12_000
    points: int = 256
    rows: int = 2048
    pairs: int = 100
    refined: int = 80
    refined_points: int = 512
    side: int = 6

    def lighter(self) -> Effort:
        """About an eighth of the work, for a part of a problem."""
        return self._replace(library=self.library // 3, rows=self.rows // 4, pairs=self.pairs // 2)


class Stages:
    """The stages for the targets of one table, which share a library."""

    def __init__(self, problems: Sequence[Problem], effort: Effort, key: Key[Array, ""]):
        self.problems, self.effort, self.key = problems, effort, key
        self.rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())

    def run(self, pool: Pool) -> Iterator[str]:
        """Fill a pool stage by stage; yields what has been done after each."""
        yield from self._simple(pool)
        yield from self._of_library(pool, self.effort)
        sample = pool.problem.rows(self._rows)
        pool.offer(pieces(pool.problem, sample, self.library, self._side))
        yield "pieces"
        points = pool.problem.sample(self.rng, self.effort.refined_points)
        insert_constants(pool, points, self.key, self.effort.refined)
        yield "constants inside functions"

    @functools.cached_property
    def library(self) -> Library:
        """Sub-expressions with values on the sample."""
        weights = np.mean([p.weights[self._rows] for p in self.problems], axis=0)
        sample = replace(self.problems[0].rows(self._rows), weights=weights / weights.sum())
        targets = np.stack([p.y[self._rows] for p in self.problems])
        return build_library(sample, targets, size=self.effort.library)

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

    def _of_library(self, pool: Pool, effort: Effort) -> Iterator[str]:
        library, sample = self.library, pool.problem.rows(self._rows)
        candidates = Candidates(library, sample)
        singles = np.argsort(-np.abs(make_moments(library.values, sample).fit))[: effort.pairs]
        pool.offer(candidates.sums([[entry] for entry in singles.tolist()]))
        pairs = best_pairs(library, sample, rows=effort.rows, keep=effort.pairs)
        pool.offer(candidates.sums(_sets(pairs["sum"])))
        pool.offer(candidates.products(pairs["product"]))
        yield "pairs"
        pool.offer(candidates.sums(sparse_sums(library, sample, _sets(pairs["sum"]))))
        yield "sums"
        small = library.simplest(effort.library // 3)
        for name, changed, back in transformed(sample):
            pairs = best_pairs(small, changed, rows=effort.rows // 2, keep=effort.pairs // 2)
            candidates = Candidates(small, changed, back)
            pool.offer(candidates.sums(_sets(pairs["sum"])))
            pool.offer(candidates.products(pairs["product"]))
            yield f"pairs for {name}"

    def _side(self, problem: Problem) -> list[Expression]:
        """The best few expressions of one side of a threshold."""
        pool = Pool(problem)
        part = Stages([problem], self.effort.lighter(), self.key)
        for _ in part._simple(pool):
            if pool.exact:
                break
        else:
            next(part._of_library(pool, part.effort))
        front = pool.front()
        shortest = sorted(front, key=front.description_length)
        return [candidate.expression for candidate in shortest[: self.effort.side]]


def _sets(pairs: Pairs) -> list[tuple[int, ...]]:
    return list(zip(pairs.f.tolist(), pairs.g.tolist(), strict=True))
