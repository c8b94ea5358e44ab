"""Formulas for functions of distance with errors."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.distill.measured.radial_forms import radial_forms
from jaxsym.expr import parse
from jaxsym.inference.weak.splines import DistanceSpline

R = np.quantile(np.random.default_rng(0).uniform(0.3, 3.0, 2000), np.linspace(0.005, 0.995, 60))


def profile(true: str, seed: int = 0, share: float = 2e-3):
    """Sizes with errors as splines have them, and their covariance."""
    size = parse(true).evaluate(R[:, None], ["r"])
    spread = share * (np.abs(size) + np.median(np.abs(size)))
    pieces = DistanceSpline(R, 8).values(R)
    noise = spread * (pieces @ np.random.default_rng(seed).normal(size=pieces.shape[1]))
    return R, size + noise, np.outer(spread, spread) * (pieces @ pieces.T)


@pytest.mark.parametrize(
    ("true", "constants"),
    [
        ("2*r - 1.98", [1.98, 2.0]),
        ("1.3/(r + 0.05)", [0.05, 1.3]),
        ("0.7/r**2", [0.7]),
        ("1.3*r**-5 - 1.7*r**-9", [1.3, 1.7]),
        ("18*exp(-1.5*r) - 110*exp(-3.0*r)", [-3.0, -1.5, 18.0, 110.0]),
    ],
)
def test_textbook_forms_come_first(true, constants):
    best = radial_forms(*profile(true))[0]
    found = sorted(best.expression.constants)
    assert len(found) == len(constants)
    np.testing.assert_allclose(found, constants, rtol=0.1)


def test_an_exponential_that_terms_share_is_written_once():
    forms = radial_forms(*profile("exp(-0.6*r)*(1/r**2 + 0.6/r)"))
    shared = [form.expression for form in forms if len(form.expression.constants) == 3]
    assert any(str(e).count("exp") == 1 and "/r**2" in str(e) for e in shared)


def test_formulas_of_a_search_are_fitted_and_ranked():
    true = "3.0*sin(2.0*r)"
    best = radial_forms(*profile(true), [parse("2.5*sin(1.9*r)")])[0]
    np.testing.assert_allclose(sorted(best.expression.constants), [2.0, 3.0], rtol=0.02)


def test_errors_that_are_too_small_do_not_make_long_formulas():
    r, size, covariance = profile("0.7/r**2")
    biased = size * (1 + 0.02 * np.sin(9 * r))
    best = radial_forms(r, biased, covariance)[0]
    assert str(best.expression).endswith("/r**2") and len(best.expression.constants) == 1
