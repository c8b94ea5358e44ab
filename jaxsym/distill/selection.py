"""Choice among candidate laws by putting each back in the model: the shortest description wins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.measured.constants import constant_places, flat_constants
from jaxsym.distill.refitting import Refit, refit, rms_relative_error
from jaxsym.expr import Expression, literal
from jaxsym.expr.fitting.snapping import exact_numbers, with_number
from jaxsym.graphs import Snapshots, Topology
from jaxsym.laws.neighborhood import with_coefficient, with_fewer_terms
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.laws.simplification import simplify

# Neighboring times are alike: more residuals than this do not make a law more certain.
INDEPENDENT = 2000
# Laws whose neighbors are tried: the best, and the second, which may be the true one with constants
# not yet exact. A law has some ten neighbors: there is time for a few generations of them.
_LEADERS, _MOST_NEIGHBORS = 2, 40
_BITS_A_NODE = 3.0  # a choice among some eight symbols
# Relative error below which a fit is rounding, by bytes a number: fifty times the precision of
# single numbers, as sums of opposite pulls amplify it; doubles of files have nine digits or so.
_ROUNDING = {4: 3e-6, 8: 1e-9}


class RefitData(NamedTuple):
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
    count = min(fit.residuals, INDEPENDENT)
    law = fit.law
    free = len(flat_constants(law))
    misfit = (
        count * math.log2(math.hypot(fit.error, precision)) if fit.error < math.inf else math.inf
    )
    return misfit + 0.5 * free * math.log2(count) + _BITS_A_NODE * law.complexity


class Selector:
    """Refits candidates through the model and keeps the best, each form once."""

    def __init__(
        self,
        problem: RefitData,
        *,
        stop: Callable[[], bool] = lambda: False,
        fit: Callable[..., Refit] = refit,
    ):
        self.problem, self._fit = problem, fit
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
        if law.form in self._seen or (self.fits and self.stop()):
            return None
        self._seen.add(law.form)
        start = self.problem.log_mass if log_mass is None else log_mass
        fit = self._fit(law, self.problem.data, self.problem.edges, log_mass=start)
        self.fits.append(fit)
        return fit

    def improve(self, neighbors: Callable[[ParticleLaw], Iterable[ParticleLaw]]) -> None:
        """Try neighbors of the best laws until the best few have no better ones.

        Some `_MOST_NEIGHBORS` are tried: with a network that has learned nothing there is no end.
        """
        expanded: list[Refit] = []
        most = len(self.fits) + _MOST_NEIGHBORS
        while len(self.fits) < most:
            leaders = sorted(self.fits, key=self.cost)[:_LEADERS]
            fresh = [fit for fit in leaders if not any(fit is old for old in expanded)]
            if not fresh or self.stop():
                return
            expanded.append(fresh[0])
            for law in neighbors(fresh[0].law):
                self.offer(law, fresh[0].log_mass)

    def snap(self) -> None:
        """Drop terms and put exact numbers for constants, while that shortens the description."""
        while self.best is not None:
            before = self.best
            for law in (*with_fewer_terms(before.law), *_exact_neighbors(before, self.precision)):
                self.offer(law, before.log_mass)
            if self.best is before:
                return


def rounded(
    fit: Refit,
    problem: RefitData,
    precision: float,
    error_of: Callable[..., float] = rms_relative_error,
) -> Refit:
    """The fit with its constants cut to as few digits as the data let pass.

    Fewer digits are taken if the residuals' likelihood loses no more bits than a constant costs.

    Args:
      fit: the law.
      problem: the data.
      precision: relative error below which residuals are rounding.
      error_of: see `rms_relative_error`.
    """
    count = min(fit.residuals, INDEPENDENT)
    allowed = 0.5 * math.log2(count)
    for digits in range(1, 8):
        cut = fit._replace(law=_cut(fit.law, digits))
        error = error_of(cut.law, problem.data, problem.edges, fit.log_mass)
        ratio = math.hypot(error, precision) / math.hypot(fit.error, precision)
        if count * math.log2(ratio) <= allowed:
            return cut._replace(error=error)
    return fit


def _cut(law: ParticleLaw, digits: int) -> ParticleLaw:
    drag = None if law.drag is None else _cut_constants(law.drag, digits)
    field = tuple(float(f"{value:.{digits}g}") for value in law.field)
    coefficient = simplify(_cut_constants(law.coefficient, digits))
    further = tuple(
        dataclasses.replace(term, coefficient=simplify(_cut_constants(term.coefficient, digits)))
        for term in law.further
    )
    return dataclasses.replace(
        law, coefficient=coefficient, drag=drag, field=field, further=further
    )


def _cut_constants(expression: Expression, digits: int) -> Expression:
    short = expression.with_constants([float(f"{c:.{digits}g}") for c in expression.constants])
    for slot in reversed(range(len(short.constants))):
        value = short.constants[slot]
        if value.is_integer() and abs(value) < 10**digits:
            short = with_number(short, slot, literal(int(value)))
    return short.canonical()


def _exact_neighbors(fit: Refit, precision: float) -> Iterator[ParticleLaw]:
    """Exact numbers near the constants; rounding of the data may move these as noise does."""
    law = fit.law
    spread = fit.spread * math.hypot(fit.error, precision) / max(fit.error, 1e-300)

    def written(coefficient: Expression, errors: np.ndarray) -> Iterator[Expression]:
        for slot, (value, error) in enumerate(zip(coefficient.constants, errors, strict=False)):
            for number in exact_numbers(value, max(float(error), 1e-4 * abs(value))):
                yield with_number(coefficient, slot, number).canonical()

    for exact in written(law.coefficient, spread):
        yield dataclasses.replace(law, coefficient=exact)
    places = constant_places(law)
    for term in law.further:
        first = places.index(term.name) if term.name in places else len(places)
        for exact in written(term.coefficient, spread[first:]):
            yield with_coefficient(law, term, exact)
