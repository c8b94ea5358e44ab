"""The last step: tails go, constants become exact, and the shortest text is kept."""

import numpy as np

from jaxsym.expr import parse
from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.finalize import finalize, fitted_front
from jaxsym.search.front.tails import without_terms
from jaxsym.search.problem.problem import make_problems

X = np.random.default_rng(0).uniform(0.5, 3.0, (80, 1))


def finalized(y, *found, **options):
    (problem,) = make_problems(
        X, y[:, None], None, variables=["x"], operators=DEFAULT_OPERATORS, max_complexity=30,
        **options,
    )  # fmt: skip
    archive = Archive(problem)
    archive.add(map(parse, found))
    finalize(archive)
    return archive.front()


def test_tails_are_dropped_one_after_the_other():
    y = 2.3 * np.exp(-0.7 * X[:, 0]) + 1e-6 * np.random.default_rng(1).normal(size=80)
    found = "2.29*exp(-0.69*x) + 1e-4*x**2.1 + 2e-4*sin(3.1*x) - 3e-5/x"
    best = finalized(y, found).best().expression
    assert best.tokens == parse("2.3*exp(-0.7*x)").canonical().tokens or best == parse(
        "2.3*exp(-0.7*x)"
    )


def test_a_term_that_explains_something_stays():
    y = 2 * X[:, 0] + 0.3 * np.sin(4 * X[:, 0])
    assert finalized(y, "1.99*x + 0.29*sin(4.01*x)").best().expression == parse(
        "2*x + 0.3*sin(4*x)"
    )


def test_every_term_is_tried_once():
    found = set(without_terms(parse("x + sin(y - 2) - 3*z")))
    rests = ["sin(y - 2) - 3*z", "x - 3*z", "x + sin(y - 2)", "x + sin(y) - 3*z"]
    assert set(map(parse, rests)) <= found
    assert not list(without_terms(parse("x*y")))


def test_hyperbolic_functions_may_be_written_where_exponentials_may():
    y = np.sinh(X[:, 0])
    assert str(finalized(y, "0.5*exp(1.0*x) - 0.5*exp(-1.0*x)").best().expression) == "sinh(x)"


def test_a_form_keeps_the_complexity_with_which_it_was_found():
    (row,) = [c for c in finalized(X[:, 0] ** 1.5, "1.0*sqrt(x**3)") if c.loss < 1e-20]
    assert str(row.expression) == "x**(3/2)" and row.complexity <= 5


def test_no_equation_has_more_constants_than_there_are_samples():
    y = np.sin(5 * X[:4, 0])
    (problem,) = make_problems(
        X[:4], y[:, None], None, variables=["x"], operators=DEFAULT_OPERATORS, max_complexity=30
    )
    archive = Archive(problem)
    assert archive.add([parse("1.0*x**4 + 1.1*x**3 + 1.2*x**2 + 1.3*x + 1.4")]) == 0
    assert archive.add([parse("1.2*x**2 + 1.3*x + 1.4")]) == 1


def test_a_front_is_fitted_again_to_other_weights():
    y = 2 * X[:, 0] + 1
    y[:8] += 9.0
    front = finalized(y, "2.0*x + 1.9")
    (problem,) = make_problems(
        X, y[:, None], np.where(np.arange(80) < 8, 0.0, 1.0), variables=["x"],
        operators=DEFAULT_OPERATORS, max_complexity=30,
    )  # fmt: skip
    assert fitted_front(front, problem).best().expression == parse("2*x + 1")
