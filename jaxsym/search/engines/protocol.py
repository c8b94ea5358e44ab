"""What a symbolic-regression engine is: one method that proposes equations, step by step.

Everything else happens once for all engines, in `runner`: tables are checked and scaled, constants
are fitted and snapped, candidates ranked, time shared out, callbacks called and Ctrl-C obeyed.

An engine of one's own needs no more than this:

>>> import jax, numpy as np
>>> class Powers:
...     def propose(self, problems, run):
...         for target, problem in enumerate(problems):
...             for name, x in zip(problem.variables, problem.X.T):
...                 for power in (1, 2, 3):
...                     slope = problem.y @ x**power / (x**power @ x**power)
...                     yield Update(target, f"powers of {name}", [f"{slope}*{name}**{power}"])
>>> from jaxsym import SymbolicRegressor
>>> X = np.random.default_rng(0).uniform(1.0, 2.0, (50, 2))
>>> SymbolicRegressor(engine=Powers()).fit(X, 2.5 * X[:, 1] ** 3).expression_
Expression(5*x1**3/2)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxsym.expr import OPERATORS, Expression
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.problem import Problem

# Enough for most laws; every further operator makes the search wider and slower.
DEFAULT_OPERATORS = {
    name: OPERATORS[name]
    for name in (
        *("add", "sub", "mul", "div", "neg", "inv", "pow", "square", "cube", "sqrt", "abs"),
        *("exp", "log", "sin", "cos", "tanh", "if_greater"),
    )
}


class Progress(NamedTuple):
    """What a callback receives after every stage.

    Attributes:
      stage: name of the stage that has just finished.
      target: column of `y` that is being searched.
      seconds: time since the search began.
      front: the best so far for that target.
      found_by: name of the stage that found the front's equation of shortest description.
      costs: seconds that each stage has taken so far, for all targets together.
    """

    stage: str
    target: int
    seconds: float
    front: ParetoFront
    found_by: str = ""
    costs: Mapping[str, float] = MappingProxyType({})


Callback = Callable[[Progress], None]


class Update(NamedTuple):
    """What an engine reports after each step of its search.

    Attributes:
      target: index of the problem.
      stage: name of the step that has finished.
      expressions: what it found, in the problem's variables, with constants near their best; text
        is read by `parse`, and text that is no formula of the problem is left out.
    """

    target: int
    stage: str
    expressions: Iterable[Expression | str] = ()


@dataclass(frozen=True)
class Run:
    """What an engine is given besides its problems.

    Attributes:
      key: PRNG key; the only source of randomness.
      archives: one per problem, of all candidates so far. The runner adds the expressions of each
        `Update`; an engine may add to them itself.
      deadlines: for each problem, the value of `time.monotonic` after which an engine begins no
        further step; infinite without a time limit. Targets that are searched one after the other
        have equal shares of the time.
      time_limit: seconds for everything, or None.
      cut_off: for each target, the steps that its time did not allow; noted by engines that know.
    """

    key: Key[Array, ""]
    archives: Sequence[Archive]
    deadlines: Sequence[float]
    time_limit: float | None = None
    cut_off: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def late(self, target: int) -> bool:
        """Whether the time of a target is over."""
        return time.monotonic() > self.deadlines[target]

    def seconds_left(self, target: int) -> float | None:
        """Seconds until the deadline of a target, or None without a time limit."""
        if self.time_limit is None:
            return None
        return max(self.deadlines[target] - time.monotonic(), 0.0)

    def seed(self, target: int) -> int:
        """A seed of 31 bits for the engines that need one, different for each target."""
        folded = jax.random.fold_in(self.key, target)
        return int(np.asarray(jax.random.key_data(folded)).ravel()[-1]) & 0x7FFFFFFF


class Engine(Protocol):
    """A way to search for equations.

    An attribute `max_rows`, where an engine has one, is the number of rows above which it is given
    a random part of the table; constants are fitted to all rows afterwards.
    """

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterable[Update]:
        """Search, and report after each step; usually a generator.

        Between two reports callbacks are called and the search may be ended: what has been
        reported by then is kept. A generator is closed then, so that its `finally` blocks run.

        Args:
          problems: one per target, checked and scaled to numbers near 1. Limits (`constraints`,
            `max_complexity`) are enforced on what is reported; an engine that knows of them wastes
            less work. The user's guesses (`hints`) have been fitted and are in the archives.
          run: key, archives and deadlines.
        """
        ...
