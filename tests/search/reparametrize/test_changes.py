"""Changes of variables and templates: there and back."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search.engines.protocol import DEFAULT_OPERATORS
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.change import Change, solvable
from jaxsym.search.reparametrize.templates import read_template

X = np.random.default_rng(0).uniform(0.5, 2.0, (50, 2))


def problem(y, weights=None):
    (made,) = make_problems(
        X,
        np.asarray(y)[:, None],
        weights,
        variables=["d", "r"],
        operators=DEFAULT_OPERATORS,
        max_complexity=30,
    )
    return made


OUTER = [
    *("A*d", "d/A", "A/d", "d - A", "A + r", "-A", "exp(A)*d", "log(A)", "sqrt(A)", "A**2", "A**3"),
    *("sin(A)", "cos(A)", "tan(A)", "asin(A)", "acos(A)", "atan(A)", "sinh(A)", "cosh(A)"),
    *("tanh(A)", "asinh(A)", "A**r", "d**A + 1", "1/(A + 2*d)", "2.5*sqrt(d**2 + A)"),
]


@pytest.mark.parametrize("text", OUTER)
def test_the_unknown_part_is_solved_for(text):
    outer = parse(text)
    assert solvable(outer, "A")
    inner = 0.1 + 0.3 * X[:, 1]
    y = outer.evaluate(np.column_stack([X, inner]), ["d", "r", "A"])
    change = Change({"r": parse("r")}, outer, "A")
    np.testing.assert_allclose(change.forward(problem(y)).y, inner, rtol=1e-9)


@pytest.mark.parametrize("text", ["A*d", "exp(A)*d", "d/A", "sqrt(A + d)"])
def test_weights_make_errors_those_of_the_target(text):
    """A small change of z costs what it costs in y."""
    outer = parse(text)
    inner = 0.4 + 0.3 * X[:, 1]
    table = np.column_stack([X, inner])
    made = problem(outer.evaluate(table, ["d", "r", "A"]))
    changed = Change({"r": parse("r")}, outer, "A").forward(made)
    moved = inner + 1e-5 * np.sin(40 * X[:, 0])
    of_target = made.loss_of(outer.evaluate(np.column_stack([X, moved]), ["d", "r", "A"]))
    slope = (changed.weights * 0 + 1) @ _slopes(outer, table) ** 2 / len(X)
    assert of_target == pytest.approx(changed.loss_of(moved) * slope, rel=1e-3)


def _slopes(outer, table):
    step = np.array([0, 0, 1e-6])
    names = ["d", "r", "A"]
    return (outer.evaluate(table + step, names) - outer.evaluate(table - step, names)) / 2e-6


def test_rows_without_information_are_left_out():
    y = X[:, 0] * X[:, 1]
    y[0], zero = 0.0, X.copy()
    zero[0, 0] = 0.0
    (made,) = make_problems(
        zero, y[:, None], None, variables=["d", "r"], operators={}, max_complexity=9
    )
    changed = Change({"r": parse("r")}, parse("A*d"), "A").forward(made)
    assert len(changed.y) == len(X) - 1 and changed.weights.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="gives A a value in 0 rows of 50"):
        Change({"r": parse("r")}, parse("sqrt(A)*(d - d)"), "A").forward(made)


@pytest.mark.parametrize("text", ["A + A*d", "sign(A)", "d", "A if d > 1 else r", "max(A, d)"])
def test_what_cannot_be_solved(text):
    assert not solvable(parse(text), "A")


def test_a_template_has_parts_of_several_arguments():
    template = read_template("A(r/d, r)*sin(d) + B(d)", variables=["d", "r"])
    assert list(template.arguments) == ["A", "B"]
    assert template.arguments["A"] == (parse("r/d"), parse("r"))
    change = template.change("A", {"B": parse("2*d")})
    assert list(change.inner) == ["A_0", "r"]
    assert change.back(parse("A_0**2 + r")) == parse("((r/d)**2 + r)*sin(d) + 2*d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A(d) + A(r)", "more than once"),
        ("sign(A(d))", "cannot be solved for A"),
        ("d(r)*r", "is a variable"),
        ("A(d)*q", "unknown variable 'q'"),
        ("A(d", "at character"),
        ("2*sin(d, r)", "takes 1 argument"),
    ],
)
def test_templates_that_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        read_template(text, variables=["d", "r"])
