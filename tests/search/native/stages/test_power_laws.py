"""Power laws: exponents, signs, outliers and exponential factors."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search import fit_power_law
from jaxsym.search.native.stages.power_laws import power_laws
from jaxsym.search.problem.problem import make_problems

NAMES = ("r", "m", "q", "s")


def table(seed=0, count=400):
    """r and m positive, q of both signs, s a charge of size 1."""
    rng = np.random.default_rng(seed)
    r, m = rng.uniform(0.3, 4.0, count), np.exp(rng.normal(size=count))
    return np.column_stack([r, m, rng.normal(size=count), rng.choice([-1.0, 1.0], count)])


def problem_of(text, noise=0.0):
    """A problem whose target has relative noise."""
    truth = parse(text)
    X = table()
    y = truth.evaluate(X[:, [NAMES.index(v) for v in truth.variables]])
    y = y * (1 + noise * np.random.default_rng(1).normal(size=len(y)))
    (problem,) = make_problems(
        X, y[:, None], 1 / y**2, variables=NAMES, operators=OPERATORS, max_complexity=30
    )
    return problem


@pytest.mark.parametrize(
    "text",
    [
        "2.5*m/r**3",
        "0.7*q/(m*r**2)",
        "1.3*s*q*sqrt(r)",
        "4.0*s/r",
        "3.0*q**2/sqrt(m)",
        "1.5*exp(-0.6*r)/r**2",
        "2.0*s*q*exp(-0.6*r)/r**3",
    ],
)
def test_exact_recovery(text):
    problem = problem_of(text)
    forms = [form.canonical() for form in power_laws(problem)]
    exact = [form for form in forms if problem.loss(form) < 1e-24 * problem.variance]
    simplest = min(exact, key=lambda form: form.complexity)
    assert simplest.tokens == parse(text).canonical().tokens


@pytest.mark.parametrize("text", ["2.5*m/r**3", "0.7*q/(m*r**2)"])
def test_noise(text):
    found = {form.canonical().tokens for form in power_laws(problem_of(text, noise=0.1))}
    assert parse(text).canonical().tokens in found


def test_free_exponents_with_errors_and_outliers():
    rng = np.random.default_rng(2)
    X = table(2)
    y = 2.0 * X[:, 0] ** -1.9 * X[:, 1] ** 0.5 * (1 + 0.01 * rng.normal(size=400))
    y[:40] *= rng.uniform(3.0, 30.0, 40)
    law = fit_power_law(X[:, :2], y)
    np.testing.assert_allclose(law.exponents, [-1.9, 0.5], atol=0.01)
    assert np.all(np.abs(law.exponents - [-1.9, 0.5]) < 5 * law.errors)
    assert np.all(law.errors < 0.01)


def test_signs_come_from_the_right_variables():
    X = table()
    assert fit_power_law(X, X[:, 0] * X[:, 2] * X[:, 3]).odd.tolist() == [False, False, True, True]
    assert fit_power_law(X, X[:, 2] ** 2 / X[:, 0]).odd.tolist() == [False] * 4


def test_what_is_no_product_is_refused():
    X = table()
    assert fit_power_law(X, X[:, 0] - 2.0) is None
