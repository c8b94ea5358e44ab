"""Everything around an engine, once for all of them: from a table to fronts in its own scales."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Key

from jaxsym._random import generator
from jaxsym._settings import default_settings
from jaxsym.expr import Expression, ParseError, constant, parse
from jaxsym.search.engines.protocol import Callback, Engine, Progress, Run, Update
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.finalize import finalize
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import guesses
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.scaling import Scaling, scale_together

_LOG = logging.getLogger("jaxsym.search")
_SEARCH = 0.9  # share of the time after which no step begins; the rest is for the final fits


class SearchResult(NamedTuple):
    """What a search has found.

    Attributes:
      fronts: one per target.
      interrupted: whether Ctrl-C, or an exception in the callback, ended the search.
      found_by: for each target, the stage that found the equation of shortest description.
      costs: seconds that each stage has taken, for all targets together.
      cut_off: for each target, the stages that its time did not allow.
    """

    fronts: tuple[ParetoFront, ...]
    interrupted: bool
    found_by: tuple[str, ...]
    costs: Mapping[str, float]
    cut_off: tuple[tuple[str, ...], ...]


def search_problems(
    engine: Engine,
    problems: Sequence[Problem],
    *,
    key: Key[Array, ""],
    time_limit: float | None = None,
    callback: Callback | None = None,
) -> SearchResult:
    """Search for the targets of one table with any engine.

    Args:
      engine: what proposes equations.
      problems: one per target, of the same table.
      key: PRNG key; without a time limit the same key gives the same result.
      time_limit: seconds for all targets together.
      callback: called after every stage. An exception that it raises is logged and ends the search
        with the best so far, as Ctrl-C does.
    """
    began = time.monotonic()
    targets = _targets(problems, getattr(engine, "max_rows", None), key)
    deadlines = _deadlines(began, time_limit, len(targets))
    run = Run(key, [target.archive for target in targets], deadlines, time_limit)
    costs: dict[str, float] = {}
    completed = False
    try:
        completed = _searched(engine, targets, run, callback, began, costs)
    except KeyboardInterrupt:
        pass  # the archives hold the best so far
    end = math.inf if time_limit is None else began + time_limit
    fronts = []
    for number, target in enumerate(targets):
        now = time.monotonic()
        own_end = now + (end - now) / (len(targets) - number) if completed else -math.inf
        front, undisturbed = target.finalized(own_end)
        fronts.append(front)
        completed &= undisturbed
    found_by = tuple(target.found_by for target in targets)
    cut_off = tuple(run.cut_off.get(number, ()) for number in range(len(targets)))
    return SearchResult(tuple(fronts), not completed, found_by, costs, cut_off)


def _searched(
    engine: Engine,
    targets: Sequence[_Target],
    run: Run,
    callback: Callback | None,
    began: float,
    costs: dict[str, float],
) -> bool:
    """Let an engine fill the targets' archives; False if the callback failed."""
    with default_settings():
        for target in targets:
            target.start()
    updates = engine.propose([target.scaled for target in targets], run)
    with closing(_timed(updates, targets, costs)) as steps:
        for update in steps:
            seconds = time.monotonic() - began
            if not _notified(callback, update, targets[update.target], seconds, costs):
                return False
    return True


@dataclass
class _Target:
    """One target: its problem, and the archive of its candidates in scaled numbers."""

    problem: Problem
    scaling: Scaling
    scaled: Problem
    archive: Archive = field(init=False)

    def __post_init__(self) -> None:
        self.archive = Archive(self.scaled)

    def start(self) -> None:
        """Begin with the user's guesses, fitted, and with the best constant."""
        self.archive.add(guesses(self.scaled), "guesses")
        self.archive.add([_mean(self.scaled)], "constants")

    def add(self, update: Update) -> None:
        """Take in what a step has found."""
        self.archive.add(read_expressions(update.expressions, self.scaled), update.stage)

    @property
    def found_by(self) -> str:
        """The stage that found the candidate of shortest description."""
        front = self.archive.front()
        return self.archive.found_by(front.best().expression) if len(front) else ""

    def front(self) -> ParetoFront:
        """The best so far, in the table's own scales."""
        return self.scaling.front(self.archive.front(), self.problem)

    @default_settings()
    def finalized(self, end: float) -> tuple[ParetoFront, bool]:
        """The final front in the table's own scales, and whether no Ctrl-C came meanwhile."""
        archive = Archive(self.problem)
        try:
            archive.add(self._restored(c.expression) for c in self.archive.wide_front())
            if not len(archive.front()):
                archive.add([_mean(self.problem)])
            exact = self.archive.exact
            finalize(archive, refit=not exact, late=lambda: time.monotonic() > end)
        except KeyboardInterrupt:
            return archive.front(), False
        return archive.front(), True

    def _restored(self, expression: Expression) -> Expression:
        """An expression for the table itself; a scale that turns into 1 may have a dimension."""
        found = self.scaling.back(expression)
        return found if self.problem.constraints.permits(found) else constant(1.0) * found


