"""Candidates for one right-hand side: noise, rows with honest errors, sums that are found."""

from __future__ import annotations

import numpy as np
import pytest
from made_series import motion, predator_and_prey

from jaxsym.expr import parse
from jaxsym.odes.forms.candidates import fitted, shortest
from jaxsym.odes.forms.rows import general_jacobians, sample_points, weak_system
from jaxsym.odes.forms.sparse import sparse_sums
from jaxsym.odes.forms.terms import libraries
from jaxsym.odes.measured.reading import time_series
from jaxsym.odes.measured.states import sample_noise, smoothed

TIME = np.linspace(0.0, 12.0, 150)
TRUE = motion(predator_and_prey, [2.0, 1.0], TIME)


def rows_of(states):
    data = time_series(TIME, states, names=["x", "y"])
    found = smoothed(data, sample_noise(data))
    points = sample_points(data, found, 1)
    rates, errors = (np.concatenate(e) for e in ([s.rates[0] for s in found],
                                                 [s.rate_errors[0] for s in found]))  # fmt: skip
    slopes = general_jacobians(points, rates, errors)
    return points, weak_system(data, found, 1, slopes, rates), found[0]


def noisy(share, seed=0):
    return TRUE * (1 + share * np.random.default_rng(seed).normal(size=TRUE.shape))


def test_noise_in_proportion_to_the_reading_is_told_from_constant_noise():
    data = time_series(TIME, noisy(0.03), names=["x", "y"])
    ratio = sample_noise(data)[0] / (0.03 * TRUE)
    assert np.all((ratio > 0.7) & (ratio < 1.4))
    even = TRUE + 0.03 * np.random.default_rng(1).normal(size=TRUE.shape)
    sigma = sample_noise(time_series(TIME, even))[0]
    assert np.all((sigma > 0.024) & (sigma < 0.037))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05])
def test_rates_are_within_their_errors(share):
    _, _, states = rows_of(noisy(share))
    true = np.array(predator_and_prey(0.0, TRUE.T)).T
    off = np.abs(states.rates[0] - true) / states.rate_errors[0]
    assert np.mean(off < 2.0) > 0.8


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05])
def test_the_true_equation_leaves_at_most_noise_of_the_rows_and_is_the_best_sum(share):
    points, rows, _ = rows_of(noisy(share))
    for own, text in zip(rows, ["1.0*x - 1.0*x*y", "1.0*x*y - 1.0*y"], strict=True):
        [true] = fitted([parse(text)], own, points)
        assert true.chi2 < 1.2 * len(own.target)
        sums = [s for known in libraries(points, ["x", "y"]) for s in sparse_sums(known, own)]
        best = shortest(fitted(sums, own, points), len(own.target))[0]
        [same] = fitted([best.expression.with_constants([1.0] * 2)], own, points)
        assert best.expression.tokens == true.expression.tokens
        assert same.chi2 == pytest.approx(true.chi2, rel=1e-6, abs=1e-6)


def test_constants_of_a_linear_map_of_values_are_fitted():
    from jaxsym.expr.fitting.single import least_squares

    x = np.linspace(1.0, 2.0, 30)
    matrix = np.random.default_rng(0).normal(size=(12, 30))
    found = least_squares(
        parse("1.0*x**1.0"), {"x": x}, matrix @ (2.5 * x**1.5), np.ones(12), through=matrix
    )
    np.testing.assert_allclose(found.constants, [2.5, 1.5], rtol=1e-9)
