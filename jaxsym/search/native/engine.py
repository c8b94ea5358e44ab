"""The native engine: stages that hand on to each other and stop as soon as the answer is exact."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym._random import generator
from jaxsym.expr import Expression, Operator, constant
from jaxsym.expr.simplify import rewritten
from jaxsym.search.engines.protocol import SEARCHED, Callback, Progress
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import refit_constants, snap_constants
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.pipeline import SCHEDULE, Pipeline
from jaxsym.search.native.schedule import Schedule
from jaxsym.search.problem.constraints import Steering
from jaxsym.search.problem.problem import Problem, make_problems
from jaxsym.search.reparametrize.scaling import Scaling, scale_together

_MOST_ROWS = 4096  # that are searched on
_REWRITTEN = 3  # best candidates that shorter ways to write are looked for
_LOG = logging.getLogger(__name__)
_UNTIL = 0.9  # share of the time after which no stage begins; the rest is for final fits


@dataclass(frozen=True)
class NativeEngine:
    """Enumeration, linear algebra and nonlinear fits; needs nothing but JAX.

    Attributes:
      budget: how much work the stages may do.
      schedule: the stages; see `jaxsym.search.native.schedule`.
    """

    budget: SearchBudget = SearchBudget()
    schedule: Schedule = SCHEDULE

    def search(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, " n"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, " n"] | None = None,
        operators: Mapping[str, Operator] = SEARCHED,
        max_complexity: int = 30,
        steering: Steering | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> ParetoFront:
        """Search for one target; see `Engine.search`."""
        target = np.asarray(y)
        require(target.ndim == 1, f"y has shape {target.shape}; expected [n]")
        return self.search_many(
            X,
            target[:, None],
            variables=variables,
            key=key,
            weights=weights,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
            time_limit=time_limit,
            callback=callback,
        )[0]

    def search_many(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, "n k"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, "n k"] | None = None,
        operators: Mapping[str, Operator] = SEARCHED,
        max_complexity: int = 30,
        steering: Steering | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> tuple[ParetoFront, ...]:
        """Search for several targets that share one library; see `Engine.search_many`."""
        problems = make_problems(
            X,
            y,
            weights,
            variables=variables,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
        )
        began = time.monotonic()
        scalings = scale_together(problems)
        rows = _rows(problems, key)
        scaled = [s.scaled(p).rows(rows) for s, p in zip(scalings, problems, strict=True)]
        seconds = None if time_limit is None else time_limit / len(problems)
        budget = self.budget.within(seconds)
        pipeline = Pipeline(scaled, budget, key, self.schedule)
        targets = [
            _Target(*parts, pipeline) for parts in zip(problems, scalings, scaled, strict=True)
        ]
        arrived: list[Expression] = []
        try:
            for number, target in enumerate(targets):
                end = math.inf
                if time_limit is not None:
                    end = began + time_limit * (number + 1) / len(targets)
                    pipeline.clock.deadline = end - (1 - _UNTIL) * time_limit / len(targets)
                given = 0
                for stage in pipeline.run(target.archive):
                    arrived += target.problem.steering.later()
                    target.archive.add(map(target.scaling.moved, arrived[given:]))
                    given = len(arrived)
                    seconds = time.monotonic() - began
                    if callback is not None:
                        _tell(callback, Progress(stage, number, seconds, target.front()))
                    if target.archive.exact or pipeline.clock.over():
                        break
                target.settle(end)
        except KeyboardInterrupt:
            pass  # the fronts hold the best so far
        except _CallbackError as error:
            _LOG.error("the callback failed; the search ends", exc_info=error.__cause__)
        return tuple(target.front() for target in targets)


def _rows(problems: Sequence[Problem], key: Key[Array, ""]) -> np.ndarray:
    """The rows that are searched on, the same for all targets; the final fits see all."""
    counting = np.flatnonzero(np.any([p.weights > 0 for p in problems], axis=0))
    if len(counting) <= _MOST_ROWS:
        return np.arange(len(problems[0].y))
    rng = generator(key)
    return np.sort(rng.choice(counting, _MOST_ROWS, replace=False))


class _CallbackError(Exception):
    """A callback raised something."""


def _tell(callback: Callback, progress: Progress) -> None:
    try:
        callback(progress)
    except Exception as error:
        raise _CallbackError from error


class _Target:
    """One target in its scaled form, and, once it is settled, in its own."""

    def __init__(self, problem: Problem, scaling: Scaling, scaled: Problem, pipeline: Pipeline):
        self.problem, self.scaling = problem, scaling
        self.archive = Archive(scaled, pipeline.clock.over)
        self.settled: Archive | None = None

    def front(self) -> ParetoFront:
        """The best so far, in the table's own scales."""
        if self.settled is None:
            return self.scaling.front(self.archive.front())
        return self.settled.front()

    def settle(self, end: float) -> None:
        """Fit the last digits, and snap, in the table's own scales, as long as there is time."""

        def late() -> bool:
            return time.monotonic() > end

        archive = Archive(self.problem)
        archive.add(self._restored(c.expression) for c in self.archive.wide_front())
        if not self.archive.exact:
            refit_constants(archive, late)
        snap_constants(archive, late)
        front = archive.front()
        for candidate in sorted(front, key=front.description_length)[:_REWRITTEN]:
            if not late():
                archive.add(rewritten(candidate.expression))
        self.settled = archive

    def _restored(self, expression: Expression) -> Expression:
        """An expression for the table itself; a scale that turns into 1 may have a dimension."""
        found = self.scaling.restored(expression)
        return found if self.problem.steering.allowed(found) else constant(1.0) * found
