"""Separable least squares: sinusoids and exponentials with any rates, and ratio targets."""

import numpy as np
import pytest
from made_tables import ROWS, fits, sample, semantics

from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.stages.separable import (
    EXPONENTIALS,
    SINUSOIDS,
    SimpleEntries,
    quotients,
    separable_formulas,
    shortest_form,
    unlike,
)

COUNT = SearchBudget().rates


def never():
    return False


@pytest.mark.parametrize(
    "text",
    [
        "b*sin(17.3*a/b)",
        "a/b*(1.5*cos(20*a*b + 0.4) - 0.3)",
        "2 - 0.5*cos(11*a)",
        "sin(9*(a - b))",
    ],
)
def test_fast_sinusoids_are_found_exactly(text):
    problem = sample(text)
    assert fits(
        problem, separable_formulas(problem, semantics(problem), SINUSOIDS, COUNT, never), 1e-16
    )


@pytest.mark.parametrize(
    "text",
    [
        "18.56*exp(-1.3*a) - 88.3*exp(-2.6*a)",
        "b*(2*exp(-0.9*a) + 0.3*exp(1.7*a) - 0.4)",
        "1.7*a**-7.5 - 3.1*a**-3.5",
        "(a**2.3 - 2*a**0.4)/b",
    ],
)
def test_two_exponentials_or_powers_are_found_exactly(text):
    problem = sample(text)
    found = separable_formulas(problem, semantics(problem), EXPONENTIALS, COUNT, never)
    assert fits(problem, found, 1e-16)


@pytest.mark.parametrize("family", [EXPONENTIALS, SINUSOIDS])
def test_nothing_is_fitted_when_time_is_over(family):
    problem = sample("exp(-1.3*a) - 2*exp(-2.6*a)")
    assert separable_formulas(problem, semantics(problem), family, COUNT, lambda: True) == []


def test_quotients_are_those_of_the_target_with_errors_of_the_target():
    problem = sample("a*b")
    library = semantics(problem)
    entries = np.argsort(library.library.complexity, kind="stable")[:6].tolist()
    found = quotients(problem, library.library, entries)
    assert 0 in found.entries  # the number 1
    for entry, values, weights in zip(found.entries, found.values, found.weights, strict=True):
        own = library.library.values[entry]
        np.testing.assert_allclose(values * own, problem.y)
        np.testing.assert_allclose(weights, own**2 / np.sum(own**2))
    np.testing.assert_allclose(np.sum(found.weights * found.standard() ** 2, axis=1), 1)


def test_an_entry_that_is_zero_somewhere_divides_nothing():
    problem = sample("a*b")
    library = semantics(problem)
    library.library.values[5, 3] = 0.0
    assert 5 not in quotients(problem, library.library, [0, 5]).entries


def test_linear_copies_and_constants_are_left_out():
    x = np.random.default_rng(0).normal(size=(2, ROWS))
    values = np.stack([np.ones(ROWS), x[0], 3 - 2 * x[0], x[1], x[0] ** 2])
    assert unlike(values, [0, 1, 2, 3, 4]) == [1, 3, 4]


def test_noise_needs_no_further_function():
    rng = np.random.default_rng(0)
    columns = np.stack([rng.normal(size=200), rng.normal(size=200), np.ones(200)])
    noisy = 2 * columns[0] + rng.normal(size=200)
    assert set(shortest_form(columns, noisy, np.full(200, 1 / 200))) == {0}


@pytest.mark.parametrize(
    "text", ["2 - 0.5*cos(11*a)", "b*sin(17.3*a)", "3*exp(-1.3*a) - exp(-4*a)"]
)
def test_the_simplest_entries_are_enough_for_most_waves_and_decays(text):
    problem = sample(text)
    entries = SimpleEntries(problem)
    assert len(entries.library) <= 48 and entries.library.complexity.max() <= 3
    found = [
        formula
        for family in (SINUSOIDS, EXPONENTIALS)
        for formula in separable_formulas(problem, entries, family, 8, never)
    ]
    assert fits(problem, found, 1e-16)
