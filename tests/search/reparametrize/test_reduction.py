"""Fewer variables by the data: what is found, what is not, and the way back."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.reduction import reductions

NAMES = ("a", "b", "c", "d")


def problem(text, count=300):
    rng = np.random.default_rng(0)
    names = [name for name in NAMES if name in parse(text).variables]
    X = rng.uniform(1.0, 3.0, (count, len(names)))
    y = parse(text).evaluate(X, names)
    return make_problems(
        X, y[:, None], None, variables=names, operators=OPERATORS, max_complexity=30
    )[0]


@pytest.mark.parametrize(
    ("text", "combination"),
    [
        ("exp(-(a - b)**2/c)", "a - b"),
        ("sin(a/b)*c", "a/b"),
        ("log(1 + a*b)/c", "a*b"),
        ("exp(a**2 + b**2 - c*d)", "a**2 + b**2"),
    ],
)
def test_variables_that_only_matter_together(text, combination):
    found = reductions(problem(text), np.random.default_rng(0))
    assert any(combination in str(e) for r in found for e in r.columns.values())


def test_what_is_restored_has_the_values_of_the_target():
    whole = problem("a*b**2/(exp(c/d) - 1)")
    found = reductions(whole, np.random.default_rng(0))
    assert found
    for reduction in found:
        inner = reduction.forward(whole)
        assert len(inner.variables) < 4
        assert all(outside.factor for outside in reduction.outside)
        ratio = reduction.back(parse("1.0")).evaluate(whole.X, whole.variables)
        np.testing.assert_allclose(inner.y * ratio, whole.y, rtol=1e-12)
        for name, expression in reduction.columns.items():
            column = inner.X[:, inner.variables.index(name)]
            np.testing.assert_allclose(expression.evaluate(whole.X, whole.variables), column)


def test_a_term_outside():
    (reduction, *_) = reductions(problem("a - 2*b + sin(c*d)"), np.random.default_rng(0))
    assert len(reduction.columns) < 4
    assert any(not outside.factor for outside in reduction.outside)


def test_nothing_is_reduced_where_all_variables_matter():
    assert reductions(problem("sin(a*b + c) + a*c"), np.random.default_rng(0)) == []
