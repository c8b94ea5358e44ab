"""Snapping: exact numbers where the data allow them, and nowhere else."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.expr.fitting.snapping import snap


def data(text, noise=0.0, seed=0, low=0.5, high=3.0):
    """Points, and targets with relative noise."""
    truth = parse(text)
    rng = np.random.default_rng(seed)
    X = rng.uniform(low, high, (500, len(truth.variables)))
    y = truth.evaluate(X)
    return X, y * (1 + noise * rng.normal(size=500))


@pytest.mark.parametrize(
    ("truth", "fitted"),
    [
        ("2*x**3", "2.0000000001*x**2.9999999999"),
        ("x/2 - 3*y", "0.49999999*x - 3.00000002*y"),
        ("2/3*x", "0.66666667*x"),
        ("sin(2*pi*x)", "1.0000001*sin(6.28318*x + 1e-9)"),
        ("pi/4*x + e", "0.785398*x + 2.71828"),
        ("x/y", "1.0000001*x/y + 1e-9*x - 1e-9"),
    ],
)
def test_exact_data(truth, fitted):
    X, y = data(truth)
    assert snap(parse(fitted), X, y) == parse(truth)


@pytest.mark.parametrize("noise", [1e-3, 1e-2, 1e-1])
def test_noise_does_not_hide_simple_numbers(noise):
    X, y = data("2*x**3", noise)
    assert snap(parse("1.9*x**3.1"), X, y) == parse("2*x**3")


def test_a_number_that_is_not_simple_is_refitted_and_stays():
    X, y = data("1.2345678*x**2")
    found = snap(parse("1.2*x**2.1"), X, y)
    assert found.tokens == parse("1.2*x**2").canonical().tokens
    np.testing.assert_allclose(found.constants, [1.2345678], rtol=1e-12)


def test_precise_data_refuse_what_noisy_data_accept():
    X, exact = data("2.001*x")
    assert snap(parse("2.0*x"), X, exact).constants == pytest.approx((2.001,), rel=1e-12)
    _, noisy = data("2.001*x", noise=0.1)
    assert snap(parse("2.0*x"), X, noisy) == parse("2*x")


def test_tolerance_overrules_the_likelihood():
    X, y = data("2.02*x + sin(5*x)/10")
    strict, lenient = (snap(parse("2.02*x"), X, y, tolerance=t) for t in (0.0, 1.0))
    assert strict.constants and not lenient.constants
    assert lenient == parse("2*x")


def test_named_constants():
    X, y = data("9.80665*x", noise=1e-3)
    (value,) = snap(parse("9.8*x"), X, y, named={"g": 9.80665}).constants
    assert value == 9.80665
    with pytest.raises(ValueError, match="named constant 'x' is also a variable"):
        snap(parse("9.8*x"), X, y, named={"x": 1.0})


def test_weights_decide_which_points_count():
    X, y = data("2*x")
    y[:100] = 7.0
    weights = np.r_[np.zeros(100), np.ones(400)]
    assert snap(parse("1.9*x"), X, y, weights=weights) == parse("2*x")


def test_columns_by_name():
    X, y = data("x + 2*y")
    assert snap(parse("2.0*y + 1.0*x"), X, y, variables=["x", "y"]) == parse("x + 2*y")


@pytest.mark.parametrize(
    "text", ["sqrt(2)*x", "x/(2*pi)", "sqrt(3)*x/2", "2*x/sqrt(pi)", "x/sqrt(2*pi)", "1.4142*x"]
)
def test_roots_and_decimals_with_an_even_end_are_found(text):
    x = np.linspace(1.0, 3.0, 60)[:, None]
    law = parse(text)
    slope = float(law.evaluate(np.ones((1, 1)))[0])
    found = snap(parse("1.0*x").with_constants([slope * (1 + 1e-15)]), x, law.evaluate(x))
    assert found == law


def test_roots_are_not_read_into_noise():
    rng = np.random.default_rng(12)
    x = np.linspace(1.0, 3.0, 60)[:, None]
    for slope in rng.uniform(0.3, 3.0, 40):
        found = snap(parse("1.0*x"), x, slope * x[:, 0] + 0.05 * rng.normal(size=60))
        assert "sqrt" not in found.tokens and "pi" not in found.tokens
