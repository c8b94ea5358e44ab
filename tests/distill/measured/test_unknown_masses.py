"""Laws and masses from positions alone, with errors of both."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import jaxsym
from jaxsym.datasets import measured_trajectories
from jaxsym.distill.measured.masses import start_masses
from jaxsym.distill.measured.restating import StatedLaw, by_their_pull
from jaxsym.distill.tasks import Truth
from jaxsym.distill.verdict import recovered
from jaxsym.expr import parse
from jaxsym.inference import ACTED_ON, ACTING, BodyPull, BodyPulls, body_pulls
from jaxsym.laws import VARIABLES, ParticleLaw
from jaxsym.simulate import particles

MASSES = np.array([2.0, 1.0, 0.5])
G, AU, YEAR = 4 * np.pi**2, 1.495978707e11, 3.15576e7
STARS = np.array([1.0, 0.01, 0.004])  # a sun and its planets
INPUTS = np.random.default_rng(0).uniform(0.5, 2.0, (200, len(VARIABLES)))


def motion(law: str, dt: float, masses=MASSES, *, runs: int = 8, times: int = 50, noise=1e-3):
    """Times and noisy positions of the same bodies in each run."""
    system = particles(law, bodies=len(masses), dims=2)
    state = system.initial(jax.random.key(3), runs)
    state = state._replace(mass=np.tile(np.float32(masses), (runs, 1)))
    data = system.rollout(state, steps=times, dt=dt)
    x = np.asarray(data.position, np.float64)
    x = x + noise * x.std() * np.random.default_rng(0).normal(size=x.shape)
    return np.asarray(data.time, np.float64), x


def pull(strength: float, r: np.ndarray) -> BodyPull:
    return BodyPull(r, strength / r**2, np.diag(np.full(len(r), 1e-8)))


def test_strengths_of_bodies_at_other_distances():
    r = np.linspace(1.0, 2.0, 40)
    pulls = [pull(3.0, r), pull(0.3, 2.0 * r), None]
    found = start_masses(BodyPulls(ACTING, "1", pulls, 1.0))
    np.testing.assert_allclose(found.mass, [1.0, 0.1, 1e-6], rtol=1e-3)
    assert found.factor == "m2" and ("central", "m2") in found.kinds
    found = start_masses(BodyPulls(ACTED_ON, "q1*q2", pulls, 1.0))
    np.testing.assert_allclose(found.mass[:2], [1.0, 10.0], rtol=1e-3)
    assert found.factor == "q1*q2/m1" and found.mass[2] > found.mass[1]


def test_no_pull_is_no_law():
    with pytest.raises(ValueError, match="no pull along the lines"):
        start_masses(BodyPulls(ACTING, "1", [None, None], 1.0))


def test_masses_by_what_they_pull():
    law = ParticleLaw(parse("4.0*m2/(r + 0.1)**3"), False, 2)
    covariance = np.diag([0.1, 0.01, 0.0, 0.02]) ** 2
    covariance[0, 3] = covariance[3, 0] = 0.001
    found = by_their_pull(StatedLaw(law, covariance, np.array([1.0, 0.5])), INPUTS)
    assert found.law.coefficient.constants == pytest.approx((0.1,))
    np.testing.assert_allclose(found.masses, [4.0, 2.0])
    both = 0.25 * 0.01 + 16.0 * 0.0004 + 2 * 0.5 * 4.0 * 0.001
    np.testing.assert_allclose(found.errors, [0.01, 0.1, np.sqrt(both)])


def test_a_law_of_which_masses_are_no_strengths_stays():
    given = StatedLaw(ParticleLaw(parse("2.0/m1"), False, 2), np.zeros((3, 3)), np.ones(2))
    assert by_their_pull(given, INPUTS) is given


def test_bodies_that_yield_and_bodies_that_pull():
    time, x = motion("spring", 0.1)
    assert body_pulls(time, x).end == ACTED_ON
    time, x = motion("r1", 0.02)
    assert body_pulls(time, x).end == ACTING


def orbits(masses: np.ndarray, radii: np.ndarray, years: float, times: int):
    """Bodies on nearly circular orbits about the first, in AU, years and solar masses."""
    speed = np.sqrt(G * masses[0] / np.maximum(radii, 1e-9)) * (radii > 0)
    angle = np.arange(len(masses)) * 2.0
    out = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = radii[:, None] * out
    v = speed[:, None] * out[:, ::-1] * [-1.0, 1.0]
    v -= masses @ v / masses.sum()

    def rate(_, flat):
        x, v = flat.reshape(2, -1, 2)
        d = x[None] - x[:, None]
        cube = np.sum(d**2, axis=-1) ** 1.5 + np.eye(len(masses))
        return np.stack([v, G * np.einsum("j,ijd->id", masses, d / cube[..., None])]).ravel()

    time = np.linspace(0.0, years, times)
    start = np.stack([x, v]).ravel()
    motion = solve_ivp(rate, (0.0, years), start, "DOP853", time, rtol=1e-12, atol=1e-12).y
    return time, np.moveaxis(motion.reshape(2, -1, 2, times)[0], -1, 0)[None]


@pytest.fixture(scope="module")
def gravity():
    """A star and two heavy planets, in meters and seconds of 1970."""
    time, x = orbits(STARS, np.array([0.0, 1.0, 2.3]), 6.0, 200)
    x = x + 1e-4 * np.random.default_rng(0).normal(size=x.shape)
    unit = AU**3 / YEAR**2
    data = measured_trajectories(AU * x, time=1.7e9 + YEAR * time, names=["a", "b", "c"])
    return jaxsym.discover(data), unit


@pytest.mark.slow
def test_masses_with_errors_in_units_of_the_user(gravity):
    found, unit = gravity
    assert found.route == "weak form" and 0.85 < found.chi2_per_dof < 1.15
    assert str(found.law.coefficient) == "m2/r**3"
    masses = np.array(list(found.masses.values())) / unit
    errors = np.array(list(found.mass_uncertainty.values())) / unit
    assert (np.abs(masses - G * STARS) < 4 * errors).all()
    assert errors[0] < 1e-3 * masses[0] and (errors[1:] < 0.1 * masses[1:]).all()
    told = json.loads(json.dumps(found.to_json()))["parameters"]
    assert told["uncertainty"].keys() == told["found"].keys() == {"a", "b", "c"}
    assert "pull" in told["meaning"]


@pytest.mark.slow
def test_masses_of_bodies_on_springs():
    time, x = motion("spring", 0.1)
    found = jaxsym.discover(measured_trajectories(x, time=time))
    masses = np.array(list(found.masses.values()))
    errors = np.array(list(found.mass_uncertainty.values()))
    off = (masses / masses[0] - MASSES / MASSES[0])[1:] / errors[1:]
    assert (np.abs(off) < 4).all() and (errors < 0.02).all()
    assert found.chi2_per_dof == pytest.approx(1.0, abs=0.1)


@pytest.mark.slow
def test_bodies_that_are_alike_need_no_masses():
    time, x = motion("spring", 0.1, np.ones(3))
    found = jaxsym.discover(measured_trajectories(x, time=time))
    assert found.masses is None and "m" not in str(found.law.coefficient)
    truth = Truth(parse("2 - 1.98/r"), (parse("0"),) * 2)
    assert recovered(found.law, truth, [found.task.held_out], np.ones(3))
