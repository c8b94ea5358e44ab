"""Equations of motion from series: the forms, constants within errors, and what is told of them."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
from click.testing import CliRunner
from made_series import motion, predator_and_prey

import jaxsym
from jaxsym.cli import main
from jaxsym.odes import discover_ode
from jaxsym.report import ODE_FILES, ode_module

TIME = np.linspace(0.0, 12.0, 100)
TRUE = motion(predator_and_prey, [2.0, 1.0], TIME)
LIMIT = 40.0


@pytest.fixture(scope="module")
def found():
    noisy = TRUE * (1 + 0.02 * np.random.default_rng(3).normal(size=TRUE.shape))
    return jaxsym.discover_ode(TIME, noisy, names=["x", "y"], time_limit=LIMIT)


def same(found, rates, states, share):
    """Whether right-hand sides are within a share of their range."""
    table = np.column_stack([states, np.zeros(len(states))])
    for right, true in zip(found.equations.values(), rates(0.0, states.T), strict=True):
        shown = right.evaluate(table, [*found.data.names, "t"])
        assert np.max(np.abs(shown - true)) < share * np.ptp(true), found


def test_predator_and_prey_are_found_in_noise_with_honest_errors(found):
    same(found, predator_and_prey, TRUE, 0.03)
    assert sorted(found.forms) == ["x", "y"]
    truth = sorted([1.3, 0.7, 0.4, 0.9])
    values = sorted((abs(v), found.uncertainty[n]) for n, v in found.constants.items())
    for (value, error), true in zip(values, truth, strict=True):
        assert abs(value - true) < 4 * error < 0.1
    assert 0.5 < found.chi2_per_dof < 2.0
    assert found.errors.reconstruction > 0.99 and found.errors.held_out > 0.95
    assert 0.01 < found.noise["x"] / TRUE[:, 0].mean() < 0.04


def test_the_result_is_json_and_words(found):
    told = json.loads(json.dumps(found.to_json()))
    assert {"equations", "constants", "uncertainty", "chi2_per_dof", "noise", "errors"} <= set(told)
    assert {"reconstruction", "held_out", "horizon"} <= set(told["errors"])
    assert set(told["constants"]) == set(told["uncertainty"])
    assert "x' = " in str(found) and "Motion held out" in str(found)
    assert [row.complexity for row in found.front] == sorted(r.complexity for r in found.front)


def test_simulation_continues_from_any_start_and_is_differentiable(found):
    when = np.linspace(0.0, 3.0, 10)
    with jax.enable_x64(True):
        shown = found.simulate(np.array([3.0, 2.0]), when)
        slope = jax.grad(lambda x: found.simulate(x, when)[-1, 0])(np.array([3.0, 2.0]))
    np.testing.assert_allclose(shown, motion(predator_and_prey, [3.0, 2.0], when), rtol=0.05)
    assert np.all(np.isfinite(slope)) and np.any(slope != 0)


def test_the_module_of_the_report_has_the_same_right_hand_sides(found, tmp_path):
    from jaxsym.report import write_ode

    write_ode(found, tmp_path / "report")
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == sorted(ODE_FILES)
    source = ode_module(found)
    namespace: dict = {}
    exec(compile(source, "ode.py", "exec"), namespace)
    table = np.array([2.0, 1.5, 0.0])
    expected = [e.evaluate(table, ["x", "y", "t"]) for e in found.equations.values()]
    np.testing.assert_allclose(namespace["rates"](table[:2]), expected, rtol=1e-5)


def test_exact_series_give_exact_equations_and_a_state_that_stays_has_rate_zero():
    rates = lambda t, x: [0.8 * x[0] - 0.016 * x[0] ** 2]  # noqa: E731
    series = np.column_stack([motion(rates, [2.0], TIME), np.full(100, 5.0)])
    found = discover_ode(TIME, series, names=["n", "k"], time_limit=LIMIT)
    expected = np.array([0.8, 0.016])
    values = np.sort(np.abs(list(found.constants.values())))[::-1]
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert str(found.equations["k"]) == "0" and found.noise["k"] == 0.0
    assert any("k never changes" in note for note in found.notes)


def test_maps_are_found_from_exact_samples():
    x = [0.3]
    for _ in range(60):
        x.append(3.6 * x[-1] * (1 - x[-1]))
    found = discover_ode(np.arange(61.0), np.array(x), kind="map", time_limit=LIMIT)
    here = np.linspace(0.1, 0.9, 20)
    shown = found.equations["x"].evaluate(np.column_stack([here, here]), ["x", "t"])
    np.testing.assert_allclose(shown, 3.6 * here * (1 - here), rtol=1e-5)
    assert "x[n+1] = " in str(found)


@pytest.mark.slow
def test_a_driven_pendulum_of_second_order_is_found():
    time = np.linspace(0.0, 15.0, 150)
    drive = np.cos(0.7 * time)
    rates = lambda t, y: [  # noqa: E731
        y[1], -2.0 * np.sin(y[0]) - 0.3 * y[1] + 0.8 * np.interp(t, time, drive)
    ]  # fmt: skip
    angle = motion(rates, [1.0, 0.0], time)[:, 0]
    noisy = angle + 0.002 * np.random.default_rng(0).normal(size=150)
    found = discover_ode(
        time, noisy, names=["a"], inputs={"u": drive}, order=2, sigma=0.002, time_limit=90.0
    )
    table = np.random.default_rng(1).uniform(-1.0, 1.0, (50, 4))
    shown = found.equations["a"].evaluate(table, ["a", "a_dot", "t", "u"])
    a, v, _, u = table.T
    np.testing.assert_allclose(shown, -2.0 * np.sin(a) - 0.3 * v + 0.8 * u, atol=0.08)


def test_the_command_writes_json_and_refuses_unknown_columns(tmp_path):
    path = tmp_path / "series.csv"
    decay = 1.0 + np.exp(-0.7 * TIME[:50])
    np.savetxt(path, np.column_stack([TIME[:50], decay]), delimiter=",", header="t,x", comments="")
    runner = CliRunner()
    asked = ["ode", str(path), "--states", "x", "--json", "--time-limit", "20"]
    told = runner.invoke(main, asked)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["errors"]["reconstruction"] > 0.999
    wrong = runner.invoke(main, ["ode", str(path), "--states", "z"])
    assert wrong.exit_code == 1 and "unknown column 'z'" in wrong.output
