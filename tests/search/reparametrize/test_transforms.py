"""Target transforms: the way there and back, and weights by the delta method."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.transforms import transformed


def make(y, weights=None):
    X = np.linspace(1.0, 2.0, len(y))[:, None]
    (problem,) = make_problems(
        X, y[:, None], weights, variables=("x",), operators=OPERATORS, max_complexity=30
    )
    return problem


X = np.linspace(1.0, 2.0, 50)
TERM = {((("x",), 1.0),): 0.5, (): 0.25}  # 0.5 x + 0.25


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("1/y", lambda z: 1 / z),
        ("log y", np.exp),
        ("y**2", np.sqrt),
        ("sqrt y", np.square),
        ("exp y", np.log),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_back_is_the_inverse(name, function, sign):
    y = function(0.5 * X + 0.25)
    if name == "exp y" and sign < 0:
        pytest.skip("log of a sum has both signs itself")
    problem = make(sign * y)
    changed = {t.name: t for t in transformed(problem, problem.y)}[name]
    inner = 0.5 * X + 0.25
    if name == "1/y":
        inner = sign * inner
    np.testing.assert_allclose(changed.problem.y, inner, rtol=1e-12)
    polynomial = {t: c * (sign if name == "1/y" else 1) for t, c in TERM.items()}
    for expression in changed.back(polynomial):
        np.testing.assert_allclose(expression.evaluate(X[:, None]), sign * y, rtol=1e-12)


def test_small_errors_cost_the_same_before_and_after():
    y = np.exp(0.5 * X)
    errors = 1e-6 * np.random.default_rng(0).normal(size=50)
    problem = make(y, weights=1 / y)
    moved = {t.name: t.problem.y for t in transformed(make(y + errors), y + errors)}
    for name, changed, _ in transformed(problem, problem.y):
        costs = changed.weights * (moved[name] - changed.y) ** 2
        ratio = costs / (problem.weights * errors**2)  # constant: weights are scaled to sum 1
        assert np.ptp(ratio) < 1e-3 * np.max(ratio), name


def test_logarithms_become_powers():
    problem = make(2.0 * X**1.5)
    changed = {t.name: t for t in transformed(problem, problem.y)}["log y"]
    polynomial = {((("log", "x"), 1.0),): 1.5, (): float(np.log(2.0))}
    forms = [form.canonical() for form in changed.back(polynomial)]
    assert forms[0].tokens == parse("2.5*x**(3/2)").canonical().tokens


def test_only_what_applies():
    y = np.linspace(-1.0, 1.0, 50)
    assert {t.name for t in transformed(make(y), y)} == {"1/y", "exp y"}
