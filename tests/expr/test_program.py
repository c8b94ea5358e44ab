"""Programs: the batched interpreter against numpy, finite differences, and its own padding."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from jaxsym.expr import OPERATORS, Operator, apply, parse, variable
from jaxsym.expr import program as module
from jaxsym.expr.program import compile_programs, differentiable

evaluate, value_and_jacobian = jax.jit(module.evaluate), jax.jit(module.value_and_jacobian)

TEXTS = [
    "x",
    "1.5",
    "2*x + y",
    "x**2*exp(-y/2) + 0.5",
    "sin(1.2*x + 0.3)*log(y) - pi",
    "(x + y)/(x + y) + (x + y)**2",
    "sqrt(abs(x - y)) + Min(x, 2*y) + Max(x, y)**3",
    "0.7*y**1.3 if x > 1.5 else tanh(x)/y",
]


def points(count=50, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 3.0, (count, 2))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_values_are_those_of_each_expression_alone(dtype, tolerance):
    expressions = [parse(text) for text in TEXTS]
    X = points()
    with jax.enable_x64(dtype == np.float64):
        values = evaluate(compile_programs(expressions, ["x", "y"]), X.astype(dtype))
    assert values.dtype == dtype
    expected = [e.evaluate(X[:, ["xy".index(v) for v in e.variables]]) for e in expressions]
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)


def test_every_operator_runs_with_its_derivative(x64):
    names = ["a", "b", "c", "d"]
    scaled = [float(0.9 + i / 10) * variable(v) for i, v in enumerate(names)]
    expressions = [apply(op.name, *scaled[: op.arity]) for op in OPERATORS.values()]
    X = np.random.default_rng(1).uniform(0.2, 0.9, (20, 4))
    program = compile_programs(expressions, names)
    values, jacobian = value_and_jacobian(program, X)
    expected = [expression.evaluate(X, names) for expression in expressions]
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    step = 1e-6
    for k in range(4):
        moved = [
            evaluate(replace(program, constants=program.constants + shift * np.eye(4)[k]), X)
            for shift in (step, -step)
        ]
        difference = (moved[0] - moved[1]) / (2 * step)
        np.testing.assert_allclose(jacobian[:, :, k], difference, rtol=1e-6, atol=1e-8)


def test_jacobian_rows_belong_to_their_slots_and_unused_slots_are_zero(x64):
    program = compile_programs([parse("2.0*x + 3.0*y"), parse("4.0*y")], ["x", "y"], slots=3)
    X = points()
    jacobian = value_and_jacobian(program, X)[1]
    assert jacobian.shape == (2, 50, 3)
    np.testing.assert_allclose(jacobian[0], np.c_[X, np.zeros(50)])
    np.testing.assert_allclose(jacobian[1], np.c_[X[:, 1], np.zeros((50, 2))])


def test_one_trace_serves_all_expressions_of_a_padded_size():
    traces = 0

    @jax.jit
    def run(program, X):
        nonlocal traces
        traces += 1
        return module.evaluate(program, X)

    X = points().astype(np.float32)
    for texts in (TEXTS[:4], TEXTS[4:], ["x*y", "x + 1.5", "cos(2.0*x) + 1.0", "y"]):
        run(compile_programs([parse(t) for t in texts], ["x", "y"], slots=4), X)
    assert traces == 1


def test_jit_is_eager_and_jvp_is_the_jacobian(x64):
    table = {name: OPERATORS[name] for name in ("add", "mul", "sin", "pow")}
    expressions = [parse("1.5*sin(0.3*x + y)"), parse("x**1.3 + 0.2*y")]
    program = compile_programs(expressions, ["x", "y"], operators=table)
    X = points(8)
    values, jacobian = module.value_and_jacobian(program, X)
    for a, b in zip((values, jacobian), value_and_jacobian(program, X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)

    def of_constants(constants):
        return evaluate(replace(program, constants=constants), X)

    direction = jnp.ones_like(jnp.asarray(program.constants))
    along = jax.jvp(of_constants, (jnp.asarray(program.constants),), (direction,))[1]
    np.testing.assert_allclose(along, jacobian.sum(-1), rtol=1e-12, atol=1e-14)


def test_points_of_each_program(x64):
    program = compile_programs([parse("x + y"), parse("x*y")], ["x", "y"])
    X = np.stack([points(seed=1), points(seed=2)])
    np.testing.assert_allclose(evaluate(program, X)[0], X[0].sum(1))
    np.testing.assert_allclose(evaluate(program, X)[1], X[1].prod(1))


def test_shared_parts_are_computed_once():
    once = compile_programs([parse("exp(x*y) + exp(x*y)**2")], ["x", "y"])
    assert once.length[0] == 4  # mul, exp, square, add


@pytest.mark.nans
def test_undefined_points_stay_alone():
    values = evaluate(compile_programs([parse("log(x)"), parse("x")], ["x"]), jnp.array([[-1.0]]))
    assert np.isnan(values[0, 0]) and values[1, 0] == -1.0


def test_operators_of_the_user():
    erf = Operator("erf", 1, jax.scipy.special.erf, sympy.erf)
    table = dict(OPERATORS) | {"erf": erf}
    expression = apply("erf", 2.0 * variable("x"), operators=table)
    program = compile_programs([expression], ["x"], operators=table)
    values, jacobian = value_and_jacobian(program, jnp.array([[0.0]]))
    np.testing.assert_allclose([values[0, 0], jacobian[0, 0, 0]], [0.0, 0.0])
    with pytest.raises(ValueError, match="unknown operator 'erf'"):
        compile_programs([expression], ["x"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variables": ["x", "z"]}, "unknown variable 'y'.*known: x, z"),
        ({"length": 1}, "length=1 is too small; an expression needs 2"),
        ({"slots": 0}, "slots=0 is too small; an expression needs 1"),
        ({"expressions": []}, "expressions is empty"),
    ],
)
def test_bad_programs(change, message):
    arguments = {"expressions": [parse("x + 1.5*y")], "variables": ["x", "y"]} | change
    with pytest.raises(ValueError, match=message):
        compile_programs(arguments.pop("expressions"), arguments.pop("variables"), **arguments)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 3), r"X has shape \(5, 3\); expected \[n, V\] or \[P, n, V\] with V=2"),
        ((3, 5, 2), "X has points for 3 programs; expected 1"),
    ],
)
def test_bad_points(shape, message):
    program = compile_programs([parse("x + y")], ["x", "y"])
    with pytest.raises(ValueError, match=message):
        evaluate(program, np.zeros(shape))


def test_a_differentiable_program_has_the_slopes_of_its_expressions(x64):
    texts = ("1.5*x**2.5*y", "exp(-0.3*x)/(y + 0.7)", "(x if x > y else 2.0*y)", "2")
    expressions = [parse(text) for text in texts]
    program = compile_programs(expressions, ["x", "y"])
    X = np.random.default_rng(0).uniform(0.5, 2.0, (20, 2))
    move = np.random.default_rng(1).normal(size=X.shape)
    constants = np.asarray(program.constants)
    turn = np.random.default_rng(2).normal(size=constants.shape)
    value, change = jax.jvp(differentiable(program), (X, constants), (move, turn))
    for row, expression in enumerate(expressions):
        f, own = expression.jax(["x", "y"])
        along = (jnp.asarray(move), jnp.asarray(turn[row, : len(own)]))
        expected = jax.jvp(f, (jnp.asarray(X), jnp.asarray(own)), along)
        np.testing.assert_allclose(value[row], expected[0], rtol=1e-12)
        np.testing.assert_allclose(change[row], expected[1], rtol=1e-11)


def test_a_slope_that_is_not_finite_counts_only_where_something_moves(x64):
    program = compile_programs([parse("2.5*sqrt(x)")], ["x"])
    X, constants = np.zeros((1, 1)), np.asarray(program.constants)
    still, turn = np.zeros((1, 1)), np.ones_like(constants)
    change = jax.jvp(differentiable(program), (X, constants), (still, turn))[1]
    assert change.tolist() == [[0.0]]


def test_derivatives_go_backward_too_and_forward_over_them():
    program = compile_programs([parse("1.5*x**2*sin(y)")], ["x", "y"])
    f = lambda x, c: differentiable(program)(x[None], c)[0, 0]  # noqa: E731
    plain = lambda x, c: c[0, 0] * x[0] ** 2 * jnp.sin(x[1])  # noqa: E731
    x, c = jnp.array([0.7, 1.1]), jnp.asarray(program.constants)
    for derivative in (jax.grad, jax.hessian, lambda g: jax.jacfwd(jax.hessian(g), 1)):
        np.testing.assert_allclose(derivative(f)(x, c), derivative(plain)(x, c), rtol=1e-5)
