"""`Expression`: construction, arithmetic, evaluation, equality and serialization."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from fractions import Fraction

import jax.numpy as jnp
import jax.scipy.special
import numpy as np
import pytest
import scipy.special
import sympy

from jaxsym.expr import (
    OPERATORS,
    Expression,
    Operator,
    apply,
    constant,
    from_sympy,
    literal,
    parse,
    variable,
)

x, y = variable("x"), variable("y")
ERF = Operator("erf", 1, jax.scipy.special.erf, sympy.erf, cost=4)
TABLE = dict(OPERATORS) | {"erf": ERF}


def test_arithmetic_builds_prefix_tokens():
    f = 2 * x**2 - y / 3 + 0.5
    assert f.tokens == (
        *("add", "sub", "mul", "2", "square", "x"),
        *("div", "y", "3", "C"),
    )
    assert f.constants == (0.5,)
    assert f.variables == ("x", "y")
    assert f.complexity == 5 + 5
    assert (1 / x).tokens == ("inv", "x")
    assert (x ** Fraction(1, 2)).tokens == ("sqrt", "x")
    assert (2**x).tokens == ("pow", "2", "x")
    assert (1 - abs(-x)).tokens == ("sub", "1", "abs", "neg", "x")
    assert (np.float64(0.5) * x).constants == (0.5,)
    assert (np.int64(3) + x).tokens == ("add", "3", "x")


def test_negative_numbers_need_no_operator():
    assert (-literal(2)).tokens == ("-2",)
    assert (-literal("-2")).tokens == ("2",)
    assert (-constant(1.5)).constants == (-1.5,)
    assert (-literal("pi")).tokens == ("neg", "pi")


def test_constants_follow_the_order_of_their_slots():
    f = (0.1 * x + 0.2) * (y - 0.3)
    assert f.constants == (0.1, 0.2, 0.3)
    assert f.with_constants([1, 2, 3]).evaluate([[10.0, 7.0]]) == (1 * 10 + 2) * (7 - 3)
    with pytest.raises(ValueError, match="2 constants given for 3 slots"):
        f.with_constants([1.0, 2.0])
    with pytest.raises(ValueError, match="constant nan: expected a finite number"):
        f.with_constants([1.0, 2.0, float("nan")])


def test_substitution_is_simultaneous_and_keeps_constants_in_order():
    f = (0.5 * x + y * 2.5).substitute({"x": 1.5 * y, "y": x, "unused": x})
    assert f.constants == (0.5, 1.5, 2.5)
    np.testing.assert_allclose(f.evaluate([[3.0, 4.0]], ["x", "y"]), 0.5 * 1.5 * 4 + 3 * 2.5)


def test_evaluate_follows_columns_and_leading_axes():
    table = np.arange(12.0).reshape(2, 2, 3)
    values = (x - y).evaluate(table, ["y", "unused", "x"])
    np.testing.assert_array_equal(values, [[2.0, 2.0], [2.0, 2.0]])
    assert values.dtype == np.float64
    np.testing.assert_array_equal(literal(2).evaluate(np.ones((3, 0))), [2.0, 2.0, 2.0])


def test_evaluate_gives_ieee_values_outside_the_domain_without_warnings():
    table = [[0.0], [-1.0]]
    np.testing.assert_array_equal(apply("log", x).evaluate(table), [-np.inf, np.nan])
    np.testing.assert_array_equal((1 / x).evaluate(table), [np.inf, -1.0])


def test_missing_columns_and_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="unknown variable 'mass'; did you mean 'mas'"):
        variable("mass").evaluate(np.ones((3, 1)), ["mas"])
    with pytest.raises(ValueError, match=r"X has shape \(3, 3\); expected a last axis of 2"):
        (x + y).evaluate(np.ones((3, 3)))


def test_malformed_tokens_are_refused():
    with pytest.raises(ValueError, match="end too early: 1 more argument expected"):
        Expression(("add", "x"))
    with pytest.raises(ValueError, match="go on after a complete expression: y"):
        Expression(("x", "y"))
    with pytest.raises(ValueError, match="token '1.5' at 1: expected operator"):
        Expression(("neg", "1.5"))
    with pytest.raises(ValueError, match="0 constants given for 1 slots"):
        Expression(("C",))
    with pytest.raises(ValueError, match="variable 'a b': expected an identifier"):
        variable("a b")
    with pytest.raises(ValueError, match="unknown operator 'sine'; did you mean 'sin'"):
        apply("sine", x)
    with pytest.raises(ValueError, match="sin takes 1 arguments, got 2"):
        apply("sin", x, y)
    with pytest.raises(ValueError, match="literal '0.5': expected an integer"):
        literal("0.5")
    with pytest.raises(TypeError):
        x + "y"
    with pytest.raises(TypeError, match="expected an Expression or a number, got str"):
        apply("sin", "x")


def test_expressions_are_immutable_values():
    with pytest.raises(FrozenInstanceError):
        x.tokens = ("y",)
    assert {x + y: "sum"}[y + x] == "sum"
    assert x != y and x != 0.5 * x and 0.5 * x != 0.25 * x
    assert x != "x"


@pytest.mark.parametrize("name", ["C", "e", "pi", "sin", "max", "add", "lambda"])
def test_variables_may_have_any_name(name):
    f = 2.5 * variable(name) + literal("e")
    assert f.variables == (name,)
    assert f.constants == (2.5,)
    np.testing.assert_allclose(f.evaluate([[2.0]]), 5 + np.e)
    assert parse(str(f), variables=[name]) == f
    assert from_sympy(f.sympy()) == f


def test_copies_and_pickles_share_the_table():
    f = 2.5 * x + y
    for twin in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert twin == f
        assert twin.operators is OPERATORS


def test_depth_is_not_limited_by_recursion():
    deep = Expression(("sin",) * 5_000 + ("x",))
    assert abs(deep.evaluate([[1.0]])[0]) < 0.03
    assert str(deep).startswith("sin(sin(")
    assert deep.complexity == 10_001
    chain = Expression(("add", "x") * 2_000 + ("x",))
    assert chain == 2_001 * x


def test_an_operator_of_the_users_own_works_everywhere(x64):
    f = parse("2*erf(x/1.5)", operators=TABLE)
    assert f.tokens == ("mul", "2", "erf", "div", "x", "C")
    assert f.complexity == 1 + 1 + 4 + 1 + 1 + 1
    table = np.linspace(-2, 2, 9)[:, None]
    expected = 2 * scipy.special.erf(table[:, 0] / 1.5)
    np.testing.assert_allclose(f.evaluate(table), expected, rtol=1e-14)
    function, constants = f.jax()
    np.testing.assert_allclose(function(jnp.asarray(table), constants), expected, rtol=1e-14)
    assert str(f) == "2*erf(x/1.5)"
    assert f.latex() == r"2 \operatorname{erf}{\left(0.666667 x \right)}"
    assert from_sympy(f.sympy(), TABLE).canonical() == f.canonical()
    assert (f + y).operators["erf"] is ERF
    assert y.substitute({"y": f}) == f


def test_a_table_may_lack_operators():
    table = {name: OPERATORS[name] for name in ("add", "mul", "sin")}
    f = parse("x*x + sin(x)", operators=table)
    assert f == x**2 + apply("sin", x)
    with pytest.raises(ValueError, match="unknown operator 'div'"):
        parse("x/y", operators=table)


def test_notebooks_typeset_an_expression():
    assert parse("2.5*a/b")._repr_latex_() == r"$\displaystyle \frac{2.5 a}{b}$"
