"""Expressions as JAX functions: values, derivatives, dtypes, shapes, and the code they trace to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from random_expressions import NAMES, expressions

from jaxsym.expr import parse

LAW = parse("2.5*m1*m2*(x - y)/sqrt((x - y)**2 + 0.1)**3")
COLUMNS = ("x", "y", "m1", "m2")
TABLE = np.random.default_rng(0).uniform(0.5, 2.0, (6, 4))


def jaxpr(text: str, width: int) -> str:
    f, constants = parse(text).jax()
    return str(jax.make_jaxpr(f)(jnp.ones((5, width)), constants))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(expressions())
@pytest.mark.nans
def test_values_are_numpys_and_masked_points_have_no_gradient(f):
    points = np.array([[0.0, 0.0, 1.0], [0.3, -1.0, 2.0], [-0.7, 1.0, 0.0], [1.0, 1.0, 1.0]])
    expected = f.evaluate(points, NAMES)
    fine = np.isfinite(expected) & (np.abs(expected) < 1e100)
    with jax.enable_x64(True):
        function, constants = f.jax(NAMES)

        def loss(table: jax.Array) -> tuple[jax.Array, jax.Array]:
            values = function(table, constants)
            return jnp.sum(jnp.where(fine, values, 0.0)), values

        gradient, values = jax.grad(loss, has_aux=True)(jnp.asarray(points))
    np.testing.assert_allclose(values[fine], expected[fine], rtol=1e-6, atol=1e-9)
    assert not np.isnan(gradient).any()
    assert (np.asarray(gradient)[~fine] == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_results_have_the_dtype_of_the_table(dtype):
    f, constants = LAW.jax(COLUMNS)
    result = f(jnp.asarray(TABLE, dtype), constants)
    assert result.dtype == dtype
    tolerance = 10 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(
        result.astype(float), LAW.evaluate(TABLE, COLUMNS), rtol=tolerance, atol=tolerance
    )


def test_float64_is_exact_to_rounding_and_float32_tables_stay_float32(x64):
    f, constants = LAW.jax(COLUMNS)
    assert constants.dtype == np.float64
    np.testing.assert_allclose(f(TABLE, constants), LAW.evaluate(TABLE, COLUMNS), rtol=1e-14)
    assert f(jnp.asarray(TABLE, jnp.float32), constants).dtype == jnp.float32
    assert f(np.ones((2, 4), int), constants).dtype == jnp.float64


def test_jit_vmap_and_leading_shapes_agree(x64):
    f, constants = LAW.jax(COLUMNS)
    expected = LAW.evaluate(TABLE, COLUMNS)
    np.testing.assert_allclose(jax.jit(f)(TABLE, constants), expected, rtol=1e-13)
    rows = jax.vmap(f, in_axes=(0, None))(jnp.asarray(TABLE), constants)
    np.testing.assert_allclose(rows, expected, rtol=1e-13)
    cube = f(TABLE.reshape(3, 2, 4), constants)
    np.testing.assert_allclose(cube, expected.reshape(3, 2), rtol=1e-13)
    many = jax.vmap(f, in_axes=(None, 0))(TABLE, jnp.stack([constants, 2 * constants]))
    assert many.shape == (2, 6)
    f, constants = parse("1.5").jax(COLUMNS)
    np.testing.assert_array_equal(f(TABLE, constants), np.full(6, 1.5))


def test_gradients_match_finite_differences(x64):
    f, constants = LAW.jax(COLUMNS)

    def loss(table, constants):
        return jnp.sum(jnp.sin(f(table, constants)))

    for argument, point in enumerate((TABLE, constants)):
        gradient = jax.grad(loss, argument)(jnp.asarray(TABLE), jnp.asarray(constants))
        direction = np.random.default_rng(1).normal(size=point.shape)
        arguments = [TABLE, constants]

        def moved(step, arguments=arguments, argument=argument, direction=direction):
            shifted = [*arguments]
            shifted[argument] = shifted[argument] + step * direction
            return loss(*shifted)

        numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6
        assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(numeric), rel=1e-7)


def test_equal_parts_are_computed_once():
    assert jaxpr("sin(x*y)/(1 + sin(y*x)) + sin(x*y)", 2).count("= sin ") == 1


def test_a_gradient_by_the_table_joins_its_columns_once():
    f, constants = LAW.jax(COLUMNS)
    code = str(
        jax.make_jaxpr(jax.grad(lambda table: f(table, constants).sum()))(jnp.asarray(TABLE))
    )
    assert code.count("= concatenate") == 1
    assert "pad" not in code and "scatter" not in code


@pytest.mark.parametrize(
    ("text", "primitive"),
    [
        ("x**3", "integer_pow[y=3]"),
        ("x**-2", "integer_pow[y=-2]"),
        ("1/x", "integer_pow[y=-1]"),
        ("x**(1/2)", "sqrt"),
        ("x**(-3/2)", "integer_pow[y=-3]"),
    ],
)
def test_exact_powers_become_multiplications_and_roots(text, primitive):
    code = jaxpr(text, 1)
    assert primitive in code
    assert "= pow " not in code


@pytest.mark.parametrize("text", ["x**40", "x**(1/3)", "x**1.5", "x**pi"])
def test_other_powers_are_left_to_pow(text, x64):
    assert "= pow " in jaxpr(text, 1)
    f, constants = parse(text).jax()
    np.testing.assert_allclose(
        f(jnp.array([[1.3]]), constants), parse(text).evaluate([[1.3]]), rtol=1e-14
    )


def test_bad_shapes_are_named_before_anything_runs():
    f, constants = LAW.jax(COLUMNS)
    with pytest.raises(ValueError, match=r"X has shape \(6, 3\); expected a last axis of 4"):
        f(TABLE[:, :3], constants)
    with pytest.raises(ValueError, match=r"constants have shape \(3,\); expected \(2,\) as in"):
        f(TABLE, np.ones(3))
    f, constants = LAW.jax(["x", "y", "m1", "mass2"])
    with pytest.raises(ValueError, match="unknown variable 'm2'; known: x, y, m1, mass2"):
        f(TABLE, constants)


@pytest.mark.parametrize("text", ["a*x", "a/x", "x/a", "a*x + a**2*x**3", "x**a", "x - a"])
def test_slopes_of_slopes_by_a_shared_parameter_under_vmap(text):
    """As in Euler-Lagrange with trainable masses: rows are mapped, the parameter is not."""
    f, constants = parse(text).jax(("a", "x"))
    plain = {
        "a*x": lambda a, x: a * x,
        "a/x": lambda a, x: a / x,
        "x/a": lambda a, x: x / a,
        "a*x + a**2*x**3": lambda a, x: a * x + a**2 * x**3,
        "x**a": lambda a, x: x**a,
        "x - a": lambda a, x: x - a,
    }[text]
    x = jnp.linspace(0.5, 2.0, 5)

    def total(function, a):
        row = lambda x: jax.jvp(jax.grad(lambda x: x * function(a, x)), (x,), (x,))[1]  # noqa: E731
        return jnp.sum(jax.vmap(row)(x))

    ours = jax.grad(lambda a: total(lambda a, x: f(jnp.stack([a, x]), constants), a))(1.5)
    theirs = jax.grad(lambda a: total(plain, a))(1.5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
