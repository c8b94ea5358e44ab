"""What engines of other projects have in common: one target at a time, and equations as text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym.expr import Expression, Operator, ParseError, parse, variable
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.search.engines.protocol import SEARCHED, Callback, Progress
from jaxsym.search.front.finalize import settle
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.constraints import Steering
from jaxsym.search.problem.problem import Problem, make_problems
from jaxsym.search.reparametrize.scaling import scale_together

_MARGIN = 0.9  # share of the time that the engine gets; the rest is for constants in float64


class ForeignEngine:
    """An engine that finds equations as text; everything else of the protocol is done here.

    Columns are scaled to the order of one and are called x1, x2, ... for it. What it finds is
    fitted and snapped in float64 on the table itself; limits of `Steering` apply to that, and
    guesses join. The callback is told once per target.
    """

    name: str

    def equations(
        self, problem: Problem, *, names: Sequence[str], seed: int, time_limit: float | None
    ) -> Iterable[str]:
        """Equations of one target in Python's syntax, `^` for powers allowed.

        Args:
          problem: scaled.
          names: of its columns, for the equations.
          seed: of everything random.
          time_limit: seconds.
        """
        raise NotImplementedError

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
        """Search for several targets one after the other; see `Engine.search_many`."""
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
        names = [f"x{place + 1}" for place in range(len(problems[0].variables))]
        back = dict(zip(names, map(variable, problems[0].variables), strict=True))
        fronts = []
        for number, (problem, scaling) in enumerate(
            zip(problems, scale_together(problems), strict=True)
        ):
            limit = None if time_limit is None else _MARGIN * time_limit / len(problems)
            texts = self.equations(
                scaling.scaled(problem), names=names, seed=_seed(key, number), time_limit=limit
            )
            found = [e.substitute(back) for e in read_equations(texts, names, problem.table)]
            free = [with_free_numbers(scaling.restored(expression)) for expression in found]
            fronts.append(settle(problem, free))
            if callback is not None:
                seconds = time.monotonic() - began
                callback(Progress(self.name, number, seconds, fronts[-1]))
        return tuple(fronts)


def read_equations(
    texts: Iterable[str], names: Sequence[str], operators: Mapping[str, Operator]
) -> list[Expression]:
    """The texts that are formulas of these variables and operators.

    >>> from jaxsym.expr import OPERATORS
    >>> read_equations(["(0.5 * (x1 ^ 2))", "erf(x1)", "nan"], ["x1"], OPERATORS)
    [Expression(0.5*x1**2)]
    """
    found = []
    for text in texts:
        try:
            found.append(parse(text.replace("^", "**"), variables=names, operators=operators))
        except ParseError:
            continue  # of an operator that only the other engine has, or not a number
    return found


def _seed(key: Any, number: int) -> int:
    import jax

    folded = jax.random.fold_in(key, number)
    return int(np.asarray(jax.random.key_data(folded)).ravel()[-1]) & 0x7FFFFFFF
