"""Engines called directly on arrays: the methods that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym._deprecation import renamed_arguments
from jaxsym.expr import Operator
from jaxsym.search.engines.protocol import DEFAULT_OPERATORS, Callback, Run, Update
from jaxsym.search.engines.runner import search_problems
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import Problem, make_problems


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
