"""Which groups of columns explain whitened rows: forward and backward, robust, by evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

_HUBER = 2.5  # standard errors beyond which residuals count linearly
_STEPS, _TRIAL_STEPS = 12, 4  # of iteratively reweighted least squares
MOST_GROUPS = 10
_FEW_COLUMNS = 60  # that are tried backward too
_RIDGE = 1e-12  # of the curvature: columns that hardly occur stay finite


class Entry(NamedTuple):
    """A group that has entered.

    Attributes:
      group: its index.
      choice: which of its reductions.
      evidence: fall of chi² by its entry, less the penalty.
      coefficients: of all its columns.
      covariance: of these, what the fit leaves of the data taken as the measure of noise.
    """

    group: int
    choice: int
    evidence: float
    coefficients: Float[np.ndarray, " P"]
    covariance: Float[np.ndarray, "P P"]


class _Trial(NamedTuple):
    members: list[tuple[int, int]]
    columns: int
    loss: float
    coefficients: np.ndarray
    covariance: np.ndarray

    def scale(self, rows: int) -> float:
        return max(1.0, self.loss / max(rows - self.columns, 1))


def choose_groups(
    tables: Sequence[Float[np.ndarray, "J P"]],
    target: Float[np.ndarray, " J"],
    choices: Sequence[Sequence[Float[np.ndarray, "P K"]]],
    most: int = MOST_GROUPS,
) -> tuple[list[Entry], float]:
    """Groups that explain the target, in the order of their entry, and chi² for each row.

    The group enters whose columns lower chi² most, less ``log(J)`` for each of them and twice the
    logarithm of the number of groups (the extended Bayesian information criterion: Chen and Chen
    2008, Biometrika 95, 759), as long as any does; after each entry those leave without which the
    criterion is lower. Residuals beyond 2.5 count linearly (Huber 1964), and chi² is in
    units of what the larger model leaves for each row, if that is above 1: rows that no column
    explains are no evidence for any. A few groups are also tried from all of them backward.

    Of a group's choices the one next finer than the best is kept: the best one's bias is about as
    large as its error, and no standard error would tell.

    Args:
      tables: columns of each group on J whitened rows.
      target: left sides.
      choices: for each group, matrices that make fewer columns of all, the finest first.
      most: groups: where so many do not explain the rows, more are no law either, and each costs
        more than all before it.

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200, 2))
    >>> target = b @ [3.0, 1.0] + rng.normal(size=200)
    >>> entries, chi2 = choose_groups([a, b], target, [[np.eye(2)]] * 2)
    >>> [entry.group for entry in entries], entries[0].coefficients.round(0).tolist()
    ([1], [3.0, 1.0])
    """
    rows = len(target)
    penalty, of_group = np.log(rows), 2.0 * np.log(len(tables))
    reduced = [
        [table @ matrix for matrix in matrices]
        for table, matrices in zip(tables, choices, strict=True)
    ]

    def trial(members: list[tuple[int, int]], steps: int = _TRIAL_STEPS) -> _Trial:
        parts = [reduced[group][choice] for group, choice in members]
        return _fit(members, parts, target, steps)

    def gain(smaller: _Trial, larger: _Trial) -> float:
        fall = (smaller.loss - larger.loss) / larger.scale(rows)
        more = len(larger.members) - len(smaller.members)
        return fall - penalty * (larger.columns - smaller.columns) - of_group * more

    best, evidence = trial([]), dict[int, float]()
    while len(best.members) < most:
        inside = {group for group, _ in best.members}
        entering = [
            trial([*best.members, (group, choice)])
            for group, matrices in enumerate(choices)
            if group not in inside
            for choice in range(len(matrices))
        ]
        entering = [one for one in entering if one.columns < rows / 2]
        if not entering:
            break
        larger = trial(max(entering, key=lambda one: gain(best, one)).members, _STEPS)
        if gain(best, larger) <= 0:
            break
        evidence[larger.members[-1][0]] = gain(best, larger)
        best = _without_superfluous(larger, trial, gain)
    everything = [(group, 0) for group in range(len(tables))]
    if sum(table.shape[1] for table in tables) <= min(_FEW_COLUMNS, rows / 4):
        # groups of which none helps without the others are found from all of them
        reverse = _without_superfluous(trial(everything, _STEPS), trial, gain, newest=False)
        if gain(best, reverse) > 0:
            best = reverse
            evidence = {
                member[0]: gain(trial([x for x in best.members if x != member], _STEPS), best)
                for member in best.members
            }
    finer = [(group, max(choice - 1, 0)) for group, choice in best.members]
    best = trial(finer, _STEPS)
    return _entries(best, choices, evidence, rows), best.loss / rows


def _without_superfluous(best: _Trial, trial, gain, newest: bool = True) -> _Trial:
    """All (but the newest, if there is one) may leave, one at a time."""
    while len(best.members) > 1:
        leaving = [
            trial([other for other in best.members if other != member])
            for member in (best.members[:-1] if newest else best.members)
        ]
        smaller = trial(min(leaving, key=lambda one: gain(one, best)).members, _STEPS)
        if gain(smaller, best) > 0:
            break
        best = smaller
    return best


def _entries(best: _Trial, choices, evidence, rows) -> list[Entry]:
    entries, done = [], 0
    for group, choice in best.members:
        matrix = choices[group][choice]
        mine = slice(done, done + matrix.shape[1])
        done = mine.stop
        covariance = matrix @ best.covariance[mine, mine] @ matrix.T * best.scale(rows)
        coefficients = matrix @ best.coefficients[mine]
        entries.append(Entry(group, choice, evidence[group], coefficients, covariance))
    return entries


def _fit(members, parts: list[np.ndarray], target: np.ndarray, steps: int) -> _Trial:
    """Huber's regression by iteratively reweighted least squares."""
    if not parts:
        return _Trial([], 0, _huber(target), np.zeros(0), np.zeros((0, 0)))
    table = np.concatenate(parts, axis=1)
    size = np.sqrt(np.sum(table**2, axis=0))
    size[size == 0] = 1.0
    table = table / size
    weight = np.ones(len(target))
    for _ in range(steps):
        weighted = weight[:, None] * table
        curvature = table.T @ weighted + _RIDGE * np.eye(table.shape[1])
        found = np.linalg.solve(curvature, weighted.T @ target)
        residual = target - table @ found
        weight = 1.0 / np.maximum(np.abs(residual) / _HUBER, 1.0)
    covariance = np.linalg.inv(curvature) / np.outer(size, size)
    return _Trial(members, table.shape[1], _huber(residual), found / size, covariance)


def _huber(residual: np.ndarray) -> float:
    large = np.abs(residual)
    return float(np.sum(np.where(large < _HUBER, large**2, 2.0 * _HUBER * large - _HUBER**2)))
