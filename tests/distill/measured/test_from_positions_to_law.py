"""`discover` on positions alone: laws, errors, what is told, and what is refused."""

from __future__ import annotations

import dataclasses
import json

import jax
import numpy as np
import pytest

import jaxsym
from jaxsym.datasets import load, measured_trajectories, save
from jaxsym.distill.measured.observed import unwrapped
from jaxsym.distill.tasks import Truth
from jaxsym.distill.verdict import recovered
from jaxsym.expr import parse
from jaxsym.plotting import draw
from jaxsym.report import law_module, verdict
from jaxsym.simulate import particles


def motion(law: str, dt: float, *, bodies: int = 2, runs: int = 6, times: int = 40, noise=1e-3):
    """Noisy positions, and the noise."""
    system = particles(law, bodies=bodies, dims=2)
    data = system.simulate(jax.random.key(1), trajectories=runs, steps=times, dt=dt)
    x = np.asarray(data.position, np.float64)
    sigma = noise * x.std()
    x = x + sigma * np.random.default_rng(0).normal(size=x.shape)
    known = {name: np.asarray(getattr(data, name), np.float64) for name in ("mass", "charge")}
    return x, {"time": np.asarray(data.time, np.float64)} | known, sigma


@pytest.fixture(scope="module")
def spring():
    x, known, sigma = motion("spring", 0.1)
    x[0, 5:9, 1] = np.nan
    return jaxsym.discover(measured_trajectories(x, **known)), sigma


@pytest.mark.slow
def test_a_spring_with_errors_of_its_constants(spring):
    found, sigma = spring
    assert found.route == "weak form" and found.refit == "trajectory"
    truth = Truth(parse("2 - 1.98/r"), (parse("0"),) * 2)
    assert recovered(found.law, truth, [found.task.held_out], None)
    assert 0.8 < found.chi2_per_dof < 1.2
    assert found.noise["estimated"] and abs(found.noise["sigma"] / sigma - 1) < 0.1
    for name, value in found.constants.items():
        nearest = min((2.0, 1.98), key=lambda true: abs(true - abs(value)))
        assert abs(abs(value) - nearest) < 4 * found.uncertainty[name] < 0.02


@pytest.mark.slow
def test_what_is_told(spring):
    found, _ = spring
    result = json.loads(json.dumps(found.to_json()))
    assert result["uncertainty"].keys() == result["constants"].keys()
    assert result["route"] == "weak form" and result["refit"] == "trajectory"
    assert result["chi2_per_dof"] == pytest.approx(found.chi2_per_dof)
    assert result["held_out"]["residual_in_sigma"] < 1.5
    assert 0 < result["held_out"]["prediction_horizon"] <= result["held_out"]["predicted_for"]
    assert result["errors"]["neural"] is None and result["noise"]["estimated"] is True
    assert "chi2/dof" in repr(found) and "chi2/dof" in verdict(found)
    assert "CONSTANTS" in law_module(found)
    figure = draw(found)
    assert len(figure.axes) == 3
    assert np.nanstd(found.trajectory.residuals) == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
def test_a_law_that_is_poor_is_said_to_be(spring):
    found, _ = spring
    poor = dataclasses.replace(found.trajectory, chi2=3.0 * found.trajectory.dof)
    assert "does not explain" in verdict(dataclasses.replace(found, trajectory=poor))


def test_noise_larger_than_the_motion_is_refused():
    x, known, _ = motion("spring", 0.1)
    x = np.arange(2.0)[:, None] + np.random.default_rng(0).normal(size=x.shape)
    with pytest.raises(ValueError, match="noise, .* is larger than the motion"):
        jaxsym.discover(measured_trajectories(x, **known))


def test_jumps_are_named_and_boxes_unwrapped():
    x, known, _ = motion("spring", 0.1)
    x = x + 3.0 * known["time"][:, None, None]  # all bodies drift through a box
    box = 6.0
    data = measured_trajectories(x % box, **known, names=["a", "b"])
    first = x - box * np.floor(x[:, :1] / box)
    np.testing.assert_allclose(unwrapped(data, box).measured.position, first, atol=1e-9)
    with pytest.raises(ValueError, match=r"body [ab] jumps by .* at time .* of trajectory"):
        jaxsym.discover(data)


def test_options_for_positions_alone():
    for option in ("sigma", "box"):
        with pytest.raises(ValueError, match=f"{option} is given for 'spring'"):
            jaxsym.discover("spring", **{option: 1.0})


def test_a_shape_of_sigma_that_cannot_be():
    x, known, _ = motion("spring", 0.1)
    with pytest.raises(ValueError, match="sigma has shape"):
        jaxsym.discover(measured_trajectories(x, **known), sigma=[1.0, 1.0, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "dt", "truth"), [("r2", 0.01, "m1*m2/(r*(r + 0.01)**2)"), ("damped", 0.1, "2 - 1.98/r")]
)
def test_laws_of_four_bodies_in_a_file(law, dt, truth, tmp_path):
    x, known, _ = motion(law, dt, bodies=4, runs=12, times=60)
    save(tmp_path / "run.csv", measured_trajectories(x, **known))
    found = jaxsym.discover(tmp_path / "run.csv")
    held_out = found.task.held_out
    pairs = dataclasses.replace(found.law, drag=None)
    assert recovered(pairs, Truth(parse(truth), (parse("0"),) * 2), [held_out], None)
    assert 0.9 < found.chi2_per_dof < 1.1
    assert load(tmp_path / "run.csv").measured is not None
