"""Problems in other variables, and the way back from their answers.

All of these are one idea and one class, `Reparametrization`: known outer structure (`change`,
`templates`), dimensionless groups (`groups`), chosen columns (`screening`), scales (`scaling`), and
fewer variables by the data (`reduction`). Three relatives stay apart, since they do not turn one
problem into another and one expression back into one: transforms of the target (`transforms`) write
a fitted sum in several ways, `nesymres.tables` scales the arrays that its network reads, and
`laws.units` measures whole motions in natural units.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from jaxsym.expr import Expression
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import Problem


class Reparametrization(ABC):
    """Other variables in which a problem can be searched."""

    @abstractmethod
    def forward(self, problem: Problem) -> Problem:
        """The problem in the other variables; it need not know of the user's constraints."""

    @abstractmethod
    def back(self, expression: Expression) -> Expression:
        """An answer to the problem in the other variables as one to the original problem."""

    def constrained(self, problem: Problem) -> Problem:
        """As `forward`, with the original problem's limits on expressions; guesses are left out."""
        own = problem.constraints
        limits = Constraints(lambda expression: own.permits(self.back(expression)), (), own.named)
        return replace(self.forward(problem), constraints=limits)

    def front(self, front: ParetoFront, problem: Problem) -> ParetoFront:
        """A front in the other variables as one of the original problem."""
        expressions = [self.back(candidate.expression) for candidate in front]
        rows = [Candidate(e, problem.complexity(e), problem.loss(e)) for e in expressions]
        return ParetoFront.of(
            rows,
            variance=problem.variance,
            samples=problem.samples,
            noise=problem.noise,
            rounding=problem.rounding,
        )


@dataclass(frozen=True)
class Chain(Reparametrization):
    """One reparametrization after another.

    Attributes:
      first: of the original problem.
      second: of what the first one gives.
    """

    first: Reparametrization
    second: Reparametrization

    def forward(self, problem: Problem) -> Problem:
        return self.second.forward(self.first.forward(problem))

    def back(self, expression: Expression) -> Expression:
        return self.first.back(self.second.back(expression))
