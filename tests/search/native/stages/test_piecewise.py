"""Laws that change at a threshold."""

import jax
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.pipeline import CLOSED_FORMS
from jaxsym.search.native.stages.piecewise import edge_laws, find_split, piecewise_laws
from jaxsym.search.native.state import SearchState
from jaxsym.search.problem.problem import make_problems

NAMES = ("r", "m1")
SIZES = SearchBudget(small=500, library=500)
X = np.random.default_rng(0).uniform(0.5, 4.0, (300, 2))


def state(text, noise=0.0):
    y = parse(text).evaluate(X, NAMES)
    y = y + noise * np.std(y) * np.random.default_rng(1).normal(size=len(y))
    problems = make_problems(
        X, y[:, None], None, variables=NAMES, operators=DEFAULT_OPERATORS, max_complexity=30
    )
    return SearchState.of(problems, SIZES, jax.random.key(0))


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_threshold_lies_between_the_samples_around_it(noise):
    own = state("2 - 2/r if r > 2 else 0", noise)
    split = find_split(own.problem, own.sample, own.libraries.small)
    assert split.column == 0
    assert split.low <= 2.0 < split.high
    assert not np.any((X[:, 0] > split.low) & (X[:, 0] < split.high))


def test_no_threshold_where_there_is_none():
    own = state("3*m1/r - 2*m1", 0.01)
    assert find_split(own.problem, own.sample, own.libraries.small) is None


def test_either_side_has_a_search_of_its_own():
    own = state("3*m1/r if r > 2 else m1 + r")
    found = list(piecewise_laws(own, CLOSED_FORMS))
    assert min(map(own.problem.loss, found)) < 1e-20
    assert {"power laws on one side", "sums of columns on one side"} <= own.costs.keys()


@pytest.mark.parametrize("at", [0.6, 3.9])
def test_a_law_of_most_rows_is_followed_to_where_it_fails(at):
    own = state(f"Piecewise((3*r**2, r > {at}), ({3 * at}*r, True))")
    found = list(edge_laws(own, CLOSED_FORMS))
    assert min(map(own.problem.loss, found)) < 1e-20
    best = min(found, key=own.problem.loss)
    assert best.tokens[0] == "if_greater"


def test_no_law_at_the_edge_where_one_law_is_enough():
    assert not list(edge_laws(state("3*m1/r - 2"), CLOSED_FORMS))
    few = state("3*r")
    few = few.of_part(few.problem.rows(np.arange(12)), SIZES, "")
    assert not list(edge_laws(few, CLOSED_FORMS))
