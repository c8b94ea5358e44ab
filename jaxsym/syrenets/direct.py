"""The direct route: sparse regression over libraries of Lagrangian terms, from small to large."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from jaxsym._check import require
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian, Options, fit_lagrangian
from jaxsym.syrenets.library import ExpressionLibrary, Library, WaveLibrary, stages

_MOST_TERMS = 2500
_FIRST_ROWS = 1000  # states that show an exact Lagrangian
_BETTER = 0.99  # a larger library must lower the error at least to this share


def direct_route(
    data: MechanicalData,
    kept_apart: MechanicalData,
    options: Options,
    *,
    library: Sequence[Expression] | None = None,
    time_limit: float | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> FittedLagrangian:
    """The smallest library whose sparse Lagrangian no larger one betters on states kept apart.

    A few states show an exact Lagrangian, which ends the search. Where there is none, the data have
    noise, and all states are used.

    Args:
      data: motion and torques to learn from.
      kept_apart: others, to choose between libraries.
      options: what may act besides.
      library: terms to choose from instead of the usual libraries.
      time_limit: seconds after which no further library is tried.
      stop: whether to end early, asked between libraries.

    Raises:
      ValueError: too few states for the smallest library.
    """
    end = np.inf if time_limit is None else time.monotonic() + time_limit
    libraries = _affordable(_libraries(data, library), data)
    fits: list[FittedLagrangian] = []
    for rows in (_FIRST_ROWS, None):
        fits = []
        for one in libraries:
            few = None if rows is None else max(rows, 3 * len(one) // data.q.shape[1])
            fits.append(fit_lagrangian(one, data, options, rows=few))
            if fits[-1].error(kept_apart) <= EXACT:
                return fits[-1]
            if time.monotonic() > end or stop():
                break
    best, least = fits[0], fits[0].error(kept_apart)
    for fit in fits[1:]:
        error = fit.error(kept_apart)
        if error < _BETTER * least:
            best, least = fit, error
    return best


def _libraries(data: MechanicalData, given: Sequence[Expression] | None) -> list[Library]:
    if given is not None:
        return [ExpressionLibrary(list(given))]
    # what divides by a coordinate needs one that stays on one side of zero
    apart = [bool(np.all(column > 0) or np.all(column < 0)) for column in data.q.T]

    def finite(library: WaveLibrary) -> WaveLibrary:
        allowed = [
            place
            for place, term in enumerate(library.terms)
            if all(e >= 0 or apart[i] for i, e in enumerate(term.powers))
        ]
        return library.part(allowed)

    return [finite(stage) for stage in stages(data.q.shape[1])]


def _affordable(libraries: list[Library], data: MechanicalData) -> list[Library]:
    """The libraries that the states can tell the terms of."""
    samples, dims = data.q.shape
    smallest = libraries[0]
    require(
        samples * dims >= 2 * len(smallest),
        f"{samples} states of {dims} coordinates are too few for a library of {len(smallest)} "
        f"terms; expected at least {-(-2 * len(smallest) // dims)}",
    )
    most = min(samples * dims // 2, max(_MOST_TERMS, len(smallest)))
    return [one for one in libraries if len(one) <= most]
