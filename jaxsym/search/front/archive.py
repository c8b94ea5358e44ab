"""All candidates of one target: each form once, with its loss on the whole table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from jaxsym.expr import Expression
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem

_MUCH = 3.0  # ratio of losses that better constants hardly make up for
_SIMPLIFIED = 3  # nodes that a canonical form may save
_CLOSE = 1.3  # ratio of losses that better constants may make up for


class Pool:
    """Candidates in canonical form, compared by their losses.

    Args:
      problem: the target.
      stop: whether time is over, so that no more candidates are taken.
    """

    def __init__(self, problem: Problem, stop: Callable[[], bool] = lambda: False):
        self.problem, self.stop = problem, stop
        self._best: dict[tuple[str, ...], Candidate] = {}
        self._reached: dict[int, float] = {}  # least loss by least complexity

    def offer(self, expressions: Iterable[Expression]) -> None:
        """Take expressions in; of one form the constants with the lower loss stay."""
        for expression in expressions:
            if self.stop() and self._best:
                return
            loss = self.problem.loss(expression)
            if self._hopeless(loss, self._least(expression)):
                continue
            form = expression.canonical()
            if self._least(form) > self.problem.max_complexity or not self._allowed(form):
                continue
            loss = self.problem.loss(form)
            known = self._best.get(form.tokens)
            if known is None or loss < known.loss:
                self._best[form.tokens] = Candidate(form, self.problem.complexity(form), loss)
                least = self._least(form)
                self._reached[least] = min(loss, self._reached.get(least, math.inf))

    def _least(self, expression: Expression) -> int:
        """Complexity if all factors turn out to be 1, each of which takes a product away too."""
        return self.problem.complexity(expression) - 2 * len(expression.constants)

    def _hopeless(self, loss: float, least: int) -> bool:
        """Whether what is as simple is much better, even if a form gets simpler by some nodes."""
        simpler = (best for c, best in self._reached.items() if c <= least - _SIMPLIFIED)
        return not loss < _MUCH * min(simpler, default=math.inf)

    def replace(self, old: Candidate, final: Expression) -> None:
        """Put a candidate's final form in its place, even if its loss is a little higher."""
        if not self._allowed(final):  # a constant that becomes 0 may take a required variable away
            return
        self._best.pop(old.expression.tokens, None)
        complexity = min(old.complexity, self.problem.complexity(final))
        self._best[final.tokens] = Candidate(final, complexity, self.problem.loss(final))

    def front(self) -> ParetoFront:
        """The Pareto front of the candidates that are not too complex."""
        return self._front(self.problem.max_complexity)

    def wide_front(self) -> ParetoFront:
        """The front with those that would be simple enough if constants turn out to be 1."""
        return self._front(math.inf)

    def _front(self, limit: float) -> ParetoFront:
        return ParetoFront.of(
            (c for c in self._best.values() if c.complexity <= limit),
            variance=self.problem.variance,
            samples=self.problem.samples,
        )

    def best(self, count: int) -> list[Expression]:
        """About `count` candidates worth refining: of every complexity the best few."""
        groups: dict[int, list[Candidate]] = {}
        for candidate in self._best.values():
            groups.setdefault(candidate.complexity, []).append(candidate)
        each = max(1, count // max(1, len(groups)))
        return [
            candidate.expression
            for _, group in sorted(groups.items())
            for candidate in sorted(group, key=lambda c: c.loss)[:each]
        ]

    def near(self, count: int) -> list[Candidate]:
        """The `count` candidates whose losses are closest to the front's at their complexity."""
        front = list(self.wide_front())

        def excess(candidate: Candidate) -> float:
            best = min(c.loss for c in front if c.complexity <= candidate.complexity)
            return candidate.loss / best if best > 0 else math.inf

        close = [c for c in self._best.values() if excess(c) <= _CLOSE]
        return sorted(close, key=excess)[:count]

    @property
    def exact(self) -> bool:
        """Whether a candidate explains the target up to rounding."""
        floor = self.problem.rounding * self.problem.variance
        most = self.problem.max_complexity
        return any(c.loss <= floor and c.complexity <= most for c in self._best.values())

    def _allowed(self, expression: Expression) -> bool:
        table, own = self.problem.operators, expression.operators
        known = all(token in table for token in expression.tokens if token in own)
        return known and self.problem.constraints.allowed(expression)
