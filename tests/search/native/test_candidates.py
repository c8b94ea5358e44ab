"""From entries to expressions: fitted sums and products, each form once."""

import numpy as np
import pytest
from made_tables import sample, semantics

from jaxsym.search.native.candidates import Candidates
from jaxsym.search.native.stages.pairs import Pairs


def entry(library, text):
    return next(i for i in range(len(library)) if str(library.expression(i)) == text)


@pytest.fixture(scope="module")
def library():
    return semantics(sample("a*b")).library


def test_a_sum_is_fitted_with_and_without_an_offset(library):
    problem = sample("2*a*b - 3*sin(a) + 0.5")
    pair = [entry(library, "a*b"), entry(library, "sin(a)")]
    found = list(Candidates(library, problem).sums([pair]))
    assert problem.loss(found[0]) < 1e-24
    assert {len(expression.constants) for expression in found} == {2, 3}


def test_a_product_of_sums_is_fitted(library):
    problem = sample("(2*sin(a) + 3)*b - 1")
    f, g = entry(library, "sin(a)"), entry(library, "b")
    found = list(
        Candidates(library, problem).products(Pairs(*np.array([[f], [g], [1.0]]).astype(int)))
    )
    assert min(map(problem.loss, found)) < 1e-24


def test_a_form_is_written_once(library):
    problem = sample("2*a*b - 3*sin(a) + 0.5")
    pair = [entry(library, "a*b"), entry(library, "sin(a)")]
    candidates = Candidates(library, problem)
    assert len(list(candidates.sums([pair, pair[::-1]]))) == 2
    assert list(candidates.sums([pair])) == []


def test_the_way_back_is_the_users(library):
    problem = sample("a*b")
    back = Candidates(library, problem, back=lambda polynomial: iter([len(polynomial)]))
    terms = list(back.sums([[entry(library, "a*b")]]))
    assert sorted(terms) == [1, 2]  # without and with an offset
