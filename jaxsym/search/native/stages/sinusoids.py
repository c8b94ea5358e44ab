"""Stage: waves in a simple entry, with any wave number, times another simple entry.

`y = M (a cos(k G) + b sin(k G) + c)`: a wave that oscillates often correlates with nothing until k
is nearly right. So for every G and M all wave numbers are tried that the rows can tell apart, the
periodogram of unevenly spaced data (Lomb 1976; Scargle 1982), with phases that turn step by step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula
from jaxsym.search.native.ranking import least
from jaxsym.search.native.stages.quotients import Quotients, fewest_terms, quotients, unlike
from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import Problem

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_ENTRIES = 800  # simple entries G, and
_TIMES = 20  # M
_STEP = 1.0  # radians between wave numbers, over the range of G
_ROWS = 8  # rows that a period needs
_KEPT = 16  # waves that are fitted
_COST = 0.02  # logarithms of the share left that a node is worth
_STEPS = 0.5 ** np.arange(40)  # of wave numbers, to make the best better
_SAME = 1e-9  # relative difference of numbers that is rounding


def sinusoid_formulas(
    problem: Problem, semantics: SemanticSearch, stop: Callable[[], bool]
) -> Iterator[Formula]:
    """The formulas of the waves that explain most, fitted.

    Args:
      problem: the target, on the rows of the library.
      semantics: the library.
      stop: whether time is over.
    """
    if not {"sin", "cos"} <= set(problem.operators):
        return
    library = semantics.library
    order = np.argsort(library.complexity, kind="stable")
    inner = unlike(library.values, order[:_ENTRIES].tolist())
    with np.errstate(all="ignore"):
        targets = quotients(problem, semantics, order[:_TIMES].tolist())
        if not inner or not targets.entries:
            return
        steps = _STEP / np.ptp(library.values[inner], axis=1)
        shares, counts = _periodogram(library.values[inner] * steps[:, None], targets, stop)
        costs = library.complexity[inner][:, None] + library.complexity[targets.entries]
        left = np.log(np.maximum(1 - shares, 1e-6)) + _COST * costs
        for place in least(left.reshape(1, -1), _KEPT)[0].tolist():
            g, m = divmod(place, len(targets.entries))
            values, entry = library.values[inner[g]], targets.entries[m]
            number = _better(values, steps[g] * counts[g, m], steps[g], targets, m)
            formula = _fitted(semantics.formula(inner[g]), values, number, targets, m)
            outer = semantics.formula(entry)
            yield formula if outer == ("1",) else ("mul", *outer, *formula)


def _periodogram(
    turns: Float[np.ndarray, "G n"], targets: Quotients, stop: Callable[[], bool]
) -> tuple[Float[np.ndarray, "G T"], Float[np.ndarray, "G T"]]:
    """The largest share of each target that a wave explains, and its number of steps."""
    count, rows = turns.shape
    weights = targets.weights.T.astype(np.float32)
    both = np.concatenate([weights, weights * targets.standard().T.astype(np.float32)], axis=1)
    turn_cosine, turn_sine = np.cos(turns, dtype=np.float32), np.sin(turns, dtype=np.float32)
    phase = np.concatenate([np.ones_like(turn_cosine), np.zeros_like(turn_sine)])
    best, at = np.zeros((count, weights.shape[1])), np.ones((count, weights.shape[1]))
    for step in range(1, max(2, int(2 * math.pi * rows / _ROWS / _STEP))):
        if stop():
            break
        cosine, sine = phase[:count], phase[count:]
        phase = np.concatenate(
            [cosine * turn_cosine - sine * turn_sine, cosine * turn_sine + sine * turn_cosine]
        )
        cosine, sine = phase[:count], phase[count:]
        means, with_target = np.split(phase @ both, 2, axis=1)
        squares = (cosine * cosine) @ weights
        cc, ss = squares - means[:count] ** 2, 1 - squares - means[count:] ** 2
        cs = (cosine * sine) @ weights - means[:count] * means[count:]
        a, b = with_target[:count], with_target[count:]
        free = cc * ss - cs**2
        share = np.where(free > 1e-3, (a**2 * ss - 2 * a * b * cs + b**2 * cc) / free, 0.0)
        at = np.where(share > best, step, at)
        best = np.maximum(best, share)
    return best, at


def _better(values: np.ndarray, number: float, step: float, targets: Quotients, m: int) -> float:
    """The wave number, by a search in ever smaller steps."""
    for size in step * _STEPS:
        trials = number + size * np.linspace(-0.5, 0.5, 3)
        losses = [_loss(values, trial, targets, m) for trial in trials]
        number = float(trials[int(np.argmin(losses))])
    return number


def _columns(values: np.ndarray, number: float) -> Float[np.ndarray, "3 n"]:
    """Cosine, sine, offset."""
    return np.stack([np.cos(number * values), np.sin(number * values), np.ones_like(values)])


def _loss(values: np.ndarray, number: float, targets: Quotients, m: int) -> float:
    """Of the best wave of this number."""
    desired, root = targets.desired[m], np.sqrt(targets.weights[m])
    design = (root * _columns(values, number)).T
    found = np.linalg.solve(design.T @ design + 1e-14 * np.eye(3), design.T @ (root * desired))
    return float(np.sum((design @ found - root * desired) ** 2))


def _fitted(
    inner: Formula, values: np.ndarray, number: float, targets: Quotients, m: int
) -> Formula:
    """The shortest formula that fits as well as the longest."""
    columns = _columns(values, number)
    found = fewest_terms(columns, targets.desired[m], targets.weights[m])
    argument: Formula = inner if abs(number - 1) < _SAME else ("mul", number, *inner)
    if 0 in found and 1 in found:
        argument = ("add", -math.atan2(found[1], found[0]), *argument)
        size, function = math.hypot(found[0], found[1]), "cos"
    else:
        size, function = (found[0], "cos") if 0 in found else (found[1], "sin")
    wave: Formula = (function, *argument)
    if abs(size - 1) > _SAME:
        wave = ("mul", size, *wave)
    return ("add", found[2], *wave) if 2 in found else wave


def sinusoids(state: SearchState) -> Iterator[Expression]:
    """Stage: sinusoids of a simple entry, times another one."""
    state.evolution.seed(sinusoid_formulas(state.sample, state.semantics, state.stop))
    yield from state.evolution.fitted(state.budget.fitted)
