"""A system that changed: noticed, and adapted to, from few new states."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.simulate import MechanicalSystem, mechanical
from jaxsym.syrenets import detect_change, discover_lagrangian

KEY = jax.random.key
PENDULUM = mechanical("double-pendulum", friction=(0.5, 0.2))
NOISE = 0.01


def states(system, seed, count, noise=0.0):
    data = system.sample(KEY(seed), count)
    off = noise * data.tau.std(axis=0) * np.random.default_rng(seed).normal(size=data.tau.shape)
    return data._replace(tau=data.tau + off)


@pytest.fixture(scope="module")
def exact():
    return discover_lagrangian(*states(PENDULUM, 0, 500), route="direct")


@pytest.fixture(scope="module")
def noisy():
    return discover_lagrangian(*states(PENDULUM, 0, 3000, NOISE), route="direct")


def test_other_masses_are_found_from_ten_states(exact):
    other = mechanical("double-pendulum", m2=1.4, friction=(0.5, 0.3))
    change = detect_change(exact, *states(other, 1, 10))
    assert change.verdict == "constants" and change.refitted > 0.01 > change.as_before
    np.testing.assert_allclose(change.system.friction, other.friction, rtol=1e-8)
    data = states(other, 2, 50)
    torques = change.system.torques(data.q, data.qd, data.qdd)
    np.testing.assert_allclose(torques, data.tau, rtol=1e-8, atol=1e-8)
    assert set(change.changed) == set(exact.constants)


def test_a_system_as_it_was_raises_no_alarm(exact, noisy):
    assert detect_change(exact, *states(PENDULUM, 3, 10)).verdict == "none"
    verdicts = [
        detect_change(noisy, *states(PENDULUM, seed, 10, NOISE)).verdict for seed in range(4, 64)
    ]
    assert verdicts.count("none") >= 58


def test_constants_in_noise_are_adapted_better_than_found_anew(noisy):
    other = mechanical("double-pendulum", m1=2.0, m2=1.4, friction=(0.5, 0.2))
    found = [detect_change(noisy, *states(other, seed, 10, NOISE)) for seed in range(70, 80)]
    assert all(change.verdict == "constants" for change in found)
    scores = []
    for change in found:
        data = states(other, 1, 200)
        off = change.system.torques(data.q, data.qd, data.qdd) - data.tau
        assert np.all(off.std(axis=0) < 0.05 * data.tau.std(axis=0))
        weight = (2.0 / 2 + 1.4) * 9.81 * 2.67
        scores.append((change.constants["cos(q1)"] - weight) / change.uncertainty["cos(q1)"])
    assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 2.0
    with pytest.raises(ValueError, match="too few for a library"):
        discover_lagrangian(*states(other, 70, 20, NOISE), route="direct")


@pytest.mark.parametrize("which", ["exact", "noisy"])
def test_another_structure_is_noticed(which, request):
    found = request.getfixturevalue(which)
    noise = NOISE if which == "noisy" else 0.0
    spring = MechanicalSystem(
        "", PENDULUM.lagrangian + parse("-20*q2**2"), 2, friction=PENDULUM.friction
    )
    change = detect_change(found, *states(spring, 5, 15, noise))
    assert change.verdict == "structure" and change.explanation == ""


def test_friction_that_appears_is_named(exact):
    worn = mechanical(
        "double-pendulum", friction=(0.5, 0.2), drag=[parse("2*sign(qd1)"), parse("0")]
    )
    change = detect_change(exact, *states(worn, 6, 15))
    assert change.verdict == "structure"
    assert change.explanation == "drag of 2*(sign(qd1)) on coordinate 1 explains it"


def test_bad_input(exact):
    data = states(PENDULUM, 1, 4)
    with pytest.raises(
        ValueError, match="4 states are too few to fit 7 constants; expected at least 5"
    ):
        detect_change(exact, *data)
    with pytest.raises(ValueError, match="q has 1 coordinates; expected 2"):
        detect_change(exact, *(v[:, :1] for v in data))
    with pytest.raises(ValueError, match=r"noise is \[-1.0, -1.0\]"):
        detect_change(exact, *states(PENDULUM, 1, 10), noise=-1.0)
