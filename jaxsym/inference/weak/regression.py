"""Equations of motion that are sums of columns, fitted to noisy series by weak forms.

The states at which columns are taken come from smoothing, and smoothing has a bias of its own
where motion is fast. So each round smooths anew what the fitted equation leaves of the data, which
is nearly a straight line where the equation is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.inference.polynomials import local_polynomials
from jaxsym.inference.smoothing import Smoothed, smooth
from jaxsym.inference.weak.choice import Entry, choose_groups
from jaxsym.inference.weak.matrices import WeakForm, window_lengths
from jaxsym.inference.weak.tables import Jacobians, WeakRows, weak_rows, whiten

_REFINED = 4  # times of the states for each step between samples
_ROUNDS = 3  # of smoothing
_TINY = np.finfo(float).tiny
_PATTERNS = 3  # of signs, in which the states' errors come together


class Group(NamedTuple):
    """Columns that enter together.

    Attributes:
      name: in words.
      design: ``(run, x [Q, C], v [Q, C]) -> [Q, C, P]``: f for coefficients of one.
      jacobians: ``(run, x, v, coefficients [P]) -> Jacobians`` of their sum.
      choices: matrices ``[P, P']`` that make fewer columns of all, of which the data choose.
    """

    name: str
    design: Callable[[int, np.ndarray, np.ndarray], np.ndarray]
    jacobians: Callable[[int, np.ndarray, np.ndarray, np.ndarray], Jacobians]
    choices: tuple[np.ndarray, ...]


class Series(NamedTuple):
    """One run: T samples of a state of S vectors (bodies) in D coordinates each.

    Attributes:
      time: increasing.
      values: NaN where a sample is missing.
      sigma: standard deviation of the noise.
    """

    time: Float[np.ndarray, " T"]
    values: Float[np.ndarray, "T S D"]
    sigma: Float[np.ndarray, "S D"]


class Chosen(NamedTuple):
    """A group in the equation.

    Attributes:
      name: of the group.
      evidence: fall of chi² by it less the penalty for its columns (BIC), at its entry.
      share: usual size of its part of the right side over that of the whole.
      coefficients: of all P columns.
      covariance: of these.
    """

    name: str
    evidence: float
    share: float
    coefficients: Float[np.ndarray, " P"]
    covariance: Float[np.ndarray, "P P"]


class WeakFit(NamedTuple):
    """What the data say.

    Attributes:
      groups: in the order in which they entered.
      chi2_per_row: Huber's, at most about 1 where the equation explains the data.
      rows: their number.
      lengths: of the windows, in the units of time.
      states: smoothed about the equation, for each run, at `times`.
      times: for each run.
    """

    groups: list[Chosen]
    chi2_per_row: float
    rows: int
    lengths: tuple[float, ...]
    states: list[Smoothed]
    times: list[Float[np.ndarray, " Q"]]


def weak_fit(
    series: Sequence[Series],
    groups: Sequence[Group],
    *,
    order: int = 2,
    lengths: Sequence[float] | None = None,
) -> WeakFit:
    """Choose groups and fit their coefficients, with windows that the data choose.

    Groups enter one at a time, see `choose_groups`.

    Args:
      series: runs.
      groups: candidates.
      order: of the equation of motion, 1 or 2.
      lengths: of the windows; by default the pair, one twice the other, that determines the right
        side best.
    """
    runs = [_Run.of(one) for one in series]
    smoothed = _smooth(runs)
    pairs = [lengths] if lengths is not None else _pairs_of_lengths(series)
    problems = _ample([_Problem.of(runs, groups, order, tuple(pair)) for pair in pairs])
    first = [_first_round(problem, smoothed) for problem in problems]
    problem, found = min(first, key=lambda one: _uncertainty(one[0], one[1], smoothed))
    for _ in range(_ROUNDS):
        forces = _right_sides(problem, found, smoothed)
        smoothed = _smooth(runs, order, forces)
        found = _solve(problem, smoothed, found)
    forces = _right_sides(problem, found, smoothed)
    whole = _size(forces)
    chosen = []
    for entry in found.entries:
        part = _size(_right_sides(problem, found._replace(entries=[entry]), smoothed))
        name = groups[entry.group].name
        chosen.append(
            Chosen(
                name,
                entry.evidence,
                part / whole if whole else 0.0,
                entry.coefficients,
                entry.covariance,
            )
        )
    return WeakFit(
        chosen, found.chi2_per_row, found.rows, problem.lengths, smoothed, [run.at for run in runs]
    )


class _Run(NamedTuple):
    """A run with the times of its states."""

    series: Series
    at: np.ndarray

    @classmethod
    def of(cls, series: Series) -> _Run:
        share = np.arange(_REFINED) / _REFINED
        between = series.time[:-1, None] + np.diff(series.time)[:, None] * share
        return cls(series, np.append(between.ravel(), series.time[-1]))

    @property
    def flat(self) -> np.ndarray:
        """Samples ``[T, C]``, C = S D components."""
        return self.series.values.reshape(len(self.series.time), -1)


class _Problem(NamedTuple):
    runs: list[_Run]
    groups: Sequence[Group]
    lengths: tuple[float, ...]
    rows: list[WeakRows]

    @classmethod
    def of(cls, runs, groups, order: int, lengths: tuple[float, ...]) -> _Problem:
        made: dict[bytes, WeakForm] = {}
        rows = [
            weak_rows(r.series.time, r.flat, r.at, order=order, lengths=lengths, made=made)
            for r in runs
        ]
        return cls(runs, groups, lengths, rows)


class _Found(NamedTuple):
    entries: list[Entry]
    chi2_per_row: float
    rows: int


def _pairs_of_lengths(series: Sequence[Series]) -> list[tuple[float, ...]]:
    shortest = min(series, key=lambda one: one.time[-1] - one.time[0]).time
    lengths = window_lengths(shortest)
    return [(x, min(2.0 * x, lengths[-1])) for x in lengths[1:-1:2]] or [tuple(lengths)]


def _smooth(
    runs: list[_Run], order: int = 2, forces: list[np.ndarray] | None = None
) -> list[Smoothed]:
    """The states, about the motion that forces ``[Q, C]`` make; runs of the same times at once."""
    together: dict[bytes, list[int]] = {}
    for k, run in enumerate(runs):
        together.setdefault(run.series.time.tobytes(), []).append(k)
    results: dict[int, Smoothed] = {}
    for members in together.values():
        time, at = runs[members[0]].series.time, runs[members[0]].at
        values = np.stack([runs[k].series.values for k in members], axis=1)
        sigma = np.stack([runs[k].series.sigma for k in members])
        motion = np.zeros((3, len(at), *values.shape[1:]))
        if forces is not None:
            force = np.stack([forces[k] for k in members], axis=1)
            motion = _integrated(at, force, order).reshape(motion.shape)
        left = values - motion[0, ::_REFINED]
        flat = (len(time), -1, values.shape[-1])
        found = smooth(time, left.reshape(flat), sigma.reshape(-1, values.shape[-1]), at=at)
        estimate = found.estimate.reshape(motion.shape) + motion
        error, bodies = found.error.reshape(motion.shape), values.shape[2]
        for j, k in enumerate(members):
            operators = found.operators[j * bodies : (j + 1) * bodies]
            results[k] = Smoothed(estimate[:, :, j], error[:, :, j], operators)
    return [results[k] for k in range(len(runs))]


def _integrated(time: np.ndarray, force: np.ndarray, order: int) -> np.ndarray:
    """Motion under the force and its derivatives, ``[3, *force.shape]``, zero at the start."""
    flat = force.reshape(len(time), -1)
    step = np.diff(time)[:, None]
    node, weight = np.polynomial.legendre.leggauss(4)
    nodes, weights = time[:-1, None] + step / 2.0 * (1.0 + node), step / 2.0 * weight
    count = min(6, len(time))
    fit = local_polynomials(time, nodes.ravel(), count=count, degree=count - 1)
    between = (fit.matrix() @ flat).reshape(*nodes.shape, -1)
    zero = np.zeros((1, flat.shape[1]))
    once = np.cumsum(np.r_[zero, np.einsum("qg,qgc->qc", weights, between)], axis=0)
    if order == 1:
        return np.stack([once, flat, np.zeros_like(flat)]).reshape(3, *force.shape)
    left = weights * (time[1:, None] - nodes)
    moved = step * once[:-1] + np.einsum("qg,qgc->qc", left, between)
    twice = np.cumsum(np.r_[zero, moved], axis=0)
    return np.stack([twice, once, flat]).reshape(3, *force.shape)


def _ample(problems: list[_Problem]) -> list[_Problem]:
    """Those with rows enough for any group to enter, or the one with most rows.

    A few rows of long windows leave no room for a function of distance, and whatever is left to
    enter there is known well.
    """
    rows = [sum(len(run.component) for run in problem.rows) for problem in problems]
    columns = max(group.choices[-1].shape[1] for group in problems[0].groups)
    enough = [p for p, count in zip(problems, rows, strict=True) if columns < count / 2]
    return enough or [problems[int(np.argmax(rows))]]


def _first_round(problem: _Problem, smoothed: list[Smoothed]) -> tuple[_Problem, _Found]:
    """The noise in the forces can be told once there are forces."""
    return problem, _solve(problem, smoothed, _solve(problem, smoothed, None))


def _solve(problem: _Problem, smoothed: list[Smoothed], before: _Found | None) -> _Found:
    """The groups that the rows choose, whitened as the equation before has it."""
    tables = []
    for k, (run, states) in enumerate(zip(problem.runs, smoothed, strict=True)):
        x, v = (e.reshape(len(run.at), -1) for e in states.estimate[:2])
        rows, sigma = problem.rows[k], run.series.sigma.ravel()
        columns = [rows.lefts(run.flat)[:, None]]
        columns += [rows.rights(group.design(k, x, v)) for group in problem.groups]
        table = np.concatenate(columns, axis=1)
        if before is None:
            tables.append(whiten(rows, table, sigma))
            continue
        dims = run.series.values.shape[2]
        tables.append(
            whiten(
                rows,
                table,
                sigma,
                operators=[o[:2] for o in states.operators for _ in range(dims)],
                jacobians=_jacobians(problem, before, k, x, v),
                doubts=_doubts(problem, before, k, states),
            )
        )
    table = np.concatenate(tables)
    widths = [group.choices[0].shape[0] for group in problem.groups]
    parts = np.split(table[:, 1:], np.cumsum(widths)[:-1], axis=1)
    entries, chi2 = choose_groups(parts, table[:, 0], [g.choices for g in problem.groups])
    return _Found(entries, chi2, len(table))


def _doubts(problem, found: _Found, k: int, states: Smoothed) -> Float[np.ndarray, " J"]:
    """What quadrature and the second order in the states' errors add to the rows."""
    shape = (len(problem.runs[k].at), -1)
    x, v = (e.reshape(shape) for e in states.estimate[:2])
    dx, dv = (e.reshape(shape) for e in states.error[:2])
    force = _right_side(problem, found, k, x, v)
    second = np.zeros_like(x)
    for pattern in range(_PATTERNS):
        sign = 1.0 - 2.0 * ((np.arange(x.shape[1]) >> pattern) & 1)
        moved = [_right_side(problem, found, k, x + s * dx, v + s * dv) for s in (sign, -sign)]
        second = np.maximum(second, np.abs(moved[0] + moved[1] - 2.0 * force) / 2.0)
    rows = problem.rows[k]
    return np.hypot(rows.doubts(force), rows.rights(second))


def _right_side(problem, found: _Found, run: int, x, v) -> Float[np.ndarray, "Q C"]:
    parts = [problem.groups[e.group].design(run, x, v) @ e.coefficients for e in found.entries]
    return sum(parts, np.zeros_like(x))


def _right_sides(problem, found: _Found, smoothed) -> list[Float[np.ndarray, "Q C"]]:
    states = [s.estimate[:2].reshape(2, s.estimate.shape[1], -1) for s in smoothed]
    return [_right_side(problem, found, run, *state) for run, state in enumerate(states)]


def _jacobians(problem, found: _Found, run: int, x, v) -> Jacobians:
    size = x.shape[1]
    value, velocity = np.zeros((2, len(x), size, size))
    for entry in found.entries:
        part = problem.groups[entry.group].jacobians(run, x, v, entry.coefficients)
        value += part.value
        velocity += 0.0 if part.velocity is None else part.velocity
    return Jacobians(value, velocity if velocity.any() else None)


def _size(forces: list[np.ndarray]) -> float:
    """Median of the sizes: a few encounters do not rule."""
    return float(np.median(np.concatenate([np.abs(f).ravel() for f in forces])))


def _uncertainty(problem: _Problem, found: _Found, smoothed: list[Smoothed]) -> float:
    """Usual logarithm of the right side's standard error, in units of what the fit leaves."""
    variance = []
    for run, states in enumerate(smoothed):
        x, v = states.estimate[:2].reshape(2, states.estimate.shape[1], -1)[:, ::_REFINED]
        variance.append(
            sum(
                np.einsum("qcp,pr,qcr->qc", d, entry.covariance, d)
                for entry in found.entries
                for d in [problem.groups[entry.group].design(run, x, v)]
            )
        )
    if not found.entries:
        return np.inf
    return float(np.median(np.log(np.concatenate([np.ravel(x) for x in variance]) + _TINY)))
