"""What limits an equation: its form, its numbers and its values."""

import numpy as np
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import OPERATORS, parse
from jaxsym.search import Constraints, NativeEngine
from jaxsym.search.native.pipeline import CLOSED_FORMS, RATIOS
from jaxsym.search.problem.problem import make_problems

NAMES = ("x", "y")
X = np.random.default_rng(0).uniform(0.5, 3.0, (80, 2))
FEW = NativeEngine(schedule=(*CLOSED_FORMS, *RATIOS))


def permitted(constraints, *texts):
    made = make_problems(
        X, X[:, :1], None, variables=NAMES, operators=OPERATORS, max_complexity=30,
        constraints=constraints,
    )[0]  # fmt: skip
    return [text for text in texts if made.constraints.permits(parse(text))]


@pytest.mark.parametrize(
    ("limits", "kept", "left_out"),
    [
        ({"required": ["y"]}, ["x*y", "y"], ["x", "2*x"]),
        ({"nesting": {"sin": {"sin": 0}}}, ["sin(x)*sin(y)"], ["sin(x + sin(y))"]),
        ({"max_constants": 2}, ["2*x + 1", "2.5*x**7 + 1"], ["2*x + 3*y + 1"]),
        ({"max_constants": 0}, ["x*y", "x**2"], ["2*x", "pi*x", "x + 1"]),
        ({"exponents": (-2, 3)}, ["x**3/y**2", "sqrt(x)", "2**9*x", "x**y"], ["x**4", "1/x**3.5"]),
        ({"positive": True}, ["x", "x - 0.4", "exp(-x)"], ["x - 1", "-y", "x - y"]),
        ({"monotone": {"x": 1}}, ["x*y", "y", "log(x)"], ["-x", "sin(2*x)", "(x - 1)**2"]),
        ({"monotone": {"x": 1, "y": -1}}, ["x/y", "x - y"], ["x*y", "y/x"]),
        ({"symmetric": [("x", "y")]}, ["x*y", "x + y", "sin(x)*sin(y)"], ["x - y", "x/y", "x"]),
        ({"allowed": lambda e: "exp" not in e.tokens}, ["x"], ["exp(x)"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_limits_are_kept(limits, kept, left_out):
    assert permitted(Constraints(**limits), *kept, *left_out) == kept


def test_values_are_those_of_the_table_whatever_it_is_scaled_by():
    wide = 1e6 * X
    y = 3e-4 * wide[:, 0] - 200.0
    falling = Constraints(monotone={"x0": -1})
    model = SymbolicRegressor(engine=FEW, constraints=falling).fit(wide, y)
    grid = np.column_stack([np.linspace(5e5, 3e6, 50), np.full(50, 1e6)])
    for expression in model.front_["expression"]:
        assert np.all(np.diff(expression.evaluate(grid, model.variables_)) <= 1e-9)
    rising = Constraints(monotone={"x0": 1})
    assert SymbolicRegressor(engine=FEW, constraints=rising).fit(wide, y).residual_.exact


def test_limits_hold_in_groups_and_templates_too():
    few = Constraints(max_constants=1)
    y = 2 * X[:, 0] * X[:, 1] + 3 * X[:, 0]
    options = {"engine": FEW, "constraints": few}
    models = [
        SymbolicRegressor(**options, units=[(1,), (0,)], y_units=(1,)).fit(X, y),
        SymbolicRegressor(**options, template="A(x1)*x0").fit(X, y),
    ]
    for model in models:
        limits = few.on(X, model.variables_)
        assert all(limits.permits(e) for e in model.front_["expression"])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"required": ["z"]}, "unknown variable 'z'"),
        ({"monotone": {"z": 1}}, "unknown variable 'z'"),
        ({"monotone": {"x": 2}}, r"monotone\['x'\] is 2; expected 1 or -1"),
        ({"symmetric": [("x", "x")]}, "expected two different variables"),
        ({"max_constants": -1}, "max_constants=-1; expected a whole number"),
        ({"exponents": (3, 1)}, r"exponents=\(3, 1\); expected \(least, most\)"),
        ({"nesting": {"sine": {}}}, "unknown operator 'sine'"),
        ({"monotone": {"x": 1, "y": -1}, "symmetric": [("x", "y")]}, "contradict each other"),
    ],
)
def test_limits_that_cannot_be_met(limits, message):
    with pytest.raises(ValueError, match=message):
        permitted(Constraints(**limits), "x")


def test_what_is_no_constraints_is_refused():
    with pytest.raises(ValueError, match="expected jaxsym.search.Constraints"):
        SymbolicRegressor(constraints={"positive": True}).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="no equation was found that obeys all limits"):
        nothing = Constraints(allowed=lambda expression: False)
        SymbolicRegressor(engine=FEW, constraints=nothing).fit(X, X[:, 0])
