"""From a checked table to fronts: the variables in which an engine searches, and the way back."""

from __future__ import annotations

import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Array, Key

from jaxsym._random import generator
from jaxsym._settings import default_settings
from jaxsym.expr import Expression, constant
from jaxsym.search.engines.protocol import Callback, Engine, Progress
from jaxsym.search.engines.runner import search_problems
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.finalize import add_rearranged, finalize
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import guesses
from jaxsym.search.problem.dimensions import Dimensions
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.base import Chain, Reparametrization
from jaxsym.search.reparametrize.change import Change
from jaxsym.search.reparametrize.groups import NamedConstants, dimensionless_groups
from jaxsym.search.reparametrize.reduction import unexplained
from jaxsym.search.reparametrize.screening import keep, screen
from jaxsym.search.reparametrize.templates import Template

_LOG = logging.getLogger("jaxsym.search")
_COLUMNS = 10  # columns that are searched; of more, those that explain most are chosen
_ENGINE = 0.9  # share of the time for searches in other variables; the rest is for final fits
_WAYS = 3  # choices of dimensionless groups in which a problem is searched
_LESS = 10.0  # groups are tried if they leave at most so many times as much unexplained
_ROUNDS = 3  # times that each part of a template with several parts is searched
_TOGETHER = 3  # best expressions of each part that are combined


