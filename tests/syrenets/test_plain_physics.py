"""Friction of several laws, offsets, wrapped angles, coordinates that rest, constraints."""

from __future__ import annotations

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.datasets import MechanicalData
from jaxsym.expr import parse
from jaxsym.simulate import MechanicalSystem, mechanical, simulate_mechanical
from jaxsym.syrenets import discover_lagrangian
from jaxsym.syrenets.hints import hints
from jaxsym.syrenets.preparation import prepared

KEY = jax.random.key(0)
PENDULUM = mechanical("double-pendulum")
STRIBECK = "0.3*sign(qd1) + 0.2*sign(qd1)*exp(-(qd1/0.25)**2)"
# a light pair of links, whose friction is not lost beside its torques
LIGHT = {"m1": 0.3, "l1": 0.4, "m2": 0.1, "l2": 0.3}

DRAGS = {
    "Coulomb": ("0.3*sign(qd1)", "0.1*sign(qd2)"),
    "quadratic": ("0.2*abs(qd1)*qd1", "0"),
    "Stribeck": (STRIBECK, "0.1*sign(qd2) + 0.05*abs(qd2)*qd2"),
}


@pytest.mark.parametrize("laws", DRAGS.values(), ids=DRAGS)
def test_laws_of_friction_are_found_exactly(laws):
    drag = [parse(law) for law in laws]
    system = mechanical("double-pendulum", friction=(0.5, 0.2), drag=drag)
    found = discover_lagrangian(*system.sample(KEY, 700), route="direct", truth=PENDULUM.lagrangian)
    assert found.exact and found.recovered
    np.testing.assert_allclose(found.system.friction, system.friction, atol=1e-9)
    speeds = np.random.default_rng(0).uniform(-1.5, 1.5, (50, 2))
    for law, true in zip(found.fit.drag, drag, strict=True):
        expected = np.broadcast_to(true.evaluate(speeds, ("qd1", "qd2")), 50)
        got = np.broadcast_to(law.evaluate(speeds, ("qd1", "qd2")), 50)
        np.testing.assert_allclose(got, expected, atol=1e-8)
    assert json.dumps(found.to_json()["drag"])


def test_stribeck_friction_in_noise():
    system = mechanical("double-pendulum", drag=[parse(STRIBECK), parse("0.05*sign(qd2)")], **LIGHT)
    data = system.sample(KEY, 3000)
    noise = 0.01 * np.random.default_rng(1).normal(size=data.tau.shape) * data.tau.std(axis=0)
    found = discover_lagrangian(*data._replace(tau=data.tau + noise), route="direct")
    assert len(found.constants) == 5 and "exp" in str(found.fit.drag[0])
    at = np.array([[0.05, 0.0], [0.3, 0.0], [1.2, 0.0]])
    names = ("qd1", "qd2")
    np.testing.assert_allclose(
        found.fit.drag[0].evaluate(at, names), parse(STRIBECK).evaluate(at, names), rtol=0.1
    )


def test_drag_slows_a_simulated_system():
    body = MechanicalSystem("", parse("qd1**2"), 1, drag=[parse("0.6*sign(qd1)")])
    motion = simulate_mechanical(body, [0.0], [3.0], steps=11, dt=0.1)
    np.testing.assert_allclose(motion.qd[:, 0], 3.0 - 0.3 * motion.time, atol=1e-9)
    with pytest.raises(ValueError, match="drag has 2 formulas; expected 1"):
        MechanicalSystem("", parse("qd1**2"), 1, drag=[parse("qd1"), parse("qd1")])
    with pytest.raises(ValueError, match="q1"):
        MechanicalSystem("", parse("qd1**2"), 1, drag=[parse("q1")])


def test_viscous_friction_is_positive_semidefinite():
    system = mechanical("double-pendulum", friction=[[0.4, 0.0], [0.0, -0.3]])
    data = system.sample(KEY, 600)
    found = discover_lagrangian(*data, route="direct")
    assert np.linalg.eigvalsh(np.array(found.system.friction))[0] >= -1e-12
    assert any("energy comes in" in hint for hint in found.hints)
    coupled = mechanical("double-pendulum", friction=[[0.4, -0.1], [-0.1, 0.3]])
    found = discover_lagrangian(*coupled.sample(KEY, 600), route="direct")
    np.testing.assert_allclose(found.system.friction, coupled.friction, atol=1e-9)


def test_hints_name_an_offset_and_dry_friction():
    data = PENDULUM.sample(KEY, 600)
    dry = data._replace(tau=data.tau + 0.4 * np.sign(data.qd) + np.array([0.0, 0.7]))
    found = discover_lagrangian(*dry, route="direct", friction=False)
    text = " ".join(found.hints)
    assert re.search(r"constant torque of 0\.[67]\d* acts on the angle q2", text)
    assert "follows the sign of qd1: Coulomb friction" in text
    silent = discover_lagrangian(*data, route="direct")
    assert silent.hints == ()


def test_torques_that_do_not_depend_on_the_coordinates():
    body = MechanicalSystem("", parse("qd1**2 + 0.5*qd1*qd2 + qd2**2"), 2)
    found = discover_lagrangian(*body.sample(KEY, 300), route="direct")
    assert found.exact and "no term depends on a coordinate" in found.hints[0]


def test_a_lagrangian_that_explains_nothing_is_said_to():
    data = PENDULUM.sample(KEY, 600)
    fit = discover_lagrangian(*data, route="direct").fit
    [hint] = hints(data._replace(tau=data.tau[::-1]), fit)
    assert "explains nothing" in hint and "times the variance" in hint


def test_wrapped_angles_are_continued():
    def control(t, q, qd):
        return jnp.stack([6.0 + jnp.sin(3 * t)])

    one = mechanical("chain", links=1)
    motion = simulate_mechanical(one, [0.0], [0.0], steps=400, dt=0.01, control=control)
    wrapped = (motion.q + np.pi) % (2 * np.pi) - np.pi
    assert np.ptp(motion.q) > 10
    data, told = prepared(MechanicalData(wrapped, motion.qd, motion.qdd, motion.tau))
    np.testing.assert_allclose(data.q, motion.q, atol=1e-9)
    assert "q1 jumps by full turns" in told[0]
    _, silent = prepared(PENDULUM.sample(KEY, 300, low=-np.pi, high=np.pi))
    assert silent == ()


def test_a_coordinate_that_never_moves_is_named_and_left_out():
    data = PENDULUM.sample(KEY, 400)
    still = [np.insert(v, 1, c, axis=1) for v, c in zip(data, (0.3, 0.0, 0.0, 2.0), strict=True)]
    found = discover_lagrangian(*still, route="direct", truth=PENDULUM.lagrangian)
    assert found.exact and found.recovered and found.system.coordinates == 2
    assert "q2 (always 0.3) never moves" in found.hints[0] and "q2 is your q3" in found.hints[0]


def test_constraints_are_refused():
    rng = np.random.default_rng(0)
    heading, spin, turn = rng.uniform(-1, 1, (3, 400))
    # a wheel of radius 0.2 that rolls: x and y follow from its heading and spin
    qd = np.stack([0.2 * np.cos(heading) * spin, 0.2 * np.sin(heading) * spin, turn, spin], axis=1)
    q = np.stack([*rng.uniform(-1, 1, (2, 400)), heading, rng.uniform(-1, 1, 400)], axis=1)
    with pytest.raises(ValueError, match=r"constraint: qd1 is 0.2\*qd4\*cos\(q3\) in all states"):
        discover_lagrangian(q, qd, rng.normal(size=q.shape), rng.normal(size=q.shape))
