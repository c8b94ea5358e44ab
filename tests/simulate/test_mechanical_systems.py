"""Mechanical systems: motion, energy, friction, actuation, and bad input."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.simulate import MechanicalSystem, mechanical, simulate_mechanical


def test_energy_is_conserved_without_friction_and_falls_with_it():
    free = mechanical("double-pendulum")
    motion = simulate_mechanical(free, [1.0, -0.5], [0.0, 0.3], steps=201, dt=0.01)
    energy = free.energy(motion.q, motion.qd)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)
    damped = mechanical("double-pendulum", friction=(0.5, 0.2))
    motion = simulate_mechanical(damped, [1.0, -0.5], [0.0, 0.3], steps=201, dt=0.01)
    energy = damped.energy(motion.q, motion.qd)
    work = np.trapezoid(-(motion.qd**2 @ np.array([0.5, 0.2])), motion.time)
    assert energy[-1] - energy[0] == pytest.approx(work, rel=1e-4) and work < -0.1


def test_small_swings_have_the_period_of_a_rod():
    length = 1.3
    chain = mechanical("chain", links=1, lengths=[length])
    period = 2 * np.pi * np.sqrt(2 * length / (3 * 9.81))
    motion = simulate_mechanical(chain, [1e-4], [0.0], steps=401, dt=period / 400)
    assert motion.q[-1, 0] == pytest.approx(1e-4, rel=1e-6)
    assert motion.q[200, 0] == pytest.approx(-1e-4, rel=1e-6)


def test_a_control_holds_the_cart_pole_still():
    system = mechanical("cart-pole", gains=(2.0, 1.0))
    q = np.array([0.3, 0.4])
    tau = system.torques(q, np.zeros(2), np.zeros(2))
    motion = simulate_mechanical(
        system, q, [0.0, 0.0], steps=20, dt=0.01, control=lambda t, q, qd: jnp.asarray(tau)
    )
    np.testing.assert_allclose(motion.q[-1], q, atol=1e-9)
    np.testing.assert_allclose(motion.tau, np.tile(tau, (20, 1)))


def test_samples_obey_the_equations_of_motion():
    for system in (
        mechanical("double-pendulum", friction=(0.3, 0.1), gains=(2.0, 5.0)),
        mechanical("cart-pole", gains=(1.5, 0.0)),
    ):
        data = system.sample(jax.random.key(1), 100)
        np.testing.assert_allclose(
            system.accelerations(data.q, data.qd, data.tau), data.qdd, atol=1e-9
        )
    assert (data.tau[:, 1] == 0).all() and np.ptp(data.tau[:, 0]) > 1


def test_friction_and_gains_enter_the_commands():
    q, qd, qdd = np.random.default_rng(0).normal(size=(3, 30, 2))
    plain = mechanical("cart-pole").torques(q, qd, qdd)
    found = mechanical("cart-pole", friction=(0.4, 0.1), gains=(2.0, 4.0)).torques(q, qd, qdd)
    np.testing.assert_allclose(found, (plain + qd * [0.4, 0.1]) / [2.0, 4.0], atol=1e-12)


def test_the_truth_is_an_expression():
    system = mechanical("double-pendulum")
    point = np.random.default_rng(0).normal(size=4)
    m1, l1, m2, l2, g = 3.0, 2.67, 1.0, 1.67, 9.81
    q1, q2, v1, v2 = point
    expected = (
        (m1 / 3 + m2) * l1**2 * v1**2 / 2
        + m2 / 3 * l2**2 * v2**2 / 2
        + m2 * l1 * l2 * v1 * v2 * np.cos(q1 - q2) / 2
        + (m1 / 2 + m2) * g * l1 * np.cos(q1)
        + m2 / 2 * g * l2 * np.cos(q2)
    )
    assert system.lagrangian.evaluate(point, system.variables) == pytest.approx(expected)
    spread = system.sample(jax.random.key(0), 20_000).tau.var(axis=0)
    np.testing.assert_allclose(spread, [2397, 48.9], rtol=0.02)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: mechanical("cartpole"), "did you mean 'cart-pole'"),
        (lambda: mechanical("cart-pole", mass=1.0), "unknown parameter 'mass'"),
        (lambda: mechanical("cart-pole", m=0.0), "m is 0.0; expected a positive"),
        (lambda: mechanical("cart-pole", friction=[1.0]), r"friction has shape \(1,\)"),
        (lambda: mechanical("cart-pole", gains=[1.0, np.nan]), "gains has a non-finite"),
        (lambda: mechanical("chain", links=0), "links is 0"),
        (lambda: mechanical("chain", links=2, masses=[1.0]), "masses has 1 entries"),
        (lambda: MechanicalSystem("x", parse("qd1**2 + p2"), 1), "variable of the Lagrangian 'p2'"),
    ],
)
def test_bad_systems(make, part):
    with pytest.raises(ValueError, match=part):
        make()


@pytest.mark.nans
def test_bad_motions():
    system = mechanical("cart-pole")
    with pytest.raises(ValueError, match=r"q has shape \(1,\); expected \(2,\)"):
        simulate_mechanical(system, [0.0], [0.0], steps=5, dt=0.1)
    with pytest.raises(ValueError, match="dt 0"):
        simulate_mechanical(system, [0.0, 0.0], [0.0, 0.0], steps=5, dt=0)
    massless = MechanicalSystem("massless", parse("q1*qd1**2"), 1)
    with pytest.raises(ValueError, match=r"singular at q = \[0.0\]"):
        simulate_mechanical(massless, [0.0], [0.0], steps=5, dt=0.1)
