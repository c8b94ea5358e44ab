"""Parts of formulas: values, what they would have to be, and slopes against finite differences."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.subtrees import (
    desired,
    part_ends,
    spliced,
    to_expression,
    to_formula,
    trace,
)

X = np.random.default_rng(0).uniform(0.2, 0.9, (40, 2))
COLUMNS = {"x": X[:, 0], "y": X[:, 1]}


@pytest.mark.parametrize(
    "text",
    [
        "2.5*exp(-x/y) + 1",
        "sin(x*y)/(x - 3.0*y)",
        "sqrt(x**2 + y**2)*cos(x)",
        "log(x + 1.5)**2 - tanh(y)/x",
        "asin(x)*atan(y) + x**1.5 - 0.5**y",
    ],
)
def test_desired_values_are_those_that_a_part_has(text):
    expression = parse(text)
    formula = to_formula(expression)
    traced = trace(formula, COLUMNS, OPERATORS)
    np.testing.assert_allclose(traced.values[0], expression.evaluate(X, ["x", "y"]))
    assert traced.ends == part_ends(formula, OPERATORS)
    assert to_expression(formula, OPERATORS) == expression
    target = traced.values[0] * np.ones(len(X))
    for place in range(len(formula)):
        values, slope = desired(traced, place, target, OPERATORS)
        np.testing.assert_allclose(values, traced.values[place] * np.ones(len(X)), rtol=1e-9)
        part = formula[place : traced.ends[place]]
        moved = trace(spliced(traced, place, ("add", 1e-6, *part)), COLUMNS, OPERATORS).values[0]
        np.testing.assert_allclose((moved - target) / 1e-6, slope * np.ones(len(X)), rtol=1e-3)


def test_a_conditional_cannot_be_inverted():
    formula = to_formula(parse("x if x > y else 2*y"))
    traced = trace(formula, COLUMNS, OPERATORS)
    assert desired(traced, 3, COLUMNS["x"], OPERATORS) is None


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_least_squares_at_any_scale(scale):
    x = np.linspace(1.0, 3.0, 50) * scale
    y = 2.5e-7 * x * np.exp(-0.7 * x / scale)
    start = parse("1.0*x*exp(-1.0*x)").with_constants([1e-7, 0.5 / scale])
    found = least_squares(start, {"x": x}, y, np.ones(50))
    np.testing.assert_allclose(np.abs(found.constants), [2.5e-7, 0.7 / scale], rtol=1e-9)


def test_several_starts_end_at_the_best():
    x = np.linspace(0.0, 6.0, 80)
    y = np.sin(3.0 * x)
    starts = np.array([[0.5], [2.7]])
    found = least_squares(parse("sin(1.0*x)"), {"x": x}, y, np.ones(80), starts=starts)
    np.testing.assert_allclose(np.abs(found.constants), [3.0], rtol=1e-9)
    assert found.loss < 1e-25
