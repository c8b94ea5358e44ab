"""Whole systems as data, and the motion that they make."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from made_series import motion, predator_and_prey

from jaxsym.expr import parse
from jaxsym.odes import implicit_flow
from jaxsym.odes.measured.reading import time_series
from jaxsym.odes.systems.constants import first_letter
from jaxsym.odes.systems.motion import flow, iterate
from jaxsym.odes.systems.programs import interpolation, system_field

TIME = np.linspace(0.0, 5.0, 40)
TRUE = motion(predator_and_prey, [2.0, 1.0], TIME)
EQUATIONS = [parse("1.3*x - 0.7*x*y"), parse("0.4*x*y - 0.9*y")]
NAMES = ["x", "y", "t"]


def test_a_system_as_data_has_the_values_and_slopes_of_its_formulas():
    texts = ["2.0*sin(x)/(y + 0.5)", "exp(-0.3*t)*x**2 - y**1.5"]
    expressions = [parse(text) for text in texts]
    field, constants, used = system_field(expressions, NAMES, 1)
    assert used.sum(axis=1).tolist() == [len(e.constants) for e in expressions]
    with jax.enable_x64(True):
        state, numbers = jnp.array([0.7, 1.9]), jnp.asarray(constants)
        call = lambda x: field(numbers, x, jnp.asarray(2.0), None)  # noqa: E731
        point = np.array([0.7, 1.9, 2.0])
        expected = [e.evaluate(point, NAMES) for e in expressions]
        np.testing.assert_allclose(call(state), expected, rtol=1e-13)
        np.testing.assert_allclose(jax.jit(call)(state), expected, rtol=1e-13)
        slopes = jax.jacfwd(call)(state)
        step = 1e-6
        for k in range(2):
            moved = [call(state.at[k].add(s * step)) for s in (1, -1)]
            np.testing.assert_allclose(slopes[:, k], (moved[0] - moved[1]) / 2 / step, rtol=1e-7)


def test_inputs_are_straight_lines_between_their_samples():
    data = time_series(TIME, TRUE, names=["x", "y"], inputs={"u": 3.0 * TIME})
    field, constants, _ = system_field([parse("u"), parse("x - u")], [*NAMES, "u"], 1)
    given = jax.tree.map(lambda a: jnp.asarray(a[0]), interpolation(data))
    shown = field(jnp.asarray(constants), jnp.array([1.0, 2.0]), jnp.asarray(1.11), given)
    np.testing.assert_allclose(shown, [3.33, 1.0 - 3.33], rtol=1e-5)


def test_motion_by_jax_and_by_an_implicit_method_is_that_of_the_system():
    with jax.enable_x64(True):
        mine = flow(EQUATIONS, NAMES, 1, [2.0, 1.0], TIME)
    np.testing.assert_allclose(mine, TRUE, rtol=1e-6)
    np.testing.assert_allclose(
        implicit_flow(EQUATIONS, NAMES, 1, [2.0, 1.0], TIME), TRUE, rtol=1e-5
    )


def test_motion_is_differentiable_by_its_start():
    with jax.enable_x64(True):
        end = lambda x: flow(EQUATIONS, NAMES, 1, x, TIME)[-1, 0]  # noqa: E731
        slope = jax.grad(end)(jnp.array([2.0, 1.0]))
        moved = [float(end(jnp.array([2.0 + h, 1.0]))) for h in (1e-4, -1e-4)]
    np.testing.assert_allclose(slope[0], (moved[0] - moved[1]) / 2e-4, rtol=1e-4)


def test_a_motion_that_runs_away_ends_in_nan_and_a_stiff_one_does_not():
    time = np.linspace(0.0, 2.0, 21)
    away = implicit_flow([parse("x**2")], ["x", "t"], 1, [1.0], time)[:, 0]
    np.testing.assert_allclose(away[:9], 1 / (1 - time[:9]), rtol=1e-6)
    assert np.isnan(away[-1])
    stiff = implicit_flow([parse("-1e6*(x - cos(t))")], ["x", "t"], 1, [2.0], time)[:, 0]
    np.testing.assert_allclose(stiff[1:], np.cos(time[1:]), atol=1e-5)


def test_maps_are_iterated():
    shown = iterate([parse("3.6*x*(1 - x)")], ["x", "t"], [0.3], np.arange(3.0))
    np.testing.assert_allclose(shown[:, 0], [0.3, 0.756, 3.6 * 0.756 * 0.244], rtol=1e-5)


def test_names_of_constants_are_no_names_of_states():
    assert first_letter(["c1", "k2", "x"]) == "p"
