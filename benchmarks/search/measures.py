"""What counts as found: equivalence, errors on fresh points, and lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.search.problems import SearchProblem
from jaxsym.expr import Expression
from jaxsym.expr.fitting.single import least_squares

EPSILON = float(np.finfo(np.float32).eps)
FRESH, _ASIDE = 512, 10_000  # points of validation, and of A1 and A2
_LONGER = 1.25, 4  # an equation of the true form may be this factor and sum more complex


def measure(
    problem: SearchProblem, seed: int, selected: Expression | None, front: Sequence[Expression]
) -> dict[str, Any]:
    """All measures of one result.

    Args:
      problem: with the truth.
      seed: of the search; fresh points have another.
      selected: the engine's answer, None if it has none.
      front: everything that it offers.

    Returns:
      `exact`: the answer is the truth, constants included; `form`: it is after its constants are
      fitted to exact data; `fvu`: share of the variance left on fresh points (validation);
      `best_fvu`: the least of the front; `vnrr` and `best_vnrr`: whether these are within float32's
      epsilon (Martinek 2025, arXiv 2508.14481); `a1`, `a2`, `a1_ood`, `a2_ood`: accuracy by points
      and by R2 (Biggio et al. 2021), in and out of the range; `length_ratio`: complexity over the
      truth's.
    """
    result: dict[str, Any] = {"found": None if selected is None else str(selected)}
    fresh = problem.sample(seed + 1000, FRESH)
    assert fresh is not None
    left = lambda e: fraction_left(e.evaluate(fresh[0], list(problem.columns)), fresh[1])  # noqa: E731
    best = min(map(left, front), default=math.inf)
    own = math.inf if selected is None else left(selected)
    ratio = None if selected is None else selected.complexity / problem.truth.complexity
    result |= {"fvu": _plain(own), "best_fvu": _plain(best), "length_ratio": ratio}
    result |= {"vnrr": own <= EPSILON, "best_vnrr": best <= EPSILON}
    result["exact"] = selected is not None and equivalent(problem, selected, seed)
    result["form"] = selected is not None and same_form(problem, selected, seed)
    for name, wider in (("", False), ("_ood", True)):
        points = problem.sample(seed + 2000, _ASIDE, wider=wider)
        if points is not None and selected is not None:
            X, y = points
            a1, a2 = accuracies(selected.evaluate(X, list(problem.columns)), y)
            result |= {f"a1{name}": a1, f"a2{name}": a2}
    return result


def fraction_left(predicted: np.ndarray, y: np.ndarray) -> float:
    """Fraction of the variance unexplained; infinite where a value is missing."""
    with np.errstate(all="ignore"):
        left = float(np.mean((predicted - y) ** 2) / np.var(y))
    return left if math.isfinite(left) else math.inf


def equivalent(problem: SearchProblem, expression: Expression, seed: int) -> bool:
    """Whether an expression agrees with the truth: in its range, around it, and near 1.

    Two formulas of few operators that agree to six digits at hundreds of points, in a region three
    times as wide as the one that was fitted, are one function, and so they agree to four where all
    variables are between 1/2 and 3. Outside of the range either may lack a value, as
    sqrt(x)*sqrt(y) does where sqrt(x*y) has one.
    """
    rng = np.random.default_rng([seed, 5000])
    near_one = rng.uniform(0.5, 3.0, (FRESH, len(problem.columns)))
    tables = [
        (problem.sample(seed + 3000, FRESH), 0.99, 1e-6),
        (problem.sample(seed + 3000, FRESH, wider=True), 0.05, 1e-6),
        ((near_one, problem.truth.evaluate(near_one, list(problem.columns))), 0.05, 1e-4),
    ]
    return all(
        _agree(expression.evaluate(points[0], list(problem.columns)), points[1], least, tolerance)
        for points, least, tolerance in tables
        if points is not None
    )


def _agree(values: np.ndarray, truth: np.ndarray, least: float, tolerance: float) -> bool:
    """Whether values agree where both are finite; true if the truth has none."""
    known = np.isfinite(truth)
    if not known.any():
        return True
    both = known & np.isfinite(values)
    size = np.maximum(np.abs(truth), np.median(np.abs(truth[known])) * 1e-6)
    close = np.abs(values - truth)[both] <= tolerance * size[both]
    return bool(both.sum() >= least * known.sum() and np.mean(close) >= 0.99)


def same_form(problem: SearchProblem, expression: Expression, seed: int) -> bool:
    """Whether an expression is the truth when its constants are fitted to exact data."""
    factor, more = _LONGER
    if expression.complexity > factor * problem.truth.complexity + more:
        return False
    points = problem.sample(seed + 4000, FRESH)
    assert points is not None
    X, y = points
    if expression.constants:
        columns = dict(zip(problem.columns, X.T, strict=True))
        found = least_squares(expression, columns, y, np.ones(len(y)))
        expression = expression.with_constants(found.constants)
    return equivalent(problem, expression, seed)


def accuracies(values: np.ndarray, y: np.ndarray) -> tuple[bool, bool]:
    """A1: 95 % of the points are within 5 %; A2: R2 is above 0.95, missing values counted as 0."""
    a1 = np.mean(np.isclose(y, values, rtol=0.05, atol=1e-3)) > 0.95
    filled = np.where(np.isfinite(values), values, 0.0)
    with np.errstate(all="ignore"):
        left = np.mean((filled - y) ** 2) / np.var(y)
    return bool(a1), bool(left < 0.05)


def _plain(value: float) -> float | None:
    """A number that JSON can hold."""
    return value if math.isfinite(value) else None
