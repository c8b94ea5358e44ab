"""What counts as an answer: rounding or known noise is left, and the equation is short."""

import math

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.tolerances import EXACT, EXACT_SINGLE


def problem(X, y, **options):
    names = "abc"[: X.shape[1]]
    made = make_problems(
        X, y[:, None], None, variables=names, operators=OPERATORS, max_complexity=30, **options
    )
    return made[0]


def table(rows):
    return np.random.default_rng(0).uniform(1.0, 2.0, (rows, 1))


LAW = parse("2.31*a + 1.17")
LONG = parse("2.31*a + 1.17 + 0.1*exp(0.3*a) + 0.2*sin(1.3*a) + 0.7*a**2.2")


def test_an_equation_is_no_answer_unless_it_is_shorter_than_the_table():
    for rows, answers in ((3, [True, False]), (9, [True, False]), (60, [True, True])):
        own = problem(table(rows), table(rows)[:, 0] + 0.1)
        assert [own.settled(e, 0.0) for e in (LAW, LONG)] == answers


def test_known_noise_ends_a_search_where_it_is_small():
    X = table(150)
    y = LAW.evaluate(X)
    for share, ends in ((0.1, False), (1e-5, True), (1e-9, True)):
        noise = (share * y.std()) ** 2
        own = problem(X, y, noise=[noise])
        assert own.settled(LAW, noise) is ends
        assert not own.settled(LAW, 2 * noise)
    assert not problem(X, y).settled(LAW, 1e-18)


def test_rows_that_are_not_independent_say_less():
    X = table(100)
    own = problem(X, X[:, 0], n_effective=2.0)
    assert own.samples == 2.0 and not own.settled(LAW, 0.0)
    assert problem(X, X[:, 0]).samples == 100


def test_noise_follows_rows_and_weights():
    rng = np.random.default_rng(1)
    sigma = rng.uniform(0.5, 2.0, 60)
    X = rng.uniform(1.0, 2.0, (60, 1))
    noise = 1 / np.mean(sigma**-2.0)
    own = make_problems(
        X, X, sigma**-2.0, variables="a", operators={}, max_complexity=9, noise=[noise],
        n_effective=30.0,
    )[0]  # fmt: skip
    part = own.rows(np.arange(0, 60, 2))
    assert part.noise == pytest.approx(1 / np.mean(sigma[::2] ** -2.0))
    assert part.n_effective == 15.0
    scaled = own.derived(own.weights * 9.0, y=own.y / 3)
    assert scaled.noise == pytest.approx(noise / 9) and math.isclose(scaled.weights.sum(), 1)


def test_whole_numbers_have_not_lost_digits():
    X = np.arange(1.0, 41.0)[:, None]
    y = np.sqrt(X[:, 0])
    assert problem(X, y).rounding == EXACT
    assert problem(X, y.astype(np.float32).astype(float)).rounding == EXACT_SINGLE
