"""Everything around an engine, once for all of them: from a table to fronts in its own scales."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym._deprecation import renamed_arguments
from jaxsym._random import generator
from jaxsym.expr import Expression, Operator, ParseError, constant, parse
from jaxsym.search.engines.protocol import (
    DEFAULT_OPERATORS,
    Callback,
    Engine,
    Progress,
    Run,
    Update,
)
from jaxsym.search.front.archive import Pool
from jaxsym.search.front.finalize import finalize
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import fit_guesses
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import Problem, make_problems
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
    """

    fronts: tuple[ParetoFront, ...]
    interrupted: bool
    found_by: tuple[str, ...]
    costs: Mapping[str, float]


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
    scalings = scale_together(problems)
    rows = _rows(problems, getattr(engine, "max_rows", None), key)
    scaled = [s.scaled(p).rows(rows) for s, p in zip(scalings, problems, strict=True)]
    targets = [_Target(*parts) for parts in zip(problems, scalings, scaled, strict=True)]
    run = Run(
        key, [t.archive for t in targets], _deadlines(began, time_limit, len(targets)), time_limit
    )
    costs: dict[str, float] = {}
    interrupted = True
    try:
        for target in targets:
            target.start()
        with closing(_timed(engine.propose(scaled, run), targets, costs)) as updates:
            for update in updates:
                seconds = time.monotonic() - began
                if not _notified(callback, update, targets[update.target], seconds, costs):
                    break
            else:
                interrupted = False
    except KeyboardInterrupt:
        pass  # the archives hold the best so far
    end = math.inf if time_limit is None else began + time_limit
    fronts = []
    for number, target in enumerate(targets):
        now = time.monotonic()
        own_end = -math.inf if interrupted else now + (end - now) / (len(targets) - number)
        front, undisturbed = target.finalized(own_end)
        fronts.append(front)
        interrupted |= not undisturbed
    return SearchResult(tuple(fronts), interrupted, tuple(t.found_by for t in targets), costs)


class EngineBase:
    """The methods that call an engine directly on arrays; `propose` is left to its subclasses.

    Attributes:
      max_rows: rows that `propose` is given at most; None for all.
    """

    max_rows: ClassVar[int | None] = None

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterable[Update]:
        """Search, and report after each step; see `Engine.propose`."""
        raise NotImplementedError

    @renamed_arguments(steering="constraints")
    def search(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, " n"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, " n"] | None = None,
        operators: Mapping[str, Operator] = DEFAULT_OPERATORS,
        max_complexity: int = 30,
        constraints: Constraints | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> ParetoFront:
        """Search for `y` as a function of the columns of `X`.

        Args:
          X: `[n, V]` table.
          y: `[n]` target.
          variables: names of the columns of `X`.
          key: PRNG key; without a time limit the same key gives the same result.
          weights: `[n]` inverse variances of `y`, up to a factor; equal by default.
          operators: the operators to use; any part of `OPERATORS`, and the user's own.
          max_complexity: no expression of the front is more complex.
          constraints: what expressions of the front must obey, and what is known of them.
          time_limit: seconds.
          callback: called with `Progress` after every stage.

        Returns:
          the front. Ctrl-C ends the search and returns the best so far; so does an exception in
          the callback, which is logged.

        Raises:
          ValueError: shapes that do not match, non-finite values, duplicate or missing names.
        """
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
            constraints=constraints,
            time_limit=time_limit,
            callback=callback,
        )[0]

    @renamed_arguments(steering="constraints")
    def search_many(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, "n k"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, "n k"] | None = None,
        operators: Mapping[str, Operator] = DEFAULT_OPERATORS,
        max_complexity: int = 30,
        constraints: Constraints | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> tuple[ParetoFront, ...]:
        """Search for k targets, `[n, k]`, that share what they can of the work.

        Arguments are as for `search`; `weights` may be `[n]` for all targets, and `time_limit` is
        for all of them together. Returns one front per target.
        """
        problems = make_problems(
            X,
            y,
            weights,
            variables=variables,
            operators=operators,
            max_complexity=max_complexity,
            constraints=constraints,
        )
        result = search_problems(self, problems, key=key, time_limit=time_limit, callback=callback)
        return result.fronts


@dataclass
class _Target:
    """One target: its problem, and the archive of its candidates in scaled numbers."""

    problem: Problem
    scaling: Scaling
    scaled: Problem
    found_by: str = ""
    archive: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.archive = Pool(self.scaled)
        self._best: Expression | None = None

    def start(self) -> None:
        """Begin with the user's guesses, fitted, and with the best constant."""
        fit_guesses(self.archive)
        self._note("guesses")
        self.archive.offer([_mean(self.scaled)])
        self._note("constants")

    def add(self, update: Update) -> None:
        """Take in what a step has found."""
        self.archive.offer(read_expressions(update.expressions, self.scaled))
        self._note(update.stage)

    def _note(self, stage: str) -> None:
        """Remember the stage after which another equation has the shortest description."""
        front = self.archive.front()
        best = front.best().expression if len(front) else None
        if best is not None and best != self._best:
            self._best, self.found_by = best, stage

    def front(self) -> ParetoFront:
        """The best so far, in the table's own scales."""
        return self.scaling.front(self.archive.front())

    def finalized(self, end: float) -> tuple[ParetoFront, bool]:
        """The final front in the table's own scales, and whether no Ctrl-C came meanwhile."""
        archive = Pool(self.problem)
        try:
            archive.offer(self._restored(c.expression) for c in self.archive.wide_front())
            if not len(archive.front()):
                archive.offer([_mean(self.problem)])
            exact = self.archive.exact
            finalize(archive, refit=not exact, late=lambda: time.monotonic() > end)
        except KeyboardInterrupt:
            return archive.front(), False
        return archive.front(), True

    def _restored(self, expression: Expression) -> Expression:
        """An expression for the table itself; a scale that turns into 1 may have a dimension."""
        found = self.scaling.restored(expression)
        return found if self.problem.constraints.allowed(found) else constant(1.0) * found


def read_expressions(
    expressions: Iterable[Expression | str], problem: Problem
) -> Iterator[Expression]:
    """Expressions as they are, and texts that are formulas of a problem's variables, parsed.

    Text may use `^` for powers. What is no formula of these variables and operators is left out.

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
    mark = time.monotonic()
    try:
        for update in updates:
            targets[update.target].add(update)
            costs[update.stage] = costs.get(update.stage, 0.0) + time.monotonic() - mark
            yield update
            mark = time.monotonic()
    finally:
        close = getattr(updates, "close", None)
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


def _rows(problems: Sequence[Problem], most: int | None, key: Key[Array, ""]) -> np.ndarray:
    """The rows that are searched on, the same for all targets; the final fits see all."""
    counting = np.flatnonzero(np.any([p.weights > 0 for p in problems], axis=0))
    if most is None or len(counting) <= most:
        return np.arange(len(problems[0].y))
    return np.sort(generator(key).choice(counting, most, replace=False))
