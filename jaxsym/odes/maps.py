"""Discrete maps, ``x[n+1] = f(x[n])``: right-hand sides fitted to the samples themselves."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.expr import Expression, snap, variable
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.odes.budget import Budget
from jaxsym.odes.discovery import Found, SystemOfFront
from jaxsym.odes.forms.candidates import Candidate
from jaxsym.odes.forms.equations import Targets, candidates
from jaxsym.odes.forms.rows import Points, Rows, general_jacobians, map_points
from jaxsym.odes.measured.series import TimeSeries
from jaxsym.odes.measured.states import FLOOR
from jaxsym.odes.systems.constants import Stated, first_letter
from jaxsym.odes.systems.verdict import KEPT_OF_ONE, Errors

_FEWEST_STEPS = 8


class _Steps(NamedTuple):
    """Samples and those that follow them."""

    points: Points
    target: Float[np.ndarray, "N M"]
    errors: Float[np.ndarray, "N M"]


def found_map(
    data: TimeSeries, order: int, allowed: tuple[str, ...], budget: Budget, seed: int
) -> Found:
    """The map that leads from each sample to the next one.

    Noise of both samples counts where it is known; where it is not, constants are fitted by least
    squares of the later ones, and noise is what is left.
    """
    budget.tell("data", 0.0, f"{data.runs} trajectories")
    steps = _steps(data)
    rows = [
        Rows(y / e, scipy.sparse.diags_array(1.0 / e).tocsr())
        for y, e in zip(steps.target.T, steps.errors.T, strict=True)
    ]
    noise = np.median(steps.errors, axis=0) / steps.target.std(axis=0)
    known = data.sigma is not None
    targets = Targets(
        steps.points, rows, steps.target, steps.errors if known else None, allowed, noise
    )
    fronts = candidates(targets, budget, seed)
    best = [front[0].expression for front in fronts]
    right = [_snapped(e, steps, m) for m, e in enumerate(best)]
    left = _left(right, steps)
    chi2 = float(np.sum((left / steps.errors) ** 2))
    numbers = sum(len(e.constants) for e in right)
    usual = np.sqrt(np.mean(left**2, axis=0)) if not known else np.median(steps.errors, axis=0)
    return Found(
        _stated(right, steps, data, known),
        chi2 / max(left.size - numbers, 1) if known else 1.0,
        usual,
        _errors(right, steps),
        np.stack([v[0] for v in data.values]),
        _front(fronts, data.names, len(steps.target)),
        [] if known else ["The noise is what the equations leave: chi2/dof is 1 for that reason."],
    )


def _steps(data: TimeSeries) -> _Steps:
    points = map_points(data)
    after = np.concatenate([v[1:] for v in data.values])
    whole = ~(np.isnan(points.table).any(axis=1) | np.isnan(after).any(axis=1))
    require(
        int(whole.sum()) >= _FEWEST_STEPS,
        f"there are {int(whole.sum())} steps between samples without gaps; expected at least "
        f"{_FEWEST_STEPS}",
    )
    points, target = points._replace(table=points.table[whole]), after[whole]
    floor = FLOOR * target.std(axis=0) + np.finfo(float).tiny
    errors = np.tile(floor, (len(target), 1))
    if data.sigma is not None:
        first = np.concatenate([s[:-1] for s in data.sigma])[whole]
        last = np.concatenate([s[1:] for s in data.sigma])[whole]
        slopes = general_jacobians(points, target, last)[:, :, : len(data.names)]
        errors = np.sqrt(last**2 + np.einsum("nmv,nv->nm", slopes**2, first**2) + floor**2)
    return _Steps(points, target, errors)


def _snapped(expression: Expression, steps: _Steps, m: int) -> Expression:
    names = steps.points.variables
    weights = steps.errors[:, m] ** -2.0
    return snap(
        expression, steps.points.table, steps.target[:, m], variables=names, weights=weights
    )


def _left(right: list[Expression], steps: _Steps) -> np.ndarray:
    shown = [e.evaluate(steps.points.table, steps.points.variables) for e in right]
    return steps.target - np.stack(shown, axis=1)


def _stated(right: list[Expression], steps: _Steps, data: TimeSeries, known: bool) -> Stated:
    letter, columns = first_letter(data.names), steps.points.columns()
    constants: dict[str, float] = {}
    uncertainty: dict[str, float] = {}
    forms: list[str] = []
    for m, e in enumerate(right):
        weights = steps.errors[:, m] ** -2.0
        solved = least_squares(e, columns, steps.target[:, m], weights, steps=1)
        scale = (
            1.0 if known else solved.loss * weights.sum() / max(len(weights) - len(e.constants), 1)
        )
        spread = scale * np.linalg.pinv(solved.curvature * weights.sum())
        titles = []
        for value, variance in zip(e.constants, np.diag(spread), strict=True):
            titles.append(f"{letter}{len(constants) + 1}")
            constants[titles[-1]], uncertainty[titles[-1]] = value, math.sqrt(max(variance, 0.0))
        named = e
        for slot in reversed(range(len(titles))):
            named = with_number(named, slot, variable(titles[slot]))
        forms.append(str(named))
    return Stated(tuple(right), tuple(forms), constants, uncertainty, ())


def _errors(right: list[Expression], steps: _Steps) -> Errors:
    """R² of single steps: of all, and of the last quarter by constants from those before."""
    count = len(steps.target)
    begin = round(KEPT_OF_ONE * count)
    early = _Steps(
        steps.points._replace(table=steps.points.table[:begin]),
        steps.target[:begin],
        steps.errors[:begin],
    )
    again = []
    for m, e in enumerate(right):
        weights = early.errors[:, m] ** -2.0
        solved = least_squares(e, early.points.columns(), early.target[:, m], weights)
        again.append(e.with_constants(solved.constants))
    return Errors(
        _share(steps.target, _left(right, steps)),
        _share(steps.target[begin:], _left(again, steps)[begin:]),
        None,
        None,
    )


def _share(target: np.ndarray, left: np.ndarray) -> float:
    total = np.sum((target - target.mean(axis=0)) ** 2, axis=0)
    return float(np.mean(1 - np.sum(left**2, axis=0) / np.maximum(total, 1e-300)))


def _front(fronts: list[list[Candidate]], names, rows: int) -> list[SystemOfFront]:
    """Systems of the k-th best candidates of all states."""
    found = []
    for k in range(min(map(len, fronts))):
        chosen = [front[k] for front in fronts]
        chi2 = sum(c.chi2 for c in chosen) / (rows * len(names))
        equations = {n: c.expression for n, c in zip(names, chosen, strict=True)}
        size = sum(c.expression.complexity for c in chosen)
        found.append(SystemOfFront(equations, size, chi2, 0.0))
    return sorted(found, key=lambda row: row.complexity)
