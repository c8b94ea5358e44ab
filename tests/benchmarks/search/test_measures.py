"""What counts as found."""

import numpy as np
import pytest

from benchmarks.search.engines import Answer
from benchmarks.search.measures import equivalent, fraction_left, measure, same_form
from benchmarks.search.problems import Column, SearchProblem
from jaxsym.expr import parse

ROOT = SearchProblem("root", parse("2*sqrt(x*y)"), {n: Column(1.0, 3.0) for n in "xy"})


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
