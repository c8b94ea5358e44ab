"""All candidates of one target: each form once, with its loss on the whole table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from jaxsym.expr import Expression
from jaxsym.search.front import Candidate, ParetoFront
from jaxsym.search.problem import Problem

_CLOSE = 1.3  # ratio of losses that better constants may make up for
EXACT = 1e-13  # share of the variance below which a loss is rounding, of float32 data too


class Pool:
    """Candidates in canonical form, compared by their losses."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self._best: dict[tuple[str, ...], Candidate] = {}

    def offer(self, expressions: Iterable[Expression]) -> None:
        """Take expressions in; of one form the constants with the lower loss stay."""
        for expression in expressions:
            form = expression.canonical()
            # a factor that turns out to be 1 takes a constant and a product away
            complexity = self.problem.complexity(form)
            least = complexity - 2 * len(form.constants)
            if least > self.problem.max_complexity or not self._allowed(form):
                continue
            loss = self.problem.loss(form)
            known = self._best.get(form.tokens)
            if known is None or loss < known.loss:
                self._best[form.tokens] = Candidate(form, complexity, loss)

    def replace(self, old: Candidate, final: Expression) -> None:
        """Put a candidate's final form in its place, even if its loss is a little higher."""
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
        floor = EXACT * self.problem.variance
        return any(candidate.loss <= floor for candidate in self._best.values())

    def _allowed(self, expression: Expression) -> bool:
        table, own = self.problem.operators, expression.operators
        known = all(token in table for token in expression.tokens if token in own)
        return known and self.problem.steering.allowed(expression)
