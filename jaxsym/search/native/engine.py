"""The native engine: stages that hand on to each other and stop as soon as the answer is exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxsym.search.engines.protocol import Run, Update
from jaxsym.search.engines.runner import EngineBase
from jaxsym.search.native.pipeline import Effort, Stages
from jaxsym.search.problem.problem import Problem

_HURRY = 5.0  # seconds a target within which the evolution comes early


@dataclass(frozen=True)
class NativeEngine(EngineBase):
    """Enumeration, linear algebra and nonlinear fits; needs nothing but JAX.

    Attributes:
      effort: sizes of the stages.
    """

    effort: Effort = Effort()
    max_rows: ClassVar[int | None] = 4096  # more rows seldom decide between two forms

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterator[Update]:
        """Search for targets that share one library; see `Engine.propose`."""
        limit = run.time_limit
        hurried = limit is not None and limit <= _HURRY * len(problems)
        effort = self.effort if hurried else self.effort._replace(early=0)
        stages = Stages(problems, effort, run.key)
        for number, archive in enumerate(run.archives):
            stages.deadline = run.deadlines[number]
            archive.stop = stages.stop
            for stage in stages.run(archive):
                yield Update(number, stage)
                if archive.exact or stages.stop():
                    break
            archive.stop = _never


def _never() -> bool:
    return False
