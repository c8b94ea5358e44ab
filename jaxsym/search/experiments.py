"""Several experiments with one law: its form is shared, and so are the constants that may be.

After `shared_form` has given every experiment constants of its own, these are made equal one after
the other where that shortens the description of all data: a constant of each experiment costs half
the logarithm of the number of samples, and what equal ones lose costs what the likelihood says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import least_squares

from jaxsym._check import require
from jaxsym.expr import Expression
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING, SAME

_LEAST_ROWS = 2  # of an experiment
_MOST = 120  # numbers of one joint fit: all constants of all experiments
_STEPS = 100  # of such a fit
_FAR = 1e9  # standard deviations that a residual counts at most, so that its square is finite


class Experiments(NamedTuple):
    """Rows by the experiment that they belong to.

    Attributes:
      names: of the experiments, in order of first appearance.
      of_row: `[n]` number of the experiment of each row.
    """

    names: tuple[Any, ...]
    of_row: Int[np.ndarray, " n"]

    @classmethod
    def read(cls, labels: Any, rows: int) -> Experiments:
        """Read a label for each row.

        Raises:
          ValueError: another number of labels, fewer than two experiments, one with a single row.

        >>> Experiments.read(["a", "b", "a", "b"], 4).of_row.tolist()
        [0, 1, 0, 1]
        """
        listed = np.asarray(labels, object).ravel().tolist()
        require(len(listed) == rows, f"experiment has {len(listed)} labels; X has {rows} rows")
        names = tuple(dict.fromkeys(listed))
        require(len(names) > 1, f"experiment has one label, {names[0]!r}; expected at least two")
        numbers = np.array([names.index(label) for label in listed])
        for name, count in zip(names, np.bincount(numbers), strict=True):
            require(
                count >= _LEAST_ROWS,
                f"experiment {name!r} has {count} row; expected at least {_LEAST_ROWS}",
            )
        return cls(names, numbers)

    def numbers(self, labels: Any, rows: int) -> Int[np.ndarray, " n"]:
        """The number of each row's experiment, of rows that may be new.

        Raises:
          ValueError: no label for each row, or one that was not in the fit.
        """
        listed = [] if labels is None else np.asarray(labels, object).ravel().tolist()
        require(
            len(listed) == rows,
            f"experiment has {len(listed)} labels for {rows} rows; expected one of "
            f"{', '.join(map(repr, self.names))} for each",
        )
        for label in listed:
            require(label in self.names, f"experiment {label!r} was not in the fit")
        return np.array([self.names.index(label) for label in listed], int)

    def rows(self) -> list[Int[np.ndarray, " m"]]:
        """The rows of each experiment."""
        return [np.flatnonzero(self.of_row == number) for number in range(len(self.names))]


def tied(problems: Sequence[Problem], fronts: Sequence[ParetoFront]) -> tuple[ParetoFront, ...]:
    """Fronts of one form each row, with equal constants where the data allow them.

    Args:
      problems: one per experiment.
      fronts: of the same forms in the same rows, as `share_forms` gives them.
    """
    rows = [_tied(problems, forms) for forms in zip(*fronts, strict=True)]
    made = []
    for problem, front, column in zip(problems, fronts, zip(*rows, strict=True), strict=True):
        candidates = tuple(
            Candidate(e, old.complexity, problem.loss(e), old.score)
            for e, old in zip(column, front, strict=True)
        )
        made.append(
            ParetoFront(candidates, front.variance, front.samples, front.noise, front.rounding)
        )
    return tuple(made)


def common_constants(expressions: Sequence[Expression]) -> tuple[bool, ...]:
    """Which constants of one form are the same in all experiments.

    >>> from jaxsym.expr import parse
    >>> common_constants([parse("1.5*x + 2.5"), parse("1.5*x + 3.5")])
    (True, False)
    """
    columns = zip(*(e.constants for e in expressions), strict=True)
    return tuple(len(set(values)) == 1 for values in columns)


def _tied(problems: Sequence[Problem], forms: Sequence[Candidate]) -> list[Expression]:
    """One form for all experiments with as few different constants as the data ask for."""
    best = [form.expression for form in forms]
    count = len(best[0].constants)
    if not 0 < count * len(best) <= _MOST:
        return best
    common: set[int] = set()
    shortest = _bits(problems, best, common)
    while True:
        trials = []
        for slot in sorted(set(range(count)) - common):
            found = _joint_fit(problems, best, common | {slot})
            trials.append((_bits(problems, found, common | {slot}), slot, found))
        if not trials or min(trials)[0] >= shortest:
            return best
        shortest, slot, best = min(trials, key=lambda trial: trial[:2])
        common.add(slot)


def _bits(problems: Sequence[Problem], forms: Sequence[Expression], common: set[int]) -> float:
    """Description of all data and of the constants."""
    samples = sum(problem.samples for problem in problems)
    own = len(forms[0].constants) - len(common)
    numbers = len(common) + own * len(forms)
    misfit = 0.0
    for problem, form in zip(problems, forms, strict=True):
        loss = problem.loss(form)
        if problem.noise:
            misfit += problem.samples * loss / (2 * math.log(2) * problem.noise)
        else:
            floor = max(problem.rounding * problem.variance, math.ulp(0.0))
            misfit += problem.samples / 2 * math.log2(max(loss, floor))
    return misfit + numbers * math.log2(samples) / 2


def _joint_fit(
    problems: Sequence[Problem], forms: Sequence[Expression], common: set[int]
) -> list[Expression]:
    """All constants of all experiments, those that are common once, by least squares."""
    start = np.array([form.constants for form in forms])
    shared = sorted(common)
    own = [slot for slot in range(start.shape[1]) if slot not in common]
    scales = [_scale(problem, form) for problem, form in zip(problems, forms, strict=True)]
    trust = np.array([problem.samples for problem in problems])[:, None]
    first = np.sum(trust * start[:, shared], axis=0) / trust.sum()

    def constants(numbers: np.ndarray) -> Float[np.ndarray, "E K"]:
        table = start.copy()
        table[:, shared] = numbers[: len(shared)]
        table[:, own] = numbers[len(shared) :].reshape(len(forms), len(own))
        return table

    def left(numbers: np.ndarray) -> np.ndarray:
        parts = []
        for problem, form, values, scale in zip(
            problems, forms, constants(numbers), scales, strict=True
        ):
            error = form.with_constants(values.tolist()).evaluate(problem.X, problem.variables)
            parts.append(np.sqrt(problem.weights * problem.samples) * (error - problem.y) / scale)
        return np.clip(np.nan_to_num(np.concatenate(parts), nan=_FAR), -_FAR, _FAR)

    begin = np.concatenate([first, start[:, own].ravel()])
    size = np.maximum(np.abs(begin), SAME)
    with np.errstate(all="ignore"):
        found = least_squares(left, begin, x_scale=size, method="trf", max_nfev=_STEPS)
    return [f.with_constants(c.tolist()) for f, c in zip(forms, constants(found.x), strict=True)]


def _scale(problem: Problem, form: Expression) -> float:
    """The noise of an experiment: as known, or as its own constants leave it."""
    floor = ROUNDING * problem.variance
    return math.sqrt(max(problem.noise or problem.loss(form), floor, math.ulp(0.0)))
