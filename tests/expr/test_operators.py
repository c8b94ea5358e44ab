"""Every row of the table: its functions agree, its domain is true, its derivatives are finite."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from jaxsym.expr import OPERATORS, Operator, apply, from_sympy, variable
from jaxsym.expr.operators import guarded

GRID = np.array([-2.5, -2.0, -1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 1.5, 3.0])

every_operator = pytest.mark.parametrize("operator", OPERATORS.values(), ids=list(OPERATORS))


def points(operator: Operator) -> np.ndarray:
    """``[n, arity]``: inner points, ties and the edges of every domain."""
    values = GRID if operator.arity < 4 else GRID[[1, 4, 7]]
    return np.array(list(itertools.product(values, repeat=operator.arity)))


def columns(operator: Operator) -> list[np.ndarray]:
    return list(points(operator).T)


def slopes(operator: Operator, table) -> jax.Array:
    """``[n, arity]`` partial derivatives."""
    return jax.vmap(jax.grad(lambda row: operator.jnp(*row)))(jnp.asarray(table))


def numpy_values(operator: Operator, *args) -> np.ndarray:
    with np.errstate(all="ignore"):
        return operator.numpy(*args)


def test_the_table_has_the_promised_operators():
    assert (
        list(OPERATORS)
        == (
            "add sub mul div neg inv pow square cube sqrt abs exp log sin cos tan asin acos atan "
            "sinh cosh tanh asinh min max sign if_greater"
        ).split()
    )
    assert all(name == row.name for name, row in OPERATORS.items())


@every_operator
@pytest.mark.nans
def test_jnp_and_numpy_agree_at_edges_too(operator, x64):
    args = columns(operator)
    np.testing.assert_allclose(
        operator.jnp(*map(jnp.asarray, args)), numpy_values(operator, *args), rtol=1e-13
    )


@every_operator
def test_domain_is_where_the_value_is_finite(operator):
    args = columns(operator)
    np.testing.assert_array_equal(
        operator.domain(*args), np.isfinite(numpy_values(operator, *args))
    )


@every_operator
def test_sympy_function_has_the_same_values(operator):
    symbols = sympy.symbols(f"a:{operator.arity}")
    formula = operator.sympy(*symbols)
    for row in points(operator)[::7]:
        if operator.domain(*row):
            exact = formula.subs(dict(zip(symbols, map(sympy.Rational, row), strict=True)))
            assert complex(exact) == pytest.approx(numpy_values(operator, *row), rel=1e-13)


@every_operator
def test_slopes_match_finite_differences_inside_the_domain(operator, x64):
    inside = np.random.default_rng(0).uniform(0.2, 0.8, (20, operator.arity))
    step = 1e-6 * np.eye(operator.arity)[:, None]
    ahead, behind = (
        operator.numpy(*np.moveaxis(inside + sign * step, -1, 0)).T for sign in (1, -1)
    )
    np.testing.assert_allclose(
        slopes(operator, inside), (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8
    )


@every_operator
def test_derivatives_of_higher_order_are_finite_everywhere(operator, x64):
    table = jnp.asarray(points(operator))
    derivative = jax.grad(lambda row: operator.jnp(*row))
    for _ in range(3 if operator.arity == 1 else 2):
        assert np.isfinite(jax.jit(jax.vmap(derivative))(table)).all()
        derivative = jax.grad(lambda row, inner=derivative: inner(row).sum())


@every_operator
def test_masked_branch_does_not_poison_the_gradient(operator):
    inside = operator.domain(*columns(operator))

    def loss(table: jax.Array) -> jax.Array:
        return jnp.sum(jnp.where(inside, operator.jnp(*table.T), 0.0))

    gradient = np.asarray(jax.jit(jax.grad(loss))(points(operator)))
    assert np.isfinite(gradient).all()
    assert (gradient[~inside] == 0).all()


@pytest.mark.nans
def test_infinite_factor_in_a_masked_branch_does_not_poison_the_gradient():
    multiply, inverse = OPERATORS["mul"].jnp, OPERATORS["inv"].jnp

    def loss(x: jax.Array) -> jax.Array:
        return jnp.where(x > 0, multiply(x, inverse(x)), x)

    assert jax.grad(loss)(0.0) == 1.0


@every_operator
@pytest.mark.nans
def test_round_trip_through_sympy_keeps_value_and_gradient_at_edges(operator, x64):
    names = tuple("abcd"[: operator.arity])
    ours = apply(operator.name, *map(variable, names))
    back = from_sympy(ours.sympy())
    table = jnp.asarray(points(operator))

    def value_and_gradient(expression):
        f, constants = expression.jax(names)
        return jax.vmap(jax.value_and_grad(lambda row: f(row, constants)))(table)

    for got, expected in zip(value_and_gradient(back), value_and_gradient(ours), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)


@every_operator
def test_symmetric_operators_are_marked(operator):
    args = [np.array([0.3, 0.9]), np.array([0.7, 0.2]), np.ones(2), np.zeros(2)][: operator.arity]
    exchanged = operator.arity == 2 and np.array_equal(
        operator.numpy(*args), operator.numpy(*reversed(args))
    )
    assert operator.symmetric == exchanged


def test_function_with_its_own_derivative_keeps_it():
    straight = jax.custom_jvp(jnp.sign)
    straight.defjvp(lambda primals, tangents: (jnp.sign(*primals), tangents[0]))
    row = Operator("straight", 1, straight, sympy.sign, guard=False)
    assert jax.grad(row.jnp)(3.0) == 1.0


def test_a_slope_given_by_the_value_has_slopes_itself(x64):
    root = guarded(jnp.sqrt, lambda root: 0.5 / root)
    third = jax.grad(jax.grad(jax.grad(root)))
    assert third(4.0) == pytest.approx(3 / 8 * 4.0**-2.5, rel=1e-14)
    assert [float(third(x)) for x in (-1.0, 0.0)] == [0.0, 0.0]


@pytest.mark.parametrize(("name", "arity"), [("not a name", 1), ("none", 0)])
def test_bad_rows_are_refused(name, arity):
    with pytest.raises(ValueError, match="expected an identifier as name and at least one"):
        Operator(name, arity, jnp.sin, sympy.sin)
