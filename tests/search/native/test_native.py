"""The native engine as a whole: laws come out of tables, whatever the table looks like."""

import jax
import numpy as np
import pytest
import sympy

from jaxsym.expr import OPERATORS, Operator, apply, parse, variable
from jaxsym.search import NativeEngine, search
from jaxsym.search.native.budget import SearchBudget

KEY = jax.random.key(0)
NAMES = ("r", "m1", "m2", "q1", "q2")
SMALL = NativeEngine(
    SearchBudget(library=1500, small=1000, terms=800, rows=256, refined=4, generations=4)
)
TINY = NativeEngine(
    SearchBudget(
        library=800, small=500, terms=400, rows=128, pairs=16, beams=6, refined=4, generations=2,
        entries=24, factors=4, fitted=8, reductions=1,
    )
)  # fmt: skip
TINIEST = NativeEngine(
    SearchBudget(
        points=64, library=200, small=150, terms=150, rows=32, pairs=8, beams=4, entries=16,
        factors=2, in_contexts=1, fitted=4, refined=2, refined_points=64, starts=20, side=2,
        generations=4, second_share=0.5, reductions=1,
    )
)  # fmt: skip
COUNT = 448  # one size for all searches, so that they share compiled functions


def table(seed=0):
    """Distances over almost two decades, masses over several, charges of both signs."""
    rng = np.random.default_rng(seed)
    r = np.exp(rng.uniform(np.log(0.1), np.log(8.0), COUNT))
    return np.column_stack([r, np.exp(rng.normal(size=(COUNT, 2))), rng.normal(size=(COUNT, 2))])


def target(text, noise=0.0, seed=0):
    """Table, noisy target, and weights that make errors relative."""
    truth = parse(text)
    X = table(seed)
    y = truth.evaluate(X[:, [NAMES.index(v) for v in truth.variables]])
    weights = 1 / (y**2 + (0.05 * np.mean(np.abs(y))) ** 2)
    return X, y * (1 + noise * np.random.default_rng(seed + 1).normal(size=COUNT)), weights


def best(text, noise, engine, seed=0):
    """Without a time limit: an exact answer ends the search, or else the budget of work does."""
    X, y, weights = target(text, noise, seed)
    front = engine.search(X, y, variables=NAMES, key=KEY, weights=weights)
    return front.best().expression


@pytest.mark.parametrize(
    "text",
    [
        "-m2/r**3",
        "2*q1*q2/(m1*r**3)",
        "(q1*q2/m1 - m2)/r**3",
        "(2.3 - 1.7/r)/m1",
        "exp(-0.7*r)/r**2",
        "2 - 2/r if r > 2 else 0",
    ],
)
def test_exact_laws_come_out_exactly(text):
    found, truth = best(text, 0.0, NativeEngine()), parse(text)
    fresh = table(seed=5)
    np.testing.assert_allclose(found.evaluate(fresh, NAMES), truth.evaluate(fresh, NAMES), 1e-9)
    assert found.complexity <= truth.complexity + 2


def test_a_noisy_law_has_the_right_form():
    text = "(2.3 - 1.7/r)/m1"
    found = best(text, 0.05, TINY)
    X = table(9)
    ratio = found.evaluate(X, NAMES) / parse(text).evaluate(X, NAMES)
    assert np.median(np.abs(ratio - 1)) < 0.02
    assert found.complexity <= parse(text).complexity + 2


def test_unweighted_one_variable_and_a_function_with_a_constant_inside():
    x = np.linspace(-2.0, 2.0, COUNT)[:, None]
    front = SMALL.search(x, 3 * np.sin(1.7 * x[:, 0]) + 0.5, variables=["x"], key=KEY)
    assert front.best().expression == parse("3*sin(1.7*x) + 1/2")


def test_targets_share_a_library():
    X, _, _ = target("r")
    laws = ["r*m1 + m2/r", "2*q1 + q2*r"]
    Y = np.stack([parse(text).evaluate(X, NAMES) for text in laws], axis=1)
    fronts = SMALL.search_many(X, Y, variables=NAMES, key=KEY)
    assert [front.best().expression for front in fronts] == [parse(text) for text in laws]


def test_same_key_same_front():
    X, y, weights = target("m1/r + q1", noise=0.01)
    fronts = [
        TINIEST.search(X, y, variables=NAMES, key=KEY, weights=weights).candidates for _ in range(2)
    ]
    assert fronts[0] == fronts[1]


def test_interrupt_keeps_the_front():
    X, y, weights = target("m1/r + q1")

    def interrupt(progress):
        assert len(progress.front) > 0
        raise KeyboardInterrupt

    front = search(X, y, variables=NAMES, key=KEY, weights=weights, callback=interrupt)
    assert len(front) > 0


def test_no_stage_begins_after_the_time_limit():
    X, y, weights = target("m1/r + q1", noise=0.01)
    stages = []
    search(
        X, y, variables=NAMES, key=KEY, weights=weights, time_limit=1e-9,
        callback=lambda progress: stages.append(progress.stage),
    )  # fmt: skip
    assert stages == ["constants"]


def test_operators_of_the_user_and_complexity_are_limits():
    erf = Operator("erf", 1, jax.scipy.special.erf, sympy.erf)
    operators = {name: OPERATORS[name] for name in ("add", "sub", "mul", "div", "square")}
    operators["erf"] = erf
    truth = 2.0 * apply("erf", variable("r"), operators=operators) + variable("m1")
    X = table()
    y = truth.evaluate(X, NAMES) + 0.01 * np.random.default_rng(0).normal(size=COUNT)
    front = TINY.search(
        X, y, variables=NAMES, key=KEY, operators=operators, max_complexity=truth.complexity
    )
    assert "erf" in front.best().expression.tokens
    for candidate in front:
        assert candidate.complexity <= truth.complexity
        used = {t for t in candidate.expression.tokens if t in OPERATORS}
        assert used <= operators.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((5, 2, 1))}, r"X has shape \(5, 2, 1\); expected \[n, V\]"),
        ({"y": np.zeros(4)}, r"y has shape \(4, 1\); expected \[n, k\] with n=5 rows"),
        ({"y": np.zeros((5, 1))}, r"y has shape \(5, 1\); expected \[n\]"),
        (
            {"y": np.array([0, 1, 2, 3, np.inf])},
            r"y has a non-finite value \(inf\) at index \(4, 0\)",
        ),
        (
            {"y": np.array([0, 1, 2, 3, 1e200])},
            r"y is at most 1e\+200 in size; expected 1e-130 to 1e\+150",
        ),
        ({"y": 1e-200 * np.arange(5)}, "y is at most 4e-200 in size"),
        ({"weights": np.ones(3)}, r"weights has shape \(3,\); expected \(5,\) or \(5, 1\)"),
        ({"weights": -np.ones(5)}, "weights has a negative value"),
        ({"weights": np.zeros(5)}, "weights are all zero"),
        ({"variables": ["a"]}, "1 variables named; X has 2 columns"),
        ({"variables": ["a", "a"]}, r"variables \('a', 'a'\) are not distinct"),
        ({"max_complexity": 0}, "max_complexity=0; expected at least 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {"X": np.ones((5, 2)), "y": np.arange(5.0), "variables": ["a", "b"]} | change
    with pytest.raises(ValueError, match=message):
        search(arguments.pop("X"), arguments.pop("y"), key=KEY, **arguments)


def test_a_constant_target_is_a_constant():
    front = search(table(), np.full(COUNT, 2.5), variables=NAMES, key=KEY)
    assert front.best().expression == parse("5/2")
