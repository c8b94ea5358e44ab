"""The direct route: sparse regression over libraries of Lagrangian terms, from small to large."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxsym._check import require
from jaxsym._memory import budget_gb, in_words
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression
from jaxsym.expr.fitting.correlation import effective_rows
from jaxsym.syrenets.besides import Options
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian, fit_lagrangian
from jaxsym.syrenets.library import ExpressionLibrary, Library, WaveLibrary
from jaxsym.syrenets.regression import ROUNDING
from jaxsym.syrenets.stage_table import library_stages

_MOST_TERMS = 2500
# A regression of K terms on 3 K numbers takes some four copies of a table of 3 K**2: 3.5 GB.
_LARGEST_LIBRARY = 6000  # of 4 GB
# Bounds of libraries count terms that change no torque or divide by zero: at most three of four.
_UNFILTERED = 4
_FIRST_ROWS = 1000  # states that show an exact Lagrangian
_BETTER = 0.99  # a larger library must lower the error at least to this share
_CHANCE = 2.0  # standard errors that its gain must exceed: one of forty times by chance


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
    check_library(data, library)
    libraries = list(libraries_for(data, library))
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
    best = fits[0]
    for fit in fits[1:]:
        if betters(fit, best, kept_apart):
            best = fit
    return best


def betters(larger: FittedLagrangian, best: FittedLagrangian, data: MechanicalData) -> bool:
    """Whether a larger library errs less, and by more than chance may let it."""
    if larger.error(data) >= _BETTER * best.error(data):
        return False
    variance = np.mean(best.residual(data) ** 2, axis=0)
    variance = np.maximum(variance, ROUNDING**2 * variance.max())
    # what large errors say is capped, since few of them would decide
    old, new = (np.log1p(fit.residual(data) ** 2 / variance).sum(1) for fit in (best, larger))
    gain = old - new
    independent = effective_rows(gain, np.arange(len(gain)))
    return bool(gain.mean() > _CHANCE * gain.std() / np.sqrt(independent))


def check_library(data: MechanicalData, given: Sequence[Expression] | None = None) -> None:
    """Whether the smallest library fits in memory, and the states can tell its terms.

    Args:
      data: motion and torques to learn from.
      given: terms to choose from instead of the usual libraries.

    Raises:
      ValueError: it does not, or they cannot.
    """
    samples, dims = data.q.shape
    size = _smallest(dims, given)
    most = int(_LARGEST_LIBRARY * (budget_gb() / 4) ** 0.5)
    require(
        size <= most,
        f"{dims} coordinates make a library of at least {size:,} terms, whose regression does not "
        f"fit in {in_words()}; expected at most {most:,} terms (those of 8 coordinates are 4,816), "
        "or fewer terms of your own as library",
    )
    require(
        samples * dims >= 2 * size,
        f"{samples} states of {dims} coordinates are too few for a library of {size} "
        f"terms; expected at least {-(-2 * size // dims)}",
    )


def _smallest(dims: int, given: Sequence[Expression] | None) -> int:
    return next(library_stages(dims)).most_terms if given is None else len(given)


def libraries_for(data: MechanicalData, given: Sequence[Expression] | None) -> Iterator[Library]:
    """The libraries that the states can tell the terms of, from small to large.

    Args:
      data: motion.
      given: terms to choose from instead.
    """
    if given is not None:
        yield ExpressionLibrary(list(given))
        return
    samples, dims = data.q.shape
    most = min(samples * dims // 2, max(_MOST_TERMS, _smallest(dims, given)))
    # what divides by a coordinate needs one that stays on one side of zero
    apart = [bool(np.all(column > 0) or np.all(column < 0)) for column in data.q.T]

    def finite(library: WaveLibrary) -> WaveLibrary:
        allowed = [
            place
            for place, term in enumerate(library.terms)
            if all(e >= 0 or apart[i] for i, e in enumerate(term.powers))
        ]
        return library.part(allowed)

    worth_making = (s for s in library_stages(dims) if s.most_terms <= _UNFILTERED * most)
    made = (finite(stage.build()) for stage in worth_making)
    yield from (library for library in made if len(library) <= most)
