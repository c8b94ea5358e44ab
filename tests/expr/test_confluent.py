"""Exponentials of nearly equal rates are merged."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.expr.confluent import confluent
from jaxsym.search import SymbolicRegressor

R = np.geomspace(0.3, 5.0, 200)[:, None]


@pytest.mark.parametrize(
    "text",
    [
        "388.0*exp(-0.589*r) - 389.0*exp(-0.5875*r)",
        "(388.0*exp(-0.589*r) - 389.0*exp(-0.5875*r))/r**2 + 0.5",
        "7.0*m*exp(1.02*r) - 6.9*m*exp(1.03*r) - r",
    ],
)
def test_what_is_merged_keeps_its_values_nearly(text):
    before = parse(text)
    table = np.column_stack([R, np.ones(len(R))])
    [after] = confluent(before)
    assert str(after).count("exp") == 1 and after.complexity <= before.complexity
    true = before.evaluate(table, ["r", "m"])
    np.testing.assert_allclose(after.evaluate(table, ["r", "m"]), true, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize(
    "text",
    [
        "2.0*exp(-1.5*r) - 3.0*exp(-3.0*r)",  # two rates
        "2.0*exp(-0.589*r) + 3.0*exp(-0.5875*r)",  # nothing cancels
        "388.0*exp(-0.589*r)/r - 389.0*exp(-0.5875*r)",  # other factors
        "388.0*exp(-0.589*r) - 389.0*exp(-0.5875*m)",
        "2.0*exp(-r)",
    ],
)
def test_what_is_left_alone(text):
    assert list(confluent(parse(text))) == []


def test_a_screened_force_is_found_as_one_exponential():
    y = (1 + R[:, 0] / 1.7) * np.exp(-R[:, 0] / 1.7)
    start = "388.0*exp(-0.58900*r) - 387.0*exp(-0.5875*r)"
    model = SymbolicRegressor(guesses=[start], time_limit=1.0, engine="native")
    model.fit(R, y, variables=["r"])
    short = [c.expression for c in model.fronts_[0] if str(c.expression).count("exp") == 1]
    best = min(short, key=lambda e: np.abs(e.evaluate(R, ["r"]) - y).max())
    np.testing.assert_allclose(best.evaluate(R, ["r"]), y, rtol=1e-5)
