"""Laws in other units and forms keep their values, and their constants' errors."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.distill.measured.restating import (
    MotionUnits,
    StatedLaw,
    in_data_units,
    restated,
)
from jaxsym.expr import parse
from jaxsym.laws import VARIABLES, ParticleLaw
from jaxsym.laws.units import NaturalUnits

INPUTS = np.random.default_rng(0).uniform(0.5, 2.0, (200, len(VARIABLES)))


def test_the_strength_of_gravity_in_other_units():
    law = ParticleLaw(parse("39.5*m2/r**3"), False, 3)
    au, year, sun = 1e11, 1e7, 1e30
    units = MotionUnits(NaturalUnits(au, au / year, au / year**2, sun, 1.0), year, 0.0)
    scales = np.array([au, sun, sun, 1.0, 1.0])
    found = in_data_units(StatedLaw(law, np.array([[0.01**2]])), units, INPUTS * scales)
    [strength] = found.law.coefficient.constants
    assert strength == pytest.approx(39.5 * au**3 / year**2 / sun)
    assert found.errors[0] / strength == pytest.approx(0.01 / 39.5)


def test_drag_and_field_have_units_too():
    law = ParticleLaw(parse("2.0/r"), False, 2, parse("-0.5/m1"), (3.0, 0.0))
    units = MotionUnits(NaturalUnits(10.0, 1000.0, 1e5, 1.0, 1.0), 0.01, 7.0)
    covariance = np.diag([0.01, 0.02, 0.03, 0.04]) ** 2
    found = in_data_units(StatedLaw(law, covariance), units, INPUTS * [10.0, 1, 1, 1, 1])
    assert found.law.coefficient.constants == pytest.approx((2.0 * 1e5,))
    assert found.law.drag.constants == pytest.approx((-50.0,))
    assert found.law.field == pytest.approx((3e5, 0.0))
    np.testing.assert_allclose(found.errors, [0.01 * 1e5, 2.0, 0.03e5, 0.04e5], rtol=1e-6)


def test_errors_follow_into_another_form():
    law = ParticleLaw(parse("2.0*(r - 0.5)/r"), True, 2)
    covariance = np.array([[0.01, 0.002], [0.002, 0.04]])
    other = ParticleLaw(parse("2.0 - 1.0/r"), True, 2)
    found = restated(StatedLaw(law, covariance), other, INPUTS)
    slope = np.array([[1.0, 0.0], [0.5, 2.0]])  # of (a, a b) by (a, b)
    np.testing.assert_allclose(found.covariance, slope @ covariance @ slope.T, rtol=1e-6)


def test_a_force_as_an_acceleration():
    law = ParticleLaw(parse("2.0*m2/r"), False, 2)
    found = restated(
        StatedLaw(law, np.array([[0.09]])), ParticleLaw(parse("2.0*m1*m2/r"), True, 2), INPUTS
    )
    np.testing.assert_allclose(found.errors, [0.3], rtol=1e-6)


@pytest.mark.parametrize(
    ("law", "length"),
    [
        ("(2.0*r - 1.99)/(m1*r)", 1e3),
        ("1.3*m2/(r*(r - 0.003)**2)", 1e11),
        ("m2*exp(-0.5*r)*(1.0/r + 2.0/r**2)", 100.0),
    ],
)
def test_other_units_bring_no_more_constants(law, length):
    """Factors beside the constants would leave these open, and their errors with them."""
    given = StatedLaw(ParticleLaw(parse(law), False, 2), np.diag([1e-6, 2e-6, 3e-6]))
    count = len(given.law.coefficient.constants)
    given = given._replace(covariance=given.covariance[:count, :count])
    units = MotionUnits(NaturalUnits(length, 10.0, 100.0, 1.0, 1.0), 0.1, 0.0)
    found = in_data_units(given, units, INPUTS * [length, 1, 1, 1, 1])
    assert found.law.coefficient.tokens == given.law.coefficient.tokens
    values = given.law.coefficient.evaluate(INPUTS, VARIABLES) * 100.0 / length
    again = found.law.coefficient.evaluate(INPUTS * [length, 1, 1, 1, 1], VARIABLES)
    np.testing.assert_allclose(again, values, rtol=1e-9)
    relative = found.errors / np.abs(found.law.coefficient.constants)
    assert np.linalg.matrix_rank(found.covariance / np.outer(found.errors, found.errors)) == count
    before = given.errors / np.abs(given.law.coefficient.constants)
    assert relative[0] == pytest.approx(before[0], rel=1e-6)


def test_masses_in_units_of_a_body_have_one_without_error():
    law = ParticleLaw(parse("2.0/(m1*r)"), False, 2)
    one = StatedLaw(law, np.diag([0.1, 0.0, 0.2]), np.array([1.0, 3.0]))
    assert one.unit_body == 0 and StatedLaw(law, np.eye(1)).unit_body is None
    assert one._replace(covariance=np.eye(3)).unit_body is None
