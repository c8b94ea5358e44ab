"""What a person would write."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.expr.bases import has_literal_bases, powers_of_numbers
from jaxsym.expr.presentation import presentable, with_fewer_constants

X = np.random.default_rng(0).uniform(0.2, 0.9, (50, 2))


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ("exp(x)/2 - exp(-x)/2", "sinh(x)"),
        ("1.5*exp(0.7*x) + 1.5*exp(-0.7*x) + y", "y + 3*cosh(0.7*x)"),
        ("(exp(x) - exp(-x))/(exp(x) + exp(-x))", "tanh(x)"),
        ("2/(1 + exp(-2*x)) - 1", "tanh(x)"),
        ("x**2 - 2*x + 1", "(x - 1)**2"),
        ("x**2 + 2*x*y + y**2", "(x + y)**2"),
        ("(x + 1)*(x - 1)", "x**2 - 1"),
        ("-(y + 1)/(y - 1)", "(y + 1)/(1 - y)"),
        ("365*sqrt(x**3)", "365*x**(3/2)"),
        ("x*sqrt(-1/(y**2 - 1))", "x/sqrt(1 - y**2)"),
        ("sqrt(y)/sqrt(y/(x**2 + 1))", "sqrt(x**2 + 1)"),
        ("abs(x)*sin(2*pi*abs(x))", "x*sin(2*pi*x)"),
        ("0.25*(4.0*x + 4.0)/y", "(x + 1)/y"),
        ("exp(-(x**2))/(sqrt(2)*sqrt(pi))", "exp(-x**2)/sqrt(2*pi)"),
    ],
)
def test_the_shortest_text_is_taken(found, written):
    own = parse(found)
    form = presentable(own)
    assert str(form) == written
    np.testing.assert_allclose(form.evaluate(X, ["x", "y"]), own.evaluate(X, ["x", "y"]))


@pytest.mark.parametrize("text", ["x*y/2", "sin(x) + y", "x", "2.5", "1/(x + 1)", "x**2.3*y"])
def test_what_is_short_stays_as_it_is(text):
    own = parse(text).canonical()
    assert presentable(own) is own


def test_only_forms_that_hold_are_taken():
    own = parse("abs(x)*sin(abs(x))")
    assert str(presentable(own, lambda form: "abs" in form.tokens)) == str(own.canonical())


def test_conditionals_are_left_whole():
    own = parse("Piecewise((x**2 - 2*x + 1, x > y), (3*sqrt(x**3), True))")
    assert str(presentable(own)) == "Piecewise(((x - 1)**2, x > y), (3*x**(3/2), True))"


def test_a_product_has_one_constant():
    (found,) = with_fewer_constants(parse("0.5*(2.0*x + 3.0)*(1.5*y - 4.5)"))
    assert len(found.constants) == 2
    np.testing.assert_allclose(found.evaluate([[1.0, 2.0]]), [0.5 * 5.0 * -1.5])
    assert not list(with_fewer_constants(parse("2.5*x + 1.5")))


def test_exponentials_are_powers_of_numbers():
    own = parse("exp(0.6931471805599453*a - 1.0986122886681098*b + 0.5)")
    (found,) = powers_of_numbers(own)
    np.testing.assert_allclose(found.evaluate(X, ["a", "b"]), own.evaluate(X, ["a", "b"]))
    assert "exp" not in found.tokens and not has_literal_bases(found)
    assert not list(powers_of_numbers(parse("2.5*exp(a)")))
    assert has_literal_bases(parse("2**a/3**b"))
