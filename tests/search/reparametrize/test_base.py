"""One way to other variables and back: answers, fronts and constraints, for each kind of change."""

from dataclasses import replace

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, constant, parse, variable
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.base import Chain
from jaxsym.search.reparametrize.change import Change
from jaxsym.search.reparametrize.groups import NamedConstants
from jaxsym.search.reparametrize.reduction import Reduction
from jaxsym.search.reparametrize.scaling import Scaling
from jaxsym.search.reparametrize.screening import keep

LAW = parse("3*h*m")
BY_MASS = Change({"h": variable("h")}, parse("A*m"), "A")
WAYS = {  # each with the law in its variables
    "change": (BY_MASS, "3*h"),
    "columns": (keep(["h", "m"]), "3*h*m"),
    "constants": (NamedConstants({"g": 3.0}), "g*h*m"),
    "chain": (
        Chain(NamedConstants({"g": 3.0}), replace(BY_MASS, inner={"gh": parse("g*h")})),
        "gh",
    ),
    "scales": (Scaling({"m": 1e3, "h": 1.0}, 1e3), "3*h*m"),
    "reduction": (Reduction({"hm": parse("h*m")}, (), 0.0), "3*hm"),
}


@pytest.fixture
def problem():
    X = np.random.default_rng(0).uniform(1.0, 3.0, (30, 2)) * [1e3, 1.0]
    y = LAW.evaluate(X, ["m", "h"])[:, None]
    (made,) = make_problems(
        X, y, None, variables=["m", "h"], operators=OPERATORS, max_complexity=20
    )
    return made


@pytest.mark.parametrize(("way", "answer"), WAYS.values(), ids=WAYS)
def test_an_answer_in_other_variables_is_one_in_the_old(problem, way, answer):
    changed, answer = way.forward(problem), parse(answer)
    assert changed.loss(answer) < 1e-24 * changed.variance
    restored = way.back(answer)
    assert set(restored.variables) == {"h", "m"}
    assert problem.loss(restored) < 1e-24 * problem.variance


@pytest.mark.parametrize(("way", "answer"), WAYS.values(), ids=WAYS)
def test_a_front_has_the_losses_of_the_old_problem(problem, way, answer):
    changed, wrong = way.forward(problem), parse(answer) * constant(1.1)
    rows = [Candidate(wrong, changed.complexity(wrong), changed.loss(wrong))]
    front = ParetoFront.of(rows, variance=changed.variance, samples=changed.samples)
    (found,) = way.front(front, problem)
    assert found.loss == pytest.approx(0.01 * problem.weights @ problem.y**2, rel=1e-9)
    assert found.loss == pytest.approx(problem.loss(found.expression), rel=1e-9)
    assert way.front(front, problem).variance == pytest.approx(problem.variance, rel=1e-9)


@pytest.mark.parametrize(("way", "answer"), WAYS.values(), ids=WAYS)
def test_limits_are_on_expressions_in_the_old_variables(problem, way, answer):
    without_mass = Constraints(lambda expression: "m" not in expression.variables)
    limits = way.constrained(replace(problem, constraints=without_mass)).constraints
    assert not limits.allowed(parse(answer))
    allows_all = way.constrained(problem).constraints
    assert allows_all.allowed(parse(answer))
