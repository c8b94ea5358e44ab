"""What is left of a target is exact only where samples outnumber the equation's numbers."""

import numpy as np
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.front.residual import residual
from jaxsym.search.problem.problem import make_problems

X = np.array([[1.0], [2.0], [3.0], [4.0]])
Y = np.array([0.731, -1.217, 0.353, 2.918])
CUBIC = parse("1.0*x**3 + 1.0*x**2 + 1.0*x + 1.0").with_constants(np.polyfit(X[:, 0], Y, 3))


def problem(rows, weights=None):
    made = make_problems(
        X[rows], Y[rows][:, None], weights, variables=["x"], operators={}, max_complexity=30
    )
    return made[0]


def of(problem, expression):
    candidate = Candidate(expression, 1, 0.0)
    return residual(ParetoFront((candidate,), problem.variance, problem.samples), expression)


@pytest.mark.parametrize(
    ("rows", "weights", "samples"),
    [
        (range(4), None, 4),
        ([0, 1, 2, 3] * 60, None, 4),
        (range(4), [1.0, 0.0, 2.0, 1.0], 3),
    ],
    ids=["plain", "repeated", "without weight"],
)
def test_rows_without_weight_and_repeated_ones_are_no_samples(rows, weights, samples):
    assert problem(list(rows), weights).samples == samples


def test_as_many_constants_as_samples_interpolate():
    found = of(problem(range(4)), CUBIC)
    assert not found.exact and found.freedom == 0 and "interpolated" in str(found)
    assert of(problem(range(4)), parse("2.5*x + 1")).exact


def test_numbers_that_were_snapped_count_too():
    snapped = parse("x**3/7 + 5*x**2/3 + 2*x/9 + 11/5")
    assert not of(problem(range(4)), snapped).exact
    assert of(problem(range(4)), parse("x**2 + x**3")).exact


def test_an_estimator_does_not_call_an_interpolation_exact():
    table, target = np.tile(X, (5, 1)), np.tile(Y, 5)
    model = SymbolicRegressor(
        guesses=[CUBIC.substitute({"x": parse("x0")})], selection="accuracy", callback=stop
    ).fit(table, target)
    assert model.residual_.share < 1e-10 and not model.residual_.exact
    assert "interpolated" in str(model.residual_)


def stop(progress):
    raise KeyboardInterrupt
