"""What every symbolic-regression engine offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym.expr import OPERATORS, Operator
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.constraints import Steering


class Progress(NamedTuple):
    """What a callback is told.

    Attributes:
      stage: what has just been done, in words.
      target: column of `y` that is being searched.
      seconds: time since the search began.
      front: the best so far for that target.
    """

    stage: str
    target: int
    seconds: float
    front: ParetoFront


Callback = Callable[[Progress], None]

# Enough for most laws; every further operator makes the search wider and slower.
SEARCHED = {
    name: OPERATORS[name]
    for name in (
        *("add", "sub", "mul", "div", "neg", "inv", "pow", "square", "cube", "sqrt", "abs"),
        *("exp", "log", "sin", "cos", "tanh", "if_greater"),
    )
}


class Engine(Protocol):
    """A search for expressions that explain a table."""

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
        """Search for `y` as a function of the columns of `X`.

        Args:
          X: `[n, V]` table.
          y: `[n]` target.
          variables: names of the columns of `X`.
          key: PRNG key; with a fixed budget of work the same key gives the same result.
          weights: `[n]` inverse variances of `y`, up to a factor; equal by default.
          operators: the operators to use; any part of `OPERATORS`, and the user's own.
          max_complexity: no expression of the front is more complex.
          steering: hints and limits.
          time_limit: seconds.
          callback: called after every stage.

        Returns:
          the front. `KeyboardInterrupt` ends the search and returns the best so far.

        Raises:
          ValueError: shapes that do not match, non-finite values, duplicate or missing names.
        """
        ...

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
        """Search for k targets, `[n, k]`, that share what they can of the work.

        Arguments are as for `search`; `weights` may be `[n]` for all targets, and `time_limit` is
        for all of them together. Returns one front per target.
        """
        ...
