"""The library: values belong to expressions, entries differ, and nothing simple is missing."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.native.library import build_library
from jaxsym.search.native.polynomials import arrangements, expand
from jaxsym.search.problem.problem import make_problems

NAMES = ("x", "y", "z")


def make(size=3000, seed=0):
    X = np.random.default_rng(seed).uniform(0.5, 3.0, (120, 3))
    y = X[:, 0] * X[:, 1] / X[:, 2] ** 3
    (sample,) = make_problems(
        X, y[:, None], None, variables=NAMES, operators=OPERATORS, max_complexity=30
    )
    return build_library(sample, y[None], size=size), sample


@pytest.fixture(scope="module")
def library_and_sample():
    return make()


def test_values_are_those_of_the_expressions(library_and_sample):
    library, sample = library_and_sample
    for entry in np.random.default_rng(1).choice(len(library), 200, replace=False).tolist():
        expression = library.expression(entry)
        assert expression.complexity == library.complexity[entry]
        expected = expression.evaluate(sample.X, NAMES)
        np.testing.assert_allclose(library.values[entry], expected, rtol=1e-10)


def test_no_two_entries_agree_up_to_a_factor(library_and_sample):
    library, _ = library_and_sample
    unit = library.values / np.linalg.norm(library.values, axis=1, keepdims=True)
    overlap = np.abs(unit[:800] @ unit[:800].T) - np.eye(800)
    assert overlap.max() < 1 - 1e-14


def find(library, sample, text):
    values = parse(text).evaluate(sample.X[:, : len(parse(text).variables)])
    ratio = library.values / values
    return np.flatnonzero(np.ptp(ratio, axis=1) < 1e-9 * np.abs(ratio).max(1))


@pytest.mark.parametrize("text", ["x", "x + y", "x*y", "exp(x)", "sin(x)", "1/x**3", "sqrt(x)*y"])
def test_simple_expressions_are_there(library_and_sample, text):
    assert len(find(*library_and_sample, text)) == 1


def test_what_the_target_asks_for_is_there(library_and_sample):
    library, sample = library_and_sample
    assert len(find(library, sample, "x*y/z**3")) == 1


def test_size_is_kept_and_simplest_is_closed(library_and_sample):
    library, sample = library_and_sample
    assert len(library) <= 3000
    small = library.simplest(300)
    assert 50 < len(small) <= 300
    for entry in range(len(small)):
        expected = small.expression(entry).evaluate(sample.X, NAMES)
        np.testing.assert_allclose(small.values[entry], expected, rtol=1e-10)


def test_functions_are_not_nested(library_and_sample):
    library, _ = library_and_sample
    names = {"exp", "log", "sin", "cos"}
    for entry in range(len(library)):
        assert sum(token in names for token in library.expression(entry).tokens) <= 2


def test_expanded_entries_keep_their_values(library_and_sample):
    library, sample = library_and_sample
    sums = np.flatnonzero(library.sums)
    assert len(sums) > 20
    for entry in sums[:: len(sums) // 20].tolist():
        for form in arrangements(expand(library, entry)):
            values = form.evaluate(sample.X, NAMES)
            np.testing.assert_allclose(values, library.values[entry], rtol=1e-9, atol=1e-12)


def test_the_same_data_give_the_same_library():
    first, second = make()[0], make()[0]
    assert np.array_equal(first.values, second.values)
