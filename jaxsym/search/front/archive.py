"""All candidates of one target: each form once, with its loss on the whole table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from jaxsym.expr import Expression
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem

_MUCH = 3.0  # ratio of losses that better constants hardly make up for
_SIMPLIFIED = 3  # nodes that a canonical form may save: a product, its factor, and one more
# Operators that may be written where another one may: their values are sums of its values.
_WRITTEN_BY = {"sinh": "exp", "cosh": "exp", "tanh": "exp"}
_CLOSE = 1.3  # ratio of losses that better constants may make up for


class Archive:
    """Candidates in canonical form, compared by their losses.

    Args:
      problem: the target.
      stop: whether time is over, so that no more candidates are taken.

    >>> import numpy as np
    >>> from jaxsym.expr import OPERATORS, parse
    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.linspace(1.0, 2.0, 20)[:, None]
    >>> (problem,) = make_problems(X, 2 * X, None, variables="x", operators=OPERATORS,
    ...     max_complexity=9)
    >>> archive = Archive(problem)
    >>> archive.add([parse("x"), parse("2*x")], source="a guess")
    2
    >>> archive.exact, archive.found_by(parse("2*x"))
    (True, 'a guess')
    """

    def __init__(self, problem: Problem, stop: Callable[[], bool] = lambda: False):
        self.problem, self.stop = problem, stop
        self._best: dict[tuple[str, ...], Candidate] = {}
        self._sources: dict[tuple[str, ...], str] = {}
        self._reached: dict[int, float] = {}  # lowest loss by minimal complexity

    def add(self, expressions: Iterable[Expression], source: str = "") -> int:
        """Take expressions in; of one form the constants with the lower loss stay.

        Args:
          expressions: candidates, which are asked for one at a time.
          source: where they come from, for `found_by`.

        Returns:
          how many were new or had better constants.
        """
        added = 0
        for expression in expressions:
            if self.stop() and self._best:
                break
            added += self._add(expression, source)
        return added

    def _add(self, expression: Expression, source: str) -> bool:
        loss = self.problem.loss(expression)
        if self._dominated(loss, self._min_complexity(expression)):
            return False
        form = expression.canonical()
        minimal = self._min_complexity(form)
        if minimal > self.problem.max_complexity or not self.allows(form):
            return False
        if len(form.constants) > self.problem.samples:  # more numbers than the rows can tell
            return False
        loss = self.problem.loss(form)
        known = self._best.get(form.tokens)
        if known is not None and not loss < known.loss:
            return False
        self._best[form.tokens] = Candidate(form, self.problem.complexity(form), loss)
        self._sources[form.tokens] = source or self._sources.get(form.tokens, "")
        self._reached[minimal] = min(loss, self._reached.get(minimal, math.inf))
        return True

    def found_by(self, expression: Expression) -> str:
        """The source of a candidate's constants; empty if it is not known."""
        return self._sources.get(expression.tokens, "")

    def _min_complexity(self, expression: Expression) -> int:
        """Complexity if all factors turn out to be 1, each of which takes a product away too."""
        return self.problem.complexity(expression) - 2 * len(expression.constants)

    def _dominated(self, loss: float, minimal: int) -> bool:
        """Whether a candidate this simple already has a loss `_MUCH` times lower.

        It counts as this simple even if the other's canonical form turns out to be simpler.
        """
        simpler = (best for c, best in self._reached.items() if c <= minimal - _SIMPLIFIED)
        return not loss < _MUCH * min(simpler, default=math.inf)

    def replace(self, old: Candidate, final: Expression) -> None:
        """Put a candidate's final form in its place, even if its loss is a little higher."""
        if not self.allows(final):  # a constant that becomes 0 may take a required variable away
            return
        self._best.pop(old.expression.tokens, None)
        self._sources[final.tokens] = self._sources.pop(old.expression.tokens, "")
        complexity = min(old.complexity, self.problem.complexity(final))
        self._best[final.tokens] = Candidate(final, complexity, self.problem.loss(final))

    def front(self) -> ParetoFront:
        """The Pareto front of the candidates that are not too complex."""
        return self._front(self.problem.max_complexity)

    def description_length(self) -> float:
        """The shortest description of the data by a candidate of the front, in bits."""
        front = self.front()
        return min(map(front.description_length, front), default=math.inf)

    def wide_front(self) -> ParetoFront:
        """The front with those that would be simple enough if constants turn out to be 1."""
        return self._front(math.inf)

    def _front(self, limit: float) -> ParetoFront:
        return ParetoFront.of(
            (c for c in self._best.values() if c.complexity <= limit),
            variance=self.problem.variance,
            samples=self.problem.samples,
            noise=self.problem.noise,
            rounding=self.problem.rounding,
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
        """Whether a candidate leaves nothing to look for, see `Problem.settled`."""
        limit = self.problem.max_complexity
        return any(
            c.complexity <= limit and self.problem.settled(c.expression, c.loss)
            for c in self._best.values()
        )

    def allows(self, expression: Expression) -> bool:
        """Whether an expression is made of the problem's operators and within the user's limits."""
        table, own = self.problem.operators, expression.operators
        known = all(
            token in table or _WRITTEN_BY.get(token) in table
            for token in expression.tokens
            if token in own
        )
        return known and self.problem.constraints.permits(expression)
