"""Ratios of polynomials, inside functions too, are exact; noise and other functions give none."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.stages.rational import ratios, ratios_of_functions
from jaxsym.search.problem.problem import make_problems

X = np.random.default_rng(0).uniform(1.0, 3.0, (120, 3))


def problem(y):
    return make_problems(
        X, y[:, None], None, variables="abc", operators=DEFAULT_OPERATORS, max_complexity=30
    )[0]


@pytest.mark.parametrize(
    "text",
    [
        "(a*b + 2)/(a + b*c)",
        "a*c/((1.5 + b)*(0.3*a + c))",
        "sqrt(a**2 + b**2 + 0.7*a*b)",
        "log((a + b)/(2*c + 1))",
        "exp(-a/(b + c))",
    ],
)
def test_exact_ratios(text):
    truth = parse(text)
    whole = problem(truth.evaluate(X, "abc"))
    found = list(ratios(whole))
    losses = [whole.loss(expression) for expression in found]
    assert min(losses) < 1e-20 * whole.variance
    shortest = min(found[i].complexity for i in np.flatnonzero(np.array(losses) < 1e-18))
    assert shortest <= truth.complexity + 12  # constants are not yet snapped


@pytest.mark.parametrize("text", ["sin(a*b)", "a*exp(-b*c)"])
def test_nothing_else_is_a_ratio(text):
    assert list(ratios(problem(parse(text).evaluate(X, "abc") - 2.0))) == []


def test_noise_hides_ratios():
    y = parse("(a + b)/c").evaluate(X, "abc")
    noise = 1e-3 * np.random.default_rng(1).normal(size=len(y))
    assert list(ratios(problem(y + noise))) == []


@pytest.mark.parametrize(
    "text",
    [
        "(cos(a) - 0.3*b)/(1 - 0.3*b*cos(a))",
        "sqrt(a**2 + b**2 - 2*a*b*cos(c))",
        "a + b + 2*sqrt(a)*sqrt(b)*c",
        "(exp(a) - 1)/(exp(a) + b)",
    ],
)
def test_variables_inside_functions(text):
    whole = problem(parse(text).evaluate(X, "abc"))
    assert min(map(whole.loss, ratios_of_functions(whole))) < 1e-20 * whole.variance


def test_time_may_be_over():
    whole = problem(parse("a*cos(b)").evaluate(X, "abc"))
    assert list(ratios_of_functions(whole, stop=lambda: True)) == []


def test_few_rows_lower_the_degree():
    rows = slice(0, 17)  # of three variables the terms up to the first degree
    y = parse("(a + 2*b)/(1 + c)").evaluate(X[rows], "abc")
    (few,) = make_problems(
        X[rows], y[:, None], None, variables="abc", operators=DEFAULT_OPERATORS, max_complexity=30
    )
    assert min(map(few.loss, ratios(few))) < 1e-20 * few.variance
