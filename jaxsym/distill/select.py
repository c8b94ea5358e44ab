"""Choice among candidate laws by putting each back in the model: the shortest description wins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.law import ParticleLaw
from jaxsym.distill.refit import Refit, refit
from jaxsym.expr import constant, variable
from jaxsym.expr.snap import exact_numbers, with_number
from jaxsym.graphs import Snapshots, Topology

# Neighboring times are alike: more residuals than this do not make a law more certain.
_INDEPENDENT = 2000
_BITS_A_NODE = 3.0  # a choice among some eight symbols
_ROUNDING = {4: 3e-6, 8: 1e-9}  # relative error below which a fit is rounding, by bytes a number


class Problem(NamedTuple):
    """What candidates are fitted to.

    Attributes:
      data: snapshots to fit.
      edges: of one snapshot.
      log_mass: start of unknown masses, or None.
    """

    data: Snapshots
    edges: Topology
    log_mass: Float[np.ndarray, " N"] | None


def description_length(fit: Refit, precision: float) -> float:
    """Bits to write the law and what it leaves unexplained (Rissanen 1978).

    Args:
      fit: the law, fitted.
      precision: relative error below which residuals are rounding.
    """
    count = min(fit.residuals, _INDEPENDENT)
    law = fit.law
    free = len(law.coefficient.constants) + len(law.field)
    free += len(law.drag.constants) if law.drag is not None else 0
    misfit = (
        count * math.log2(math.hypot(fit.error, precision)) if fit.error < math.inf else math.inf
    )
    return misfit + 0.5 * free * math.log2(count) + _BITS_A_NODE * law.complexity


class Selector:
    """Refits candidates through the model and keeps the best, each form once."""

    def __init__(self, problem: Problem, *, stop: Callable[[], bool] = lambda: False):
        self.problem = problem
        self.precision = _ROUNDING[np.asarray(problem.data.acceleration).dtype.itemsize]
        self.stop = stop
        self.fits: list[Refit] = []
        self._seen: set[tuple] = set()

    @property
    def best(self) -> Refit | None:
        """The fit with the shortest description so far."""
        return min(self.fits, key=self.cost, default=None)

    def cost(self, fit: Refit) -> float:
        """Its description length."""
        return description_length(fit, self.precision)

    def offer(self, law: ParticleLaw, log_mass: np.ndarray | None = None) -> Refit | None:
        """Fit a law unless its form was met before or time is over (one law always is fitted).

        Args:
          law: the law; its constants are the start.
          log_mass: start of unknown masses, by default the problem's.
        """
        form = (law.coefficient.tokens, law.drag and law.drag.tokens, bool(law.field))
        if form in self._seen or (self.fits and self.stop()):
            return None
        self._seen.add(form)
        start = self.problem.log_mass if log_mass is None else log_mass
        fit = refit(law, self.problem.data, self.problem.edges, log_mass=start)
        self.fits.append(fit)
        return fit

    def improve(self, neighbors: Callable[[ParticleLaw], Iterable[ParticleLaw]]) -> None:
        """Move to better neighbors of the best law until there is none."""
        while self.best is not None:
            before = self.best
            for law in neighbors(before.law):
                self.offer(law, before.log_mass)
            if self.best is before:
                return

    def snap(self) -> None:
        """Put exact numbers in the place of constants, while that shortens the description."""
        while self.best is not None:
            before = self.best
            for law in _exact_neighbors(before):
                self.offer(law, before.log_mass)
            if self.best is before:
                return


def neighbors(law: ParticleLaw, length: float) -> Iterator[ParticleLaw]:
    """Laws one change away: other functions of distance, offsets, and what a body does alone.

    Args:
      law: the law.
      length: a typical distance, for the start of offsets to it.
    """
    r = variable("r")
    profile = (law.coefficient * r).canonical()
    soft = r + constant(0.01 * length)
    change = lambda c: dataclasses.replace(law, coefficient=c.canonical())  # noqa: E731
    yield change(profile.substitute({"r": soft}) / r)
    yield change(law.coefficient * r ** constant(1e-3))
    yield change((profile + constant(1e-3)) / r)
    yield change(law.coefficient + constant(1e-3))
    yield from _own_neighbors(law)


def _own_neighbors(law: ParticleLaw) -> Iterator[ParticleLaw]:
    if law.drag is None:
        yield dataclasses.replace(law, drag=constant(-1e-3))
        yield dataclasses.replace(law, drag=constant(-1e-3) / variable("m1"))
    else:
        yield dataclasses.replace(law, drag=None)
    yield dataclasses.replace(law, field=() if law.field else (1e-3,) * law.dims)


def _exact_neighbors(fit: Refit) -> Iterator[ParticleLaw]:
    coefficient = fit.law.coefficient
    for slot, (value, error) in enumerate(zip(coefficient.constants, fit.spread, strict=True)):
        for number in exact_numbers(value, max(float(error), 1e-4 * abs(value))):
            exact = with_number(coefficient, slot, number).canonical()
            yield dataclasses.replace(fit.law, coefficient=exact)
