"""The canonical form: equal formulas meet, values stay, sympy agrees."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_expressions import NAMES, expressions, has_values

from jaxsym.expr import constant, literal, parse, variable

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
POINTS = np.vstack([np.random.default_rng(0).normal(size=(40, 3)) * scale for scale in (1, 3)])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("x + x - 3*x", "-x"),
        ("x - x", "0"),
        ("b*a + a*b", "2*a*b"),
        ("x*x*x/x**5", "1/x**2"),
        ("x/x", "1"),
        ("sqrt(x)*sqrt(x)", "x"),
        ("sqrt(x**2)", "sqrt(x**2)"),
        ("(x*y)**2/x", "x*y**2"),
        ("sqrt(4*x*y)", "2*sqrt(x*y)"),
        ("sqrt(-x)*sqrt(8)*sqrt(1/2)", "sqrt(2)*sqrt(8)*sqrt(-x)/2"),
        ("(x - y)/(y - x)", "-1"),
        ("-(x - y)", "y - x"),
        ("2*x + 2*y", "2*(x + y)"),
        ("x/2 + y/2 - 3/2", "(x + y - 3)/2"),
        ("x/2 + y/3", "x/2 + y/3"),
        ("2*(x - 1)*y/x", "2*y*(x - 1)/x"),
        ("3/6 + 1/3", "5/6"),
        ("1.5*2 - x*0.5*4", "3.0 - 2.0*x"),
        ("0*x + 0", "0"),
        ("x + 0.0", "x"),
        ("2**10 + sqrt(9/4)", "2051/2"),
        ("2**-0.5", "0.7071067811865476"),
        ("exp(x)*exp(-x)*exp(0)", "1"),
        ("exp(x)**2*exp(y)", "exp(2*x + y)"),
        ("e**x*log(e)", "exp(x)"),
        ("sin(-x) + cos(-x)", "cos(x) - sin(x)"),
        ("sin(0) + cos(0) + acos(1)", "1"),
        ("sin(1.5)", "0.9974949866040544"),
        ("abs(-2*x)*abs(-1.5)", "3.0*abs(x)"),
        ("sign(-3*x)*sign(2)", "-sign(x)"),
        ("Max(y, 2, Max(x, 3), x)", "Max(Max(3, x), y)"),
        ("Min(2.5, x, 1)", "Min(1, x)"),
        ("a if 2 > 1 else b", "a"),
        ("a if x > y else a", "a"),
        ("x**(-y)*x**y", "1"),
        ("2**(-y) - 1/2**y", "0"),
        ("1.5*pi", "1.5*pi"),
        ("log(-1)", "log(-1)"),
        ("1/0 + x", "x + 1/0"),
    ],
)
def test_rules(text, canonical):
    assert str(parse(text).canonical()) == canonical


@SETTINGS
@given(expressions())
def test_canonical_is_idempotent_and_reads_back(f):
    canonical = f.canonical()
    assert canonical.canonical().tokens == canonical.tokens
    assert canonical.canonical().constants == canonical.constants
    assert parse(str(canonical)).tokens == canonical.tokens
    assert f == canonical and hash(f) == hash(canonical)


@SETTINGS
@given(expressions())
def test_values_stay_where_the_expression_has_one(f):
    before, after = (g.evaluate(POINTS, NAMES) for g in (f, f.canonical()))
    finite = has_values(f, POINTS)
    # a shift of the last bit at a jump or cancellation may change few points, never many
    same = np.isclose(after[finite], before[finite], rtol=1e-6, atol=1e-9)
    assert same.sum() >= 0.95 * finite.sum()


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(expressions(), expressions(), expressions())
def test_sums_and_products_commute_and_exact_ones_associate(f, g, h):
    assert f + g == g + f
    assert f * g == g * f
    assert f - g == -(g - f)
    assume(not f.constants + g.constants + h.constants)
    assert (f + g) + h == f + (g + h)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions(st.floats(allow_nan=False, allow_infinity=False)))
def test_extreme_constants_never_break_it(f):
    assert f.canonical().canonical() == f.canonical()
    assert parse(str(f)) == f


def test_folding_stops_at_the_range_of_float64():
    x = variable("x")
    for f in (constant(1e200) * x * constant(1e200), constant(1e-200) * x * constant(1e-200)):
        assert f.canonical().evaluate([[3.0]]) == f.evaluate([[3.0]])
        assert 1e200 in f.canonical().constants or 1e-200 in f.canonical().constants
    huge = literal(10) ** literal(400) * x
    assert huge.canonical().tokens == huge.tokens
    tower = (x ** literal(10**300)) ** literal(10**300)
    assert tower.canonical().tokens == tower.tokens
    assert f == constant(1e-200) * x * constant(1e-200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x**2*x**0.3", "x**2.3"),
        ("x**0.25*x**0.5", "x**0.75"),
        ("y*x**2.5/x", "x**1.5*y"),
        ("x**0.5/x**2", "1/x**1.5"),
        ("(x + 1)**2*(x + 1)**0.5", "(x + 1)**2.5"),
        ("(x**0.3)**2", "x**0.6"),
        ("x**1.25/x**1.25", "1"),
        ("x**0.3*y**0.3", "x**0.3*y**0.3"),
    ],
)
def test_real_powers_of_one_base_are_one_power(text, expected):
    found = parse(text).canonical()
    assert found == parse(expected) and found.tokens.count("pow") == expected.count("**")
    assert found.canonical().tokens == found.tokens
