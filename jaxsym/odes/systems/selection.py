"""Whole systems, one right-hand side changed at a time, by the trajectories that they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxsym.expr import Expression
from jaxsym.odes.forms.candidates import Candidate, lengths
from jaxsym.odes.systems.fitting import Problem, SystemFit, fit_system

_HOPELESS = 15.0  # bits that a candidate's rows say against it, beside a system that explains all
_TRIED = 6  # candidates of each state


class Chosen(NamedTuple):
    """Systems that were fitted.

    Attributes:
      best: of least description length.
      tried: all of them, the best first.
    """

    best: SystemFit
    tried: list[SystemFit]


def choose_system(
    problem: Problem,
    fronts: Sequence[Sequence[Candidate]],
    rows: int,
    over: Callable[[], bool],
    tell: Callable[[SystemFit], None],
) -> Chosen:
    """Start with the best candidate of each state; take another one where that shortens the whole.

    Args:
      problem: the samples.
      fronts: candidates of each state, the best first.
      rows: of each state's equation.
      over: whether no further system is to be tried.
      tell: is told of the best after every trial.
    """
    costs = [lengths(front, rows) for front in fronts]
    places = [0] * len(fronts)
    fits: dict[tuple[int, ...], SystemFit] = {}

    def tried(places: Sequence[int]) -> SystemFit:
        key = tuple(places)
        if key not in fits:
            chosen = [front[k] for front, k in zip(fronts, key, strict=True)]
            fits[key] = _fitted(chosen, problem, rows)
        return fits[key]

    best = tried(places)
    tell(best)
    for place, m in _turns(costs):
        if over():
            break
        if best.explained and costs[m][place] - costs[m][places[m]] > _HOPELESS:
            continue
        other = [*places[:m], place, *places[m + 1 :]]
        if tried(other).bits < best.bits:
            places, best = other, tried(other)
        tell(best)
    order = sorted(fits.values(), key=lambda fit: fit.bits)
    return Chosen(order[0], order)


def front_of_systems(tried: Sequence[SystemFit]) -> list[SystemFit]:
    """Those that leave less than all simpler ones, by rising complexity."""
    found: list[SystemFit] = []
    for fit in sorted(tried, key=lambda f: (complexity(f.equations), f.fit.chi2)):
        if not found or fit.fit.chi2 < found[-1].fit.chi2:
            found.append(fit)
    return found


def complexity(equations: Sequence[Expression]) -> int:
    """Of a system: that of its right-hand sides together."""
    return sum(e.complexity for e in equations)


def _turns(costs: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Candidates beside the best ones, those that the rows say least against first."""
    found = [
        (float(cost[k] - cost[0]), k, m)
        for m, cost in enumerate(costs)
        for k in range(1, min(len(cost), _TRIED))
    ]
    return [(k, m) for _, k, m in sorted(found)]


def _fitted(chosen: Sequence[Candidate], problem: Problem, rows: int) -> SystemFit:
    softened = math.sqrt(max(max(c.chi2 for c in chosen) / rows, 1.0))
    return fit_system([c.expression for c in chosen], problem, softened=softened)
