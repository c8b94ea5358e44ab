"""Levenberg-Marquardt: constants come back exactly, whatever the neighbors in the batch do."""

import jax
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.expr.fitting import batched as fit_module
from jaxsym.expr.fitting.batched import fit_constants, fit_expressions
from jaxsym.expr.program import compile_programs

KEY = jax.random.key(0)
SLOTS = 4  # one size for most tests, so that they share a compiled function
NAMES = ["x", "y"]


def table(count=200, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 3.0, (count, 2))


CASES = [  # truth, start
    ("2.3*sin(1.7*x + 0.4) - 1.1", "1.0*sin(1.0*x + 1.0) + 1.0"),
    ("3.5/(0.8 + x**2)", "1.0/(1.0 + x**2)"),
    ("x**1.37", "x**1.0"),
    ("4.1*exp(-0.9*x) + 2.2", "1.0*exp(1.0*x) + 1.0"),
    ("1.9*log(3.1*x + 2.0*y)", "1.0*log(1.0*x + 1.0*y)"),
    ("0.013*x**2.5*y**(-1.5)", "1.0*x**1.0*y**1.0"),
]


def fit_cases(**options):
    """All cases in one dispatch, each with its own targets."""
    X = table()
    y = np.stack([parse(truth).evaluate(X[:, : len(parse(truth).variables)]) for truth, _ in CASES])
    program = compile_programs([parse(start) for _, start in CASES], NAMES, slots=SLOTS)
    return fit_constants(program, X, y, key=KEY, **options), y


def test_exact_recovery():
    fit, y = fit_cases()
    assert np.all(fit.loss < 1e-24 * y.var(1)), fit.loss / y.var(1)
    assert np.all(fit.converged)
    for (truth, _), constants in list(zip(CASES, np.asarray(fit.program.constants), strict=True))[
        1:5
    ]:
        expected = parse(truth).constants
        if "log" in truth:
            continue
        np.testing.assert_allclose(constants[: len(expected)], expected, rtol=1e-10)


def test_same_key_same_result_and_more_restarts_are_no_worse():
    first, _ = fit_cases()
    again, _ = fit_cases()
    assert np.array_equal(first.program.constants, again.program.constants)
    one, _ = fit_cases(restarts=1)
    assert np.all(first.loss <= one.loss)
    assert np.any(first.loss < 1e-3 * one.loss)


def test_weights_are_those_of_the_normal_equations():
    X = table()
    rng = np.random.default_rng(1)
    y = rng.normal(size=200)
    weights = rng.uniform(0.1, 10.0, 200)
    (line,), fit = fit_expressions(
        [parse("1.0*x + 1.0*y + 1.0")], NAMES, X, y, key=KEY, weights=weights, slots=SLOTS
    )
    A = np.c_[X, np.ones(200)]
    expected = np.linalg.solve(A.T @ (weights[:, None] * A), A.T @ (weights * y))
    np.testing.assert_allclose(line.constants, expected, rtol=1e-6)
    loss = np.average((A @ expected - y) ** 2, weights=weights)
    np.testing.assert_allclose(fit.loss, loss, rtol=1e-12)
    # the curvature is that of the normal equations, so that it gives standard errors
    mean = A.T @ (weights[:, None] * A) / weights.sum()
    np.testing.assert_allclose(fit.curvature[0, :3, :3], mean, rtol=1e-12)


def test_a_start_without_finite_values_is_replaced_by_a_drawn_one():
    X = table()
    y = np.log(2.0 * X[:, 0])
    start = parse("log((-1.0)*x)")
    (fitted,), fit = fit_expressions([start], NAMES, X, y, key=KEY, slots=SLOTS)
    assert fit.loss[0] < 1e-24
    np.testing.assert_allclose(fitted.constants, [2.0])


def test_an_expression_that_is_never_finite_keeps_its_constants():
    X = table()
    hopeless, fine = parse("log(0*x) + 1.5"), parse("1.0*x")
    fitted, fit = fit_expressions([hopeless, fine], NAMES, X, 3 * X[:, 0], key=KEY, slots=SLOTS)
    assert fit.loss[0] == np.inf and not fit.converged[0]
    assert fitted[0].constants == (1.5,)
    np.testing.assert_allclose(fitted[1].constants, [3.0])


def test_expressions_without_constants_are_scored():
    X = table()
    _, fit = fit_expressions([parse("x"), parse("x + y")], NAMES, X, X[:, 0], key=KEY, slots=SLOTS)
    np.testing.assert_allclose(fit.loss, [0.0, np.mean(X[:, 1] ** 2)])


def test_points_of_each_program():
    X = np.stack([table(seed=1), table(seed=2)])
    program = compile_programs([parse("1.0*x"), parse("1.0*y")], NAMES)
    fit = fit_constants(program, X, np.stack([2 * X[0, :, 0], 3 * X[1, :, 1]]), key=KEY)
    np.testing.assert_allclose(np.asarray(fit.program.constants)[:, 0], [2.0, 3.0])


def test_sizes_close_by_share_one_trace():
    X = table()
    programs = []
    for samples, count in ((194, 1), (199, 5), (200, 8)):
        program = compile_programs([parse("1.0*x + 1.0")] * count, NAMES, slots=SLOTS)
        fit_constants(program, X[:samples], X[:samples, 1], key=KEY)
        programs.append(fit_module._fit.latest)
    assert len(set(programs)) == 1 and programs[0]._cache_size() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(199)}, r"y has shape \(199,\); expected one of"),
        ({"y": np.r_[np.nan, np.zeros(199)]}, r"y has a non-finite value \(nan\) at index \(0,\)"),
        ({"weights": -np.ones(200)}, "weights has a negative value"),
        ({"weights": np.zeros(200)}, "weights are all zero"),
        ({"restarts": 0}, "restarts=0; expected at least 1"),
        ({"X": np.zeros(200)}, r"X has shape \(200,\); expected \[n, V\] or \[P, n, V\]"),
        ({"X": np.zeros((200, 3))}, r"X has shape \(200, 3\); expected one of \(\(200, 2\)"),
    ],
)
def test_bad_input(change, message):
    program = compile_programs([parse("1.0*x")], NAMES)
    arguments = {"X": table(), "y": np.zeros(200)} | change
    with pytest.raises(ValueError, match=message):
        fit_constants(program, key=KEY, **arguments)
