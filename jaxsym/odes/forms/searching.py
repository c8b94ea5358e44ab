"""Right-hand sides by symbolic regression on rates of change with error bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.odes.forms.rows import Points
from jaxsym.search import Progress, SymbolicRegressor

_COMPLEXITY = 25
_LEAST_ERROR = 1e-7  # of the rates' deviation: the last digits of derivatives are rounding


def searched(
    points: Points,
    rates: Float[np.ndarray, "N K"],
    errors: Float[np.ndarray, "N K"] | None,
    variables: Sequence[str],
    *,
    seconds: float | None,
    seed: int,
    callback: Callable[[Progress], None] | None,
) -> tuple[list[list[Expression]], bool]:
    """Candidates for each of K right-hand sides, and whether Ctrl-C ended the search.

    Args:
      points: the states.
      rates: what the right-hand sides shall be.
      errors: standard errors of these; None where they are not known.
      variables: that may occur.
      seconds: for all of them.
      seed: of the search.
      callback: is told after every stage.
    """
    table = points.table[:, [points.variables.index(v) for v in variables]]
    least = _LEAST_ERROR * np.std(rates, axis=0) + np.finfo(float).tiny
    sigma = None if errors is None else np.maximum(errors, least)
    model = SymbolicRegressor(
        time_limit=seconds, max_complexity=_COMPLEXITY, random_state=seed, callback=callback
    )
    model.fit(table, rates, sigma=sigma, variables=list(variables))
    return [[c.expression for c in front] for front in model.fronts_], model.interrupted_
