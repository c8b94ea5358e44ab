"""What engines of other projects have in common: one target at a time, and equations as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from jaxsym.expr import Expression, variable
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.search.engines.base import EngineBase
from jaxsym.search.engines.protocol import Run, Update
from jaxsym.search.engines.runner import read_expressions
from jaxsym.search.front.finalize import add_rearranged
from jaxsym.search.front.refit import refit_constants
from jaxsym.search.problem.problem import Problem


class ExternalEngine(EngineBase):
    """An engine that finds equations as text, with columns called x1, x2, ...

    Its constants may be in single precision: they are fitted again in float64, exact numbers too.
    """

    name: str

    def equations(
        self, problem: Problem, *, names: Sequence[str], seed: int, time_limit: float | None
    ) -> Iterable[str]:
        """Equations of one target in Python's syntax, `^` for powers allowed.

        Args:
          problem: scaled.
          names: of its columns, for the equations.
          seed: of everything random.
          time_limit: seconds.
        """
        raise NotImplementedError

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterator[Update]:
        """Search for the targets one after the other; see `Engine.propose`."""
        for target, problem in enumerate(problems):
            if run.late(target):
                continue
            texts = self.equations(
                problem,
                names=[f"x{place + 1}" for place in range(len(problem.variables))],
                seed=run.seed(target),
                time_limit=run.seconds_left(target),
            )
            yield Update(target, self.name, _with_own_names(texts, problem))
            add_rearranged(run.archives[target])
            refit_constants(run.archives[target], partial(run.late, target))


def _with_own_names(texts: Iterable[str], problem: Problem) -> list[Expression]:
    """The equations in the problem's variables, with constants in the place of exact numbers."""
    names = [f"x{place + 1}" for place in range(len(problem.variables))]
    back = dict(zip(names, map(variable, problem.variables), strict=True))
    renamed = replace(problem, variables=tuple(names))
    return [
        with_free_numbers(expression.substitute(back))
        for expression in read_expressions(texts, renamed)
    ]