def read_expressions(
    expressions: Iterable[Expression | str], problem: Problem
) -> Iterator[Expression]:
    """Expressions as they are, and texts that are formulas of a problem's variables, parsed.

    Text may use `^` for powers. What is no formula of these variables and operators is left out.

    >>> from jaxsym.search import DEFAULT_OPERATORS
    >>> from jaxsym.search.problem.problem import make_problems
    >>> (problem,) = make_problems([[1.0], [2.0]], [[1.0], [2.0]], None, variables=["x"],
    ...     operators=DEFAULT_OPERATORS, max_complexity=9)
    >>> list(read_expressions(["(0.5 * (x ^ 2))", "erf(x)", "nan"], problem))
    [Expression(0.5*x**2)]
    """
    for found in expressions:
        if isinstance(found, str):
            try:
                text = found.replace("^", "**")
                found = parse(text, variables=problem.variables, operators=problem.table)
            except ParseError:
                continue  # an operator that only another program has, or not a number
        yield found


def _mean(problem: Problem) -> Expression:
    return constant(float(problem.weights @ problem.y))


def _deadlines(began: float, time_limit: float | None, targets: int) -> list[float]:
    """When the search of each target ends."""
    if time_limit is None:
        return [math.inf] * targets
    return [began + _SEARCH * time_limit * (number + 1) / targets for number in range(targets)]


def _timed(
    updates: Iterable[Update], targets: Sequence[_Target], costs: dict[str, float]
) -> Generator[Update]:
    """Updates, each taken into its target's archive and its time noted; ends an engine cleanly."""
    steps = iter(updates)
    try:
        while True:
            mark = time.monotonic()
            with default_settings():  # not around callbacks, which are the user's
                update = next(steps, None)
                if update is None:
                    return
                targets[update.target].add(update)
            costs[update.stage] = costs.get(update.stage, 0.0) + time.monotonic() - mark
            yield update
    finally:
        close = getattr(steps, "close", None)
        if close is not None:
            close()


def _notified(
    callback: Callback | None,
    update: Update,
    target: _Target,
    seconds: float,
    costs: Mapping[str, float],
) -> bool:
    """Call the user's function; False if it fails, which ends the search."""
    if callback is None:
        return True
    numbers = (update.target, seconds, target.front(), target.found_by, dict(costs))
    try:
        callback(Progress(update.stage, *numbers))
    except Exception:
        _LOG.exception("the callback failed; the search ends with the best so far")
        return False
    return True


def _targets(
    problems: Sequence[Problem], max_rows: int | None, key: Key[Array, ""]
) -> list[_Target]:
    """The targets, scaled together, on the same rows."""
    scalings, rows = scale_together(problems), _rows(problems, max_rows, key)
    return [
        _Target(problem, scaling, scaling.forward(problem).rows(rows))
        for problem, scaling in zip(problems, scalings, strict=True)
    ]


def _rows(problems: Sequence[Problem], limit: int | None, key: Key[Array, ""]) -> np.ndarray:
    """The rows that are searched on, the same for all targets; the final fits see all."""
    counting = np.flatnonzero(np.any([p.weights > 0 for p in problems], axis=0))
    if limit is None or len(counting) <= limit:
        return np.arange(len(problems[0].y))
    return np.sort(generator(key).choice(counting, limit, replace=False))
