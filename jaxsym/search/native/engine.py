"""The native engine: stages that hand on to each other and stop as soon as the answer is exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxsym.search.engines.base import EngineBase
from jaxsym.search.engines.protocol import Run, Update
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.pipeline import SCHEDULE, Pipeline
from jaxsym.search.native.schedule import Schedule
from jaxsym.search.problem.problem import Problem


@dataclass(frozen=True)
class NativeEngine(EngineBase):
    """Enumeration, linear algebra and nonlinear fits; needs nothing but JAX.

    Attributes:
      budget: how much work the stages may do.
      schedule: the stages, in order; see `jaxsym.search.native.schedule`.

    >>> import jax, numpy as np
    >>> from jaxsym.expr import parse
    >>> from jaxsym.search.native.schedule import Row, inserted
    >>> def my_stage(state):
    ...     yield parse("sin(x)/x")
    >>> mine = inserted(SCHEDULE, Row("my stage", my_stage), after="constants")
    >>> X = np.linspace(1.0, 9.0, 50)[:, None]
    >>> stages = []
    >>> engine = NativeEngine(schedule=mine)
    >>> front = engine.search(X, np.sin(X[:, 0]) / X[:, 0], variables=["x"],
    ...     key=jax.random.key(0), callback=lambda progress: stages.append(progress.found_by))
    >>> front.best().expression, stages[-1]
    (Expression(sin(x)/x), 'my stage')
    """

    budget: SearchBudget = SearchBudget()
    schedule: Schedule = SCHEDULE
    max_rows: ClassVar[int | None] = 4096  # more rows seldom decide between two forms

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterator[Update]:
        """Search for targets that share one library; see `Engine.propose`."""
        seconds = None if run.time_limit is None else run.time_limit / len(problems)
        pipeline = Pipeline(problems, self.budget.within(seconds), run.key, self.schedule)
        for number, archive in enumerate(run.archives):
            pipeline.clock.deadline = run.deadlines[number]
            archive.stop = pipeline.clock.over
            for stage in pipeline.run(archive):
                yield Update(number, stage)
            run.cut_off[number] = tuple(pipeline.cut_off)
            archive.stop = _never


def _never() -> bool:
    return False
