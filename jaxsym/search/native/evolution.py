"""Stage: evolution of formulas, each step of which solves for a part.

Formulas are kept by complexity, the best few of each, so that there are always simple ones to build
on (Mouret and Clune 2015, arXiv:1504.04909). A step takes one, computes the target semantics of one
of its parts, and puts what comes nearest to it in the whole library in the place of the part. What
is new and good gets its constants fitted.
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
from jaxsym.search.native.stages.semantics import SemanticSearch, SemanticTarget
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import SAME, TINY

_PARTS = 96  # exchanged in one generation: their targets are one batch of `ranking.ranked`
_EACH = 6  # formulas kept of each complexity, so that no lineage takes one over
_LINEAR = 0.4  # share of the parts whose targets follow from the slope, not by inversion
_CROSSED = 32  # formulas made of two: a third as many, since few of them fit
_FITTED = 8  # of the best new formulas have their constants fitted in one generation
_SLOTS = 6  # constants of these, at most: more of them fit noise
_STEPS = 12  # of Levenberg-Marquardt; what stays is fitted again at the end
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
      rng: source of all choices.
      stop: whether time is over.
    """

    def __init__(
        self,
        problem: Problem,
        rng: np.random.Generator,
        stop: Callable[[], bool] = lambda: False,
    ):
        self.problem, self.rng, self.stop = problem, rng, stop
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

    def generation(self, semantics: SemanticSearch) -> list[Expression]:
        """One round of steps; returns what is new and good, fitted.

        Args:
          semantics: the library that parts come from.
        """
        with np.errstate(all="ignore"):
            self._exchange(semantics)
            for _ in range(_CROSSED if self.members else 0):
                self._cross()
        return self.fitted()

    def _exchange(self, semantics: SemanticSearch) -> None:
        """Put entries of the library in the places of parts that they suit."""
        asked = (self._request(self._choose()) for _ in range(_PARTS)) if self.members else ()
        requests = [request for request in asked if request is not None]
        if not requests:
            return
        penalty = 10 ** self.rng.uniform(-3, -0.5)
        targets = [target for _, _, _, target in requests]
        affine = semantics.best(targets, 4, penalty)[0]
        powers = semantics.powers
        columns = powers.best(np.stack([target.product for target in targets]), 2, penalty)[0]
        for row, (traced, place, head, target) in enumerate(requests):
            parts: list[Formula | None] = [semantics.affine(target, int(affine[row, 0]))]
            parts.append(semantics.affine(target, int(self.rng.choice(affine[row, 1:]))))
            parts += [
                powers.formula(target.product, [column]) for column in columns[row, :1].tolist()
            ]
            for part in parts:
                if part is not None:
                    own = traced.formula[place : traced.ends[place]]
                    self._add(spliced(traced, place, (head, *own, *part) if head else part))

    def _request(self, member: Member) -> tuple[Traced, int, str, SemanticTarget] | None:
        """Target semantics in a formula: of a part, or of what is beside it."""
        traced = trace(member.formula, self.columns, self.table)
        place = int(self.rng.integers(len(member.formula)))
        own, whole = traced.values[place], traced.values[0]
        linear = self.rng.random() < _LINEAR
        found = desired(traced, place, whole if linear else self.problem.y, self.table)
        if found is None:
            return None
        values, slope = found
        denoised = None
        if linear:  # a step of Gauss and Newton, which noise does not bend
            denoised, values = own, own + (self.problem.y - whole) / slope
        head = str(self.rng.choice(["", "", "", "add", "mul"]))
        if head == "add":
            denoised, values = None, values - own
        elif head == "mul":
            denoised = None if denoised is None else np.ones_like(values)
            values, slope = values / own, slope * own
        slope, weights = slope * np.ones_like(values), self.problem.weights
        target = SemanticTarget.of(values, slope, weights, denoised)
        return None if target is None else (traced, place, head, target)

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
        if not self._accepts(loss, cost):
            return
        formula = to_formula(to_expression(formula, self.table).canonical())
        cost = complexity(formula, self.table)
        if cost <= self.limit and self._accepts(loss, cost):
            member = Member(loss, cost, formula)
            group = self.members.setdefault(cost, [])
            group.append(member)
            group.sort(key=lambda m: m.loss)
            del group[_EACH:]
            self.new.append(member)

    def _accepts(self, loss: float, cost: int) -> bool:
        """Whether a formula of this loss and complexity would be kept and is not a duplicate."""
        if not math.isfinite(loss) or loss >= self.problem.variance:
            return False
        group = self.members.get(cost, [])
        alike = any(abs(m.loss - loss) <= SAME * loss for m in group)
        return not alike and (len(group) < _EACH or loss < group[-1].loss)

    def _loss(self, formula: Formula) -> float:
        return self.problem.loss_of(trace(formula, self.columns, self.table).values[0])

    @np.errstate(all="ignore")
    def fitted(self, count: int = _FITTED) -> list[Expression]:
        """The best new members, as they are and with fitted constants.

        Args:
          count: formulas whose constants are fitted.
        """
        best = {c: group[0].loss for c, group in self.members.items()}

        def excess(member: Member) -> float:
            simpler = min(best[c] for c in best if c <= member.complexity)
            return member.loss / max(simpler, TINY)

        chosen = sorted(self.new, key=excess)[: 2 * count]
        self.new = []
        results = []
        fits = 0
        for member in chosen:
            if excess(member) > 3:
                break
            expression = to_expression(member.formula, self.table)
            results.append(expression)
            skeleton = expression.tokens
            if not 0 < len(expression.constants) <= _SLOTS or fits >= count or self.stop():
                continue
            key = (*skeleton, round(math.log(max(member.loss, TINY)), 2))
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
