"""The problem sets and measures of the search benchmark."""

import numpy as np
import pytest

from benchmarks.search.engines import Answer
from benchmarks.search.measures import equivalent, fraction_left, measure, same_form
from benchmarks.search.problems import Column, SearchProblem, load_set
from jaxsym.expr import parse

ROOT = SearchProblem("root", parse("2*sqrt(x*y)"), {n: Column(1.0, 3.0) for n in "xy"})


@pytest.mark.parametrize(
    ("name", "count"), [("aif52", 52), ("nguyen", 12), ("gn", 4), ("development", 150)]
)
def test_sets_have_values_everywhere(name, count):
    problems = load_set(name)
    assert len(problems) == len({p.name for p in problems}) == count
    for problem in problems:
        X, y = problem.sample(0, 64)
        assert X.shape == (64, len(problem.columns)) and np.isfinite(y).all()
        assert set(problem.truth.variables) == set(problem.columns)


def test_messages_have_the_length_of_their_vector():
    for problem in load_set("gn"):
        X, _ = problem.sample(0, 100)
        dx, dy, r = (X[:, list(problem.columns).index(name)] for name in ("dx", "dy", "r"))
        np.testing.assert_allclose(np.hypot(dx, dy), r)
        assert r.min() > 0.29


def test_samples_are_those_of_the_seed_and_in_their_range():
    same, again, other = (ROOT.sample(seed, 50)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other) and same.min() >= 1 and same.max() <= 3
    wide, _ = ROOT.sample(0, 500, wider=True)
    assert wide.min() < 0.5 and wide.max() > 4.5
    column = Column(1.0, 1e6, "log", signed=True)
    values = column.draw(np.random.default_rng(0), 1000, False)
    assert (values < 0).any() and 2.5 < np.median(np.log10(abs(values))) < 3.5


def test_columns_of_many_decades_are_logarithmic_and_others_uniform():
    (law,) = (p for p in load_set("development") if p.name == "Kepler's third law")
    assert {column.kind for column in law.columns.values()} == {"log"}
    assert load_set("soose")[0].columns["x_2"] == Column(-10, 10)
    with pytest.raises(ValueError, match="unknown set 'feynmann'; known: aif52"):
        load_set("feynmann")


@pytest.mark.parametrize(
    ("text", "exact", "form"),
    [
        ("sqrt(4*x*y)", True, True),
        ("2*sqrt(x)*sqrt(y)", True, True),
        ("1.9*sqrt(x*y)", False, True),
        ("2.0*x**0.5*y**0.51", False, True),
        ("x + y", False, False),
        ("2*sqrt(x*y) + 0.001*sin(x)", False, False),
        ("2*sqrt(x*y) + 0.1*x + 0.1*y + 0.1*x**2 + 0.1*y**2", False, False),
    ],
)
def test_what_counts_as_the_truth(text, exact, form):
    assert equivalent(ROOT, parse(text), 0) is exact
    assert same_form(ROOT, parse(text), 0) is form


def test_what_agrees_in_a_small_range_alone_is_not_the_truth():
    small = SearchProblem("small", parse("1/(1 - x)"), {"x": Column(1e-5, 1e-4)})
    assert not equivalent(small, parse("exp(x + x**2/2)"), 0)
    assert equivalent(small, parse("-1/(x - 1)"), 0)


def test_measures_of_an_answer():
    good, bad = parse("2*sqrt(x*y)"), parse("x + y")
    answer = Answer(bad, [bad, good])
    found = measure(ROOT, 0, answer.selected, answer.front)
    assert not found["vnrr"] and found["best_vnrr"] and not found["exact"]
    assert found["length_ratio"] == bad.complexity / good.complexity
    X, y = ROOT.sample(1000, 512)
    assert found["fvu"] == pytest.approx(np.mean((X.sum(1) - y) ** 2) / np.var(y))
    assert fraction_left(np.full_like(y, np.nan), y) == np.inf
    nothing = measure(ROOT, 0, None, [])
    assert nothing["fvu"] is None and not nothing["exact"] and nothing["found"] is None
