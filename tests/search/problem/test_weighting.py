"""Weights that a table asks for: rows far off, and noise in proportion to the target."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.problem.weighting import Weighting, reconsidered, weighted


def problem(X, y):
    names = [f"x{i}" for i in range(X.shape[1])]
    made = make_problems(X, y[:, None], None, variables=names, operators={}, max_complexity=9)
    return made[0]


def table(rows, columns=2, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 4.0, (rows, columns))


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.15])
def test_rows_far_off_count_nothing(noise, share):
    rng = np.random.default_rng(1)
    X = table(200)
    y = np.sin(X[:, 0]) + X[:, 1]
    y = y + noise * y.std() * rng.normal(size=len(y))
    wrong = rng.choice(len(y), int(share * len(y)), replace=False)
    y[wrong] += rng.choice([-20.0, 20.0], len(wrong))
    found = weighted(problem(X, y))
    assert np.flatnonzero(found.far).tolist() == sorted(wrong)
    assert np.all(found.weights[wrong] == 0) and found.problem.samples == len(y) - len(wrong)
    assert f"{len(wrong)} of 200 rows are far off" in str(found)


@pytest.mark.parametrize(
    "law", ["x0*x1", "1/(x0 - 0.49)", "exp(3*x0)", "x0**5*sin(x1)", "tan(x0)", "log(x0)/x1**4"]
)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_no_row_is_far_off_where_there_are_none(law, noise):
    X = table(200)
    y = parse(law).evaluate(X, ["x0", "x1"])
    y = y + noise * y.std() * np.random.default_rng(2).normal(size=len(y))
    found = weighted(problem(X, y))
    assert not np.any(found.far) and not found.relative and str(found) == ""
    np.testing.assert_array_equal(found.weights, 1.0)


def decades(rows, columns, seed=0):
    return 10 ** np.random.default_rng(seed).uniform(-4.0, 4.0, (rows, columns))


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.2])
@pytest.mark.parametrize("rows", [30, 300])
def test_errors_in_proportion_to_a_target_over_decades_are_weighted_so(noise, rows):
    X = decades(rows, 3)
    law = X[:, 0] * X[:, 1] / X[:, 2] ** 2
    y = law * (1 + noise * np.random.default_rng(3).normal(size=rows))
    found = weighted(problem(X, y))
    assert found.relative and "in proportion" in str(found)
    sizes = np.sqrt(found.weights) * law
    assert np.max(np.abs(np.log(sizes / np.median(sizes)))) < 3 * noise


def test_constant_errors_and_none_are_not_in_proportion():
    X = decades(300, 2)
    law = X[:, 0] * X[:, 1]
    noise = np.random.default_rng(4).normal(size=300)
    assert not weighted(problem(X, law)).relative
    assert not weighted(problem(X, law + 0.1 * law.std() * noise)).relative
    assert not weighted(problem(X[:, :1], np.sinh(np.log(X[:, 0])) ** 2)).relative


def test_an_equation_gives_rows_their_weight_back_and_takes_it():
    X = table(100, 1)
    y = 2 * X[:, 0] + 1
    y[:3] += 5.0
    plain = problem(X, y)
    guess = np.zeros(100, bool)
    guess[2:6] = True  # three of them wrongly
    given = Weighting(plain.derived(np.where(guess, 0.0, plain.weights)), guess)
    found = reconsidered(given, plain, 2 * X[:, 0] + 1)
    assert np.flatnonzero(found.far).tolist() == [0, 1, 2]
    assert reconsidered(found, plain, 2 * X[:, 0] + 1) is found


def test_many_rows_take_little_time_and_few_are_left_alone():
    rng = np.random.default_rng(5)
    X = rng.uniform(0.0, 1.0, (50_000, 2))
    y = X[:, 0] + X[:, 1] ** 2 + 0.01 * rng.normal(size=len(X))
    y[::100] += 30.0
    assert np.flatnonzero(weighted(problem(X, y)).far).tolist() == list(range(0, 50_000, 100))
    assert str(weighted(problem(X[:3], y[:3]))) == ""
    constant = np.ones_like(X[:50])
    assert str(weighted(problem(constant, y[1:51]))) == ""
