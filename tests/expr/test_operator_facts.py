"""The table's facts: inverses, slopes, parities and exponents agree with the functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr import OPERATORS, Operator, parse
from jaxsym.expr.canonical.rules import canonical
from jaxsym.expr.operators import having
from jaxsym.expr.subtrees import desired, trace

_POINTS = np.array([-2.3, -0.8, -0.4, 0.3, 0.7, 1.2, 2.1])


def _arguments(operator: Operator) -> list[np.ndarray]:
    """Points at which an operator of one or two arguments has a value and a finite slope."""
    grid = [a.ravel() for a in np.meshgrid(*[_POINTS] * operator.arity)]
    inside = np.broadcast_to(operator.domain(*grid), grid[0].shape).copy()
    if operator.name == "pow":  # powers with real logarithms of base and value
        inside &= grid[0] > 0
    return [a[inside] for a in grid]


@pytest.mark.parametrize("name", [n for n, row in OPERATORS.items() if row.inverses])
def test_an_inverse_gives_the_argument_back(name):
    operator = OPERATORS[name]
    arguments = _arguments(operator)
    value = operator.numpy(*arguments)
    for place, argument in enumerate(arguments):
        others = arguments[:place] + arguments[place + 1 :]
        found = operator.solve(place, value, others)
        again = operator.numpy(*arguments[:place], found, *arguments[place + 1 :])
        np.testing.assert_allclose(again, value, rtol=1e-12)
        if name != "abs":  # of which the positive argument is taken
            near = operator.solve(place, value, others, guess=argument)
            np.testing.assert_allclose(near, argument, rtol=1e-9)


@pytest.mark.parametrize("name", [n for n, row in OPERATORS.items() if row.slopes])
def test_slopes_are_the_derivatives(name):
    operator = OPERATORS[name]
    arguments = _arguments(operator)
    with jax.enable_x64(True):
        for place in range(operator.arity):
            slope = jax.vmap(jax.grad(operator.jnp, place))(*map(jnp.asarray, arguments))
            np.testing.assert_allclose(operator.slope(place, *arguments), slope, rtol=1e-12)


@pytest.mark.parametrize("name", [n for n, row in OPERATORS.items() if row.arity == 1])
def test_parity_is_that_of_the_values(name):
    operator = OPERATORS[name]
    x = np.array([0.2, 0.6, 0.9])
    with np.errstate(all="ignore"):
        value, mirrored = operator.numpy(x), operator.numpy(-x)
    odd, even = np.allclose(mirrored, -value), np.allclose(mirrored, value)
    assert operator.parity == ("odd" if odd else "even" if even else None)


def test_exponents_are_those_of_the_values():
    x = np.array([0.3, 1.7])
    powers = {n: row.exponent for n, row in OPERATORS.items() if row.exponent is not None}
    assert powers.keys() == {"inv", "square", "cube", "sqrt"}
    for name, exponent in powers.items():
        np.testing.assert_allclose(OPERATORS[name].numpy(x), x ** float(exponent), rtol=1e-15)


def test_every_operator_has_a_role():
    assert all(row.role for row in OPERATORS.values())
    assert "asinh" in having("transcendental", "odd") and "inv" not in having("transcendental")


def test_no_argument_where_no_value():
    assert np.isnan(OPERATORS["sqrt"].solve(0, np.array(-1.0)))
    assert np.isnan(OPERATORS["abs"].solve(0, np.array(-1.0)))


def test_a_users_operator_has_its_facts_used():
    erf = Operator("erf", 1, jax.scipy.special.erf, None, parity="odd", inverses=(lambda v: v / 2,))
    table = {**OPERATORS, "erf": erf}
    assert canonical(parse("erf(-x)", operators=table)).tokens == ("neg", "erf", "x")
    x = np.array([0.1, 0.2])
    wanted, slope = desired(trace(("erf", "x"), {"x": x}, table), 1, x, table)
    np.testing.assert_allclose(wanted, x / 2)
    np.testing.assert_allclose(slope, 2 / np.sqrt(np.pi) * np.exp(-((x / 2) ** 2)), rtol=1e-12)


@pytest.mark.parametrize(
    "facts, message",
    [
        ({"inverses": (np.log, np.log)}, "2 inverses"),
        ({"slopes": (np.log, np.log)}, "2 slopes"),
    ],
)
def test_facts_match_the_arity(facts, message):
    with pytest.raises(ValueError, match=message):
        Operator("f", 1, jnp.exp, None, **facts)


def test_parity_needs_one_argument():
    with pytest.raises(ValueError, match="one argument alone"):
        Operator("f", 2, jnp.add, None, parity="odd")
