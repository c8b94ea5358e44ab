"""Stage: evolution of formulas, each step of which solves for a part.

Formulas are kept by complexity, the best few of each, so that there are always simple ones to build
on (Mouret and Clune 2015, arXiv:1504.04909). A step takes one, makes a hole in it, and fills the
hole with what suits it best in the whole library. What is new and good gets its constants fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from jaxsym.expr import Expression
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.subtrees import (
    Formula,
    Traced,
    complexity,
    desired,
    spliced,
    to_expression,
    to_formula,
    trace,
)
from jaxsym.search.native.stages.semantics import Filler, Hole
from jaxsym.search.problem.problem import Problem

_HOLES = 96  # filled in one generation
_EACH = 6  # formulas kept of each complexity
_LINEAR = 0.4  # share of the holes whose values are desired by the slope, not by inversion
_CROSSED = 32  # formulas made of two
_FITTED = 8  # formulas whose constants are fitted in one generation
_SLOTS = 6  # most constants of these
_STEPS = 12
_SPARE = 6  # complexity above the limit that constants which turn out to be 1 may take away


class Member(NamedTuple):
    """A formula with its loss on the sample and its complexity."""

    loss: float
    complexity: int
    formula: Formula


class Evolution:
    """The population.

    Args:
      problem: the target, on the rows of the library.
      filler: the library.
      rng: source of all choices.
      stop: whether time is over.
    """

    def __init__(
        self,
        problem: Problem,
        filler: Filler,
        rng: np.random.Generator,
        stop: Callable[[], bool] = lambda: False,
    ):
        self.problem, self.filler, self.rng, self.stop = problem, filler, rng, stop
        self.table = problem.table
        self.columns = dict(zip(problem.variables, problem.X.T, strict=True))
        self.limit = problem.max_complexity + _SPARE
        self.members: dict[int, list[Member]] = {}
        self.new: list[Member] = []
        self._fitted: set[tuple] = set()

    def seed(self, formulas: Iterable[Formula]) -> None:
        """Take formulas in."""
        with np.errstate(all="ignore"):
            for formula in formulas:
                if self.stop():
                    return
                self._add(formula)

    def generation(self) -> list[Expression]:
        """One round of steps; returns what is new and good, fitted."""
        with np.errstate(all="ignore"):
            self._fill()
            for _ in range(_CROSSED if self.members else 0):
                self._cross()
        return self.fitted()

    def _fill(self) -> None:
        asked = (self._request(self._choose()) for _ in range(_HOLES)) if self.members else ()
        requests = [request for request in asked if request is not None]
        if not requests:
            return
        penalty = 10 ** self.rng.uniform(-3, -0.5)
        holes = [hole for _, _, _, hole in requests]
        affine = self.filler.best(holes, 4, penalty)[0]
        powers = self.filler.powers
        columns = powers.best(np.stack([hole.product for hole in holes]), 2, penalty)[0]
        for row, (traced, place, head, hole) in enumerate(requests):
            parts: list[Formula | None] = [self.filler.affine(hole, int(affine[row, 0]))]
            parts.append(self.filler.affine(hole, int(self.rng.choice(affine[row, 1:]))))
            parts += [
                powers.formula(hole.product, [column]) for column in columns[row, :1].tolist()
            ]
            for part in parts:
                if part is not None:
                    own = traced.formula[place : traced.ends[place]]
                    self._add(spliced(traced, place, (head, *own, *part) if head else part))

    def _request(self, member: Member) -> tuple[Traced, int, str, Hole] | None:
        """A hole in a formula: in the place of a part, or beside it."""
        traced = trace(member.formula, self.columns, self.table)
        place = int(self.rng.integers(len(member.formula)))
        own, whole = traced.values[place], traced.values[0]
        linear = self.rng.random() < _LINEAR
        found = desired(traced, place, whole if linear else self.problem.y, self.table)
        if found is None:
            return None
        target, slope = found
        smooth = None
        if linear:  # a step of Gauss and Newton, which noise does not bend
            smooth, target = own, own + (self.problem.y - whole) / slope
        head = str(self.rng.choice(["", "", "", "add", "mul"]))
        if head == "add":
            smooth, target = None, target - own
        elif head == "mul":
            smooth = None if smooth is None else np.ones_like(target)
            target, slope = target / own, slope * own
        hole = Hole.of(target, slope * np.ones_like(target), self.problem.weights, smooth)
        return None if hole is None else (traced, place, head, hole)

    def _choose(self) -> Member:
        """A member of a random complexity."""
        costs = list(self.members)
        group = self.members[costs[self.rng.integers(len(costs))]]
        return group[min(int(self.rng.exponential(2.0)), len(group) - 1)]

    def _cross(self) -> None:
        """Put a part of one formula in the place of a part of another."""
        one, other = self._choose(), self._choose()
        traced = trace(one.formula, self.columns, self.table)
        donor = trace(other.formula, self.columns, self.table)
        place = int(self.rng.integers(len(one.formula)))
        start = int(self.rng.integers(len(other.formula)))
        self._add(spliced(traced, place, other.formula[start : donor.ends[start]]))

    def _add(self, formula: Formula) -> None:
        cost = complexity(formula, self.table)
        if cost > self.limit + _SPARE or len(formula) > 80:
            return
        loss = self._loss(formula)
        if not self._welcome(loss, cost):
            return
        formula = to_formula(to_expression(formula, self.table).canonical())
        cost = complexity(formula, self.table)
        if cost <= self.limit and self._welcome(loss, cost):
            member = Member(loss, cost, formula)
            group = self.members.setdefault(cost, [])
            group.append(member)
            group.sort(key=lambda m: m.loss)
            del group[_EACH:]
            self.new.append(member)

    def _welcome(self, loss: float, cost: int) -> bool:
        """Whether there is room for a formula, and none like it."""
        if not math.isfinite(loss) or loss >= self.problem.variance:
            return False
        group = self.members.get(cost, [])
        alike = any(abs(m.loss - loss) <= 1e-9 * loss for m in group)
        return not alike and (len(group) < _EACH or loss < group[-1].loss)

    def _loss(self, formula: Formula) -> float:
        return self.problem.loss_of(trace(formula, self.columns, self.table).values[0])

    @np.errstate(all="ignore")
    def fitted(self, most: int = _FITTED) -> list[Expression]:
        """The best new members, as they are and with fitted constants.

        Args:
          most: formulas whose constants are fitted.
        """
        best = {c: group[0].loss for c, group in self.members.items()}

        def excess(member: Member) -> float:
            simpler = min(best[c] for c in best if c <= member.complexity)
            return member.loss / max(simpler, 1e-300)

        chosen = sorted(self.new, key=excess)[: 2 * most]
        self.new = []
        results = []
        fits = 0
        for member in chosen:
            if excess(member) > 3:
                break
            expression = to_expression(member.formula, self.table)
            results.append(expression)
            skeleton = expression.tokens
            if not 0 < len(expression.constants) <= _SLOTS or fits >= most or self.stop():
                continue
            key = (*skeleton, round(math.log(max(member.loss, 1e-300)), 2))
            if key in self._fitted:
                continue
            self._fitted.add(key)
            fits += 1
            problem = self.problem
            found = least_squares(
                expression, self.columns, problem.y, problem.weights, steps=_STEPS
            )
            if found.loss < member.loss:
                fitted = expression.with_constants(found.constants)
                results.append(fitted)
                self._add(to_formula(fitted))
        self.new = []
        return results