@dataclass
class TableSearch:
    """Runs an engine on a table in the variables that suit it.

    Attributes:
      engine: what searches.
      key: PRNG key.
      time_limit: seconds for everything.
      callback: called with all progress, in the table's own variables.

    `interrupted` is True once Ctrl-C, or an exception in the callback, has ended the search; what
    has been found by then is returned, and nothing more is searched. `cut_off` has the stages that
    time did not allow.
    """

    engine: Engine
    key: Key[Array, ""]
    time_limit: float | None = None
    callback: Callback | None = None

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.interrupted = False
        self.cut_off: dict[str, None] = {}

    def run(self, problems: Sequence[Problem]) -> tuple[ParetoFront, ...]:
        """Search for all targets of a table, at once unless there are very many columns."""
        alike = all(problem.X is problems[0].X for problem in problems)
        if alike and len(problems[0].variables) <= _COLUMNS:
            return self._engine(problems, self._left(1.0))
        return tuple(
            self._changed(problem, [_plain(problem)], target, len(problems))
            for target, problem in enumerate(problems)
        )

    def with_units(
        self,
        problems: Sequence[Problem],
        dimensions: Sequence[Dimensions],
        named: Mapping[str, float],
    ) -> tuple[ParetoFront, ...]:
        """Search for each target in dimensionless groups.

        Constants that may have any dimension need not have one: groups are tried then too, unless
        the target is plainly no function of them.

        Args:
          problems: one per target.
          dimensions: one per target, of the variables and of the named constants that have some.
          named: values of these constants.
        """
        fronts = []
        for target, (problem, of_target) in enumerate(zip(problems, dimensions, strict=True)):
            ways: list[Reparametrization] = []
            with self._noticing_interrupts():
                ways = self._ways(problem, of_target, named)
            fronts.append(self._changed(problem, ways, target, len(problems)))
        return tuple(fronts)

    def _ways(
        self, problem: Problem, dimensions: Dimensions, named: Mapping[str, float]
    ) -> list[Reparametrization]:
        """The forms in which a problem with units is searched."""
        ways = _in_groups(problem, dimensions, named) if dimensions.reachable else []
        if dimensions.free_constants:
            plain = _plain(problem)
            ways = [way for way in ways[:1] if self._promising(problem, way, plain)]
            ways.append(plain)
        return ways

    def _promising(
        self, problem: Problem, way: Reparametrization, plain: Reparametrization
    ) -> bool:
        """Whether a smooth function of a way's variables explains not much less than otherwise."""
        changed = way.forward(problem)
        if not changed.variables:
            return False
        rng = generator(self.key)
        left, usual = (unexplained(p, rng) for p in (changed, plain.forward(problem)))
        return left <= _LESS * usual

    def within(self, problems: Sequence[Problem], template: Template) -> tuple[ParetoFront, ...]:
        """Search for the unknown parts of a template, by turns if there are several.

        One without parts has its constants fitted from several starts, as a guess has.
        """
        own = template.outer.operators
        used = {t: own[t] for t in template.outer.tokens if t in own}
        wider = [replace(p, operators={**used, **p.operators}) for p in problems]
        if not template.arguments:
            fixed = [replace(p.constraints, guesses=[template.outer]) for p in wider]
            pairs = zip(wider, fixed, strict=True)
            return tuple(self._final(replace(p, constraints=own), []) for p, own in pairs)
        return tuple(
            self._parts(problem, template, target, len(problems))
            for target, problem in enumerate(wider)
        )

    def _parts(
        self, problem: Problem, template: Template, target: int, targets: int
    ) -> ParetoFront:
        parts = list(template.arguments)
        rounds = 1 if len(parts) == 1 else _ROUNDS
        turns = [part for _ in range(rounds) for part in parts]
        current: dict[str, list[Expression]] = {part: [constant(1.0)] for part in parts}
        share = (target + 1) / targets
        with self._noticing_interrupts():
            for place, part in enumerate(turns):
                if self.interrupted:
                    break
                others = {other: found[0] for other, found in current.items() if other != part}
                change = template.change(part, others)
                limit = self._left(share, turns=len(turns) - place)
                front = self._inner(problem, change, limit, target)
                shortest = sorted(front, key=front.description_length)
                found = [candidate.expression.substitute(change.inner) for candidate in shortest]
                current[part] = found or current[part]
                if _settled(problem, _whole(template, current, 1)):
                    break
        count = None if rounds == 1 else _TOGETHER
        return self._final(problem, _whole(template, current, count))

    def _changed(
        self, problem: Problem, ways: Sequence[Reparametrization], target: int, targets: int
    ) -> ParetoFront:
        """The front of what is found in several forms of one problem, until one is exact."""
        found: list[Expression] = []
        with self._noticing_interrupts():
            for place, way in enumerate(ways):
                if self.interrupted:
                    break
                limit = self._left((target + 1) / targets, turns=len(ways) - place)
                changed = way.forward(problem)
                if changed.variables:
                    front = self._inner(problem, way, limit, target)
                    found += [way.back(candidate.expression) for candidate in front]
                else:
                    mean = float(changed.weights @ changed.y)
                    found.append(way.back(constant(mean)))
                if _settled(problem, found):
                    break
        return self._final(problem, found)

    @default_settings()
    def _final(self, problem: Problem, found: Sequence[Expression]) -> ParetoFront:
        """The front of what has been found and of the user's guesses, fitted and snapped."""
        archive = Archive(problem)
        with self._noticing_interrupts():
            archive.add(found)
            if not self.interrupted:
                add_rearranged(archive)
                archive.add(guesses(problem))
            exact = archive.exact
            finalize(archive, refit=not (exact or self.interrupted))
        if not len(archive.front()):
            archive.add([constant(float(problem.weights @ problem.y))])
        return archive.front()

    def _inner(
        self, problem: Problem, way: Reparametrization, time_limit: float | None, target: int
    ) -> ParetoFront:
        """The front of a problem in other variables; the callback sees it in its own."""
        limit = None if time_limit is None else _ENGINE * time_limit
        back = functools.partial(way.front, problem=problem)
        return self._engine([way.constrained(problem)], limit, target, back)[0]

    def _engine(
        self,
        problems: Sequence[Problem],
        time_limit: float | None,
        target: int = 0,
        back: Callable[[ParetoFront], ParetoFront] = lambda front: front,
    ) -> tuple[ParetoFront, ...]:
        def notify(progress: Progress) -> None:
            seconds = time.monotonic() - self.began
            where = target + progress.target
            _LOG.info("%.1f s, target %d: %s", seconds, where, progress.stage)
            if self.callback is not None:
                front = back(progress.front)
                self.callback(progress._replace(target=where, seconds=seconds, front=front))

        result = search_problems(
            self.engine, problems, key=self.key, time_limit=time_limit, callback=notify
        )
        self.interrupted |= result.interrupted
        for stages in result.cut_off:
            self.cut_off.update(dict.fromkeys(stages))
        return result.fronts

    @contextmanager
    def _noticing_interrupts(self) -> Iterator[None]:
        """Ctrl-C ends what is done within, and is noted."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True

    def _left(self, share: float, turns: int = 1) -> float | None:
        """Seconds of the first `share` of the time that are left for one of some turns."""
        if self.time_limit is None:
            return None
        left = share * self.time_limit - (time.monotonic() - self.began)
        return max(left, 0.0) / turns


def _whole(
    template: Template, parts: Mapping[str, Sequence[Expression]], count: int | None
) -> list[Expression]:
    """The template with each of the first `count` expressions for its parts."""
    return [
        template.outer.substitute(dict(zip(parts, chosen, strict=True))).canonical()
        for chosen in itertools.product(*(found[:count] for found in parts.values()))
    ]


def _settled(problem: Problem, found: Sequence[Expression]) -> bool:
    """Whether one of some expressions leaves nothing to look for."""
    return any(problem.settled(expression, problem.loss(expression)) for expression in found)


def _plain(problem: Problem) -> Change:
    """A problem in its own variables, the most promising if there are many."""
    many = len(problem.variables) > _COLUMNS
    return screen(problem, _COLUMNS) if many else keep(problem.variables)


def _in_groups(
    problem: Problem, dimensions: Dimensions, named: Mapping[str, float]
) -> list[Reparametrization]:
    """Ways to write a problem in dimensionless groups, of named constants too."""
    constants = NamedConstants(named)
    wide = constants.forward(problem)
    usable = np.all(wide.X != 0, axis=0)
    repeating = list(itertools.compress(wide.variables, usable))
    groups = dimensionless_groups(dimensions, repeating, _WAYS)
    return [Chain(constants, change) for change in groups]
