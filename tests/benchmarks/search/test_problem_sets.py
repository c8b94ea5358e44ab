"""The problem sets of the search benchmark."""

import numpy as np
import pytest

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
