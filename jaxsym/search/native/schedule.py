"""A search strategy as data: rows of stages with their budgets, and the loop that follows them.

A stage is a function of the state of a search that yields candidates. A `Row` says which stage is
called, what it may spend, when, and how often; a `Branch` follows rows in another search, such as
that of the same problem in fewer variables.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from jaxsym._check import unknown_name
from jaxsym.expr import Expression
from jaxsym.search.native.budget import SearchBudget, whole
from jaxsym.search.native.state import SearchState, StageCost

Stage: TypeAlias = Callable[[SearchState], Iterable[Expression]]


def always(state: SearchState) -> bool:
    """Whatever the state is."""
    return True


def once(budget: SearchBudget) -> int:
    """One round."""
    return 1


class Row(NamedTuple):
    """One line of a schedule.

    Attributes:
      name: of the stage, as progress and costs tell it.
      stage: yields candidates for a state; they join the archive one by one.
      budget: what the stage may spend, of what the search may.
      when: whether the stage is called at all.
      rounds: how often it is called, at most. It ends earlier after `budget.patience` rounds in
        a row in which the shortest description of the data did not become shorter.
    """

    name: str
    stage: Stage
    budget: Callable[[SearchBudget], SearchBudget] = whole
    when: Callable[[SearchState], bool] = always
    rounds: Callable[[SearchBudget], int] = once

    def run(self, state: SearchState) -> Iterator[str]:
        """Call the stage; yields its name after each round."""
        budget, rounds = self.budget(state.budget), self.rounds(state.budget)
        name, shortest, idle = self.name + state.where, math.inf, 0
        for number in range(rounds):
            cost = state.costs.setdefault(name, StageCost())
            began = time.process_time()
            found = self.stage(replace(state, budget=budget, round=number))
            cost.added += state.archive.add(found, name)
            cost.seconds += time.process_time() - began
            cost.calls += 1
            yield name
            if rounds > 1:
                length = state.archive.description_length()
                shortest, idle = min(shortest, length), idle + 1 if length >= shortest else 0
                if idle == budget.patience:
                    return


class Branch(NamedTuple):
    """Rows that are followed in other searches, whose answers join this one.

    Attributes:
      searches: states of other searches, each with the way back from its candidates; None where
        it has the archive of this one.
      rows: what is done there.
      when: whether it is done.
    """

    searches: Callable[[SearchState], Iterable[tuple[SearchState, Back | None]]]
    rows: tuple[Row | Branch, ...]
    when: Callable[[SearchState], bool] = always

    def run(self, state: SearchState) -> Iterator[str]:
        """Follow the rows in each search; yields the names of the stages."""
        for other, back in self.searches(state):
            for name in follow(self.rows, other):
                if back is not None:
                    front = other.archive.wide_front()
                    state.archive.add((back(c.expression) for c in front), name)
                yield name


Back: TypeAlias = Callable[[Expression], Expression]
Schedule: TypeAlias = tuple[Row | Branch, ...]


def follow(rows: Schedule, state: SearchState) -> Iterator[str]:
    """Run the rows of a schedule until a candidate is exact or time is over.

    Where time is over, `state.cut_off` is told of the row in which it ended and of those after it.

    Args:
      rows: what to do, in order.
      state: of the search.

    Yields:
      the name of each stage after it was called.
    """
    for place, row in enumerate(rows):
        if row.when(state):
            for name in row.run(state):
                yield name
                if state.done:
                    if not state.archive.exact:
                        left = (other for other in rows[place:] if other.when(state))
                        state.cut_off.update(dict.fromkeys(_names(left)))
                    return


def _names(rows: Iterable[Row | Branch]) -> Iterator[str]:
    """Names of the rows, those of branches too."""
    for row in rows:
        if isinstance(row, Row):
            yield row.name
        else:
            yield from _names(row.rows)


def inserted(schedule: Schedule, row: Row | Branch, *, after: str) -> Schedule:
    """A schedule with one more row.

    Args:
      schedule: rows.
      row: to be inserted.
      after: name of the row that it follows.

    Raises:
      ValueError: no row has that name.

    >>> rows = (Row("one", lambda state: ()), Row("two", lambda state: ()))
    >>> [r.name for r in inserted(rows, Row("mine", lambda state: ()), after="one")]
    ['one', 'mine', 'two']
    """
    names = [row.name if isinstance(row, Row) else "" for row in schedule]
    if after not in names:
        raise unknown_name("stage", after, filter(None, names))
    place = names.index(after) + 1
    return (*schedule[:place], row, *schedule[place:])
