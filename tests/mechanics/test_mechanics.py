"""Euler-Lagrange, accelerations, energy and Hamilton against closed forms, all in float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym import mechanics
from jaxsym.simulate import mechanical

M1, L1, M2, L2, G = 3.0, 2.67, 1.0, 1.67, 9.81
pytestmark = pytest.mark.usefixtures("x64")


def states(count: int, dims: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-np.pi / 2, np.pi / 2, (3, count, dims))


def double_pendulum(q, qd, qdd):
    """Equation 15 of Valle & Haddadin 2021, differentiated by hand."""
    (q1, q2), (v1, v2), (a1, a2) = q.T, qd.T, qdd.T
    shared = M2 * L1 * L2 / 2
    cos, sin = np.cos(q1 - q2), np.sin(q1 - q2)
    first = (M1 / 3 + M2) * L1**2 * a1 + shared * (a2 * cos + v2**2 * sin)
    second = M2 / 3 * L2**2 * a2 + shared * (a1 * cos - v1**2 * sin)
    return np.stack(
        [
            first + (M1 / 2 + M2) * G * L1 * np.sin(q1),
            second + M2 / 2 * G * L2 * np.sin(q2),
        ],
        axis=1,
    )


def cart_pole(q, qd, qdd, M=1.0, m=0.3, length=1.2):
    (_, angle), (_, turn), (a1, a2) = q.T, qd.T, qdd.T
    half = m * length / 2
    first = (M + m) * a1 + half * (a2 * np.cos(angle) - turn**2 * np.sin(angle))
    second = m * length**2 / 3 * a2 + half * (a1 * np.cos(angle) - G * np.sin(angle))
    return np.stack([first, second], axis=1)


def rods(masses, lengths):
    """L of hanging rods from where their centers are, without any formula for the chain."""
    masses, lengths = jnp.asarray(masses), jnp.asarray(lengths)

    def centers(q):
        links = lengths[:, None] * jnp.stack([jnp.sin(q), -jnp.cos(q)], axis=1)
        return jnp.cumsum(links, axis=0) - links / 2

    def lagrangian(q, qd):
        position, velocity = jax.jvp(centers, (q,), (qd,))
        kinetic = jnp.sum(masses[:, None] * velocity**2) / 2
        turning = jnp.sum(masses * lengths**2 / 12 * qd**2) / 2
        return kinetic + turning - G * jnp.sum(masses * position[:, 1])

    return lagrangian


@pytest.mark.parametrize(
    ("name", "closed_form"), [("double-pendulum", double_pendulum), ("cart-pole", cart_pole)]
)
def test_torques_and_accelerations_against_closed_forms(name, closed_form):
    q, qd, qdd = states(200, 2)
    system = mechanical(name)
    tau = mechanics.euler_lagrange(system.function())(q, qd, qdd)
    np.testing.assert_allclose(tau, closed_form(q, qd, qdd), rtol=1e-12, atol=1e-12)
    back = mechanics.accelerations(system.function())(q, qd, tau)
    np.testing.assert_allclose(back, qdd, atol=1e-11)


@pytest.mark.parametrize("links", [1, 2, 3, 5])
def test_chains_against_positions_of_their_rods(links):
    masses, lengths = np.linspace(1.0, 2.0, links), np.linspace(0.5, 1.5, links)
    chain = mechanical("chain", links=links, masses=masses, lengths=lengths)
    q, qd, qdd = states(50, links)
    expected = mechanics.euler_lagrange(rods(masses, lengths))(q, qd, qdd)
    np.testing.assert_allclose(chain.torques(q, qd, qdd), expected, rtol=1e-11, atol=1e-11)


def test_compiled_mapped_and_plain_agree():
    q, qd, qdd = states(5, 2)
    for function in (mechanics.euler_lagrange, mechanics.accelerations):
        plain = function(mechanical("double-pendulum").function())
        together = np.asarray(plain(q, qd, qdd))
        one_by_one = np.stack([plain(*row) for row in zip(q, qd, qdd, strict=True)])
        np.testing.assert_allclose(together, one_by_one, rtol=1e-12)
        np.testing.assert_allclose(together, jax.jit(jax.vmap(plain))(q, qd, qdd), rtol=1e-12)


def test_torques_are_differentiable_in_the_masses():
    q, qd, qdd = (values[0] for values in states(1, 2))
    system = mechanical("double-pendulum")

    def first_torque(m1):
        return mechanics.euler_lagrange(system.function({"m1": m1}))(q, qd, qdd)[0]

    slope = jax.grad(first_torque)(3.0)
    h = 1e-5
    np.testing.assert_allclose(
        slope, (first_torque(3.0 + h) - first_torque(3.0 - h)) / (2 * h), rtol=1e-8
    )


def test_accelerations_are_differentiable():
    q, qd, tau = (values[0] for values in states(1, 2))
    solve = mechanics.accelerations(mechanical("cart-pole").function())
    slopes = jax.jacobian(solve)(q, qd, tau)
    h = 1e-6
    for k in range(2):
        step = h * np.eye(2)[k]
        difference = (solve(q + step, qd, tau) - solve(q - step, qd, tau)) / (2 * h)
        np.testing.assert_allclose(slopes[:, k], difference, atol=1e-7)


def test_forces_are_an_extra_term():
    q, qd, qdd = states(10, 2)
    system = mechanical("double-pendulum")

    def friction(q, qd):
        return -0.5 * qd

    free = mechanics.euler_lagrange(system.function())(q, qd, qdd)
    tau = mechanics.euler_lagrange(system.function(), friction)(q, qd, qdd)
    np.testing.assert_allclose(tau, free + 0.5 * qd, atol=1e-12)
    back = mechanics.accelerations(system.function(), friction)(q, qd, tau)
    np.testing.assert_allclose(back, qdd, atol=1e-10)


def test_hamilton_agrees_with_lagrange():
    """A pendulum with a mass matrix that turns with it, by both equations."""

    def lagrangian(q, qd):
        return (1 + 0.5 * jnp.sin(q[0]) ** 2) * qd[0] ** 2 / 2 + 3 * jnp.cos(q[0])

    def hamiltonian(q, p):
        return p[0] ** 2 / (2 + jnp.sin(q[0]) ** 2) - 3 * jnp.cos(q[0])

    q, p = jnp.array([0.7]), jnp.array([-0.4])
    push = mechanics.hamilton(hamiltonian, lambda q, qd: -0.2 * qd)
    qd, pd = push(q, p)
    qdd = mechanics.accelerations(lagrangian, lambda q, qd: -0.2 * qd)(q, qd, jnp.zeros(1))
    _, rate = jax.jvp(jax.grad(lagrangian, 1), (q, qd), (qd, qdd))
    np.testing.assert_allclose(rate, pd, rtol=1e-12)
    energy = mechanics.energy(lagrangian)(q, qd)
    np.testing.assert_allclose(energy, hamiltonian(q, p), rtol=1e-12)


@pytest.mark.nans
def test_singular_mass_matrices_are_told_with_their_place():
    def lagrangian(q, qd):
        return q[0] * qd[0] ** 2 + qd[1] ** 2

    q = jnp.array([[1.0, 0.0], [0.0, 2.0]])
    solve = mechanics.accelerations(lagrangian)
    with pytest.raises(ValueError, match=r"singular at q = \[0.0, 2.0\].*state \(1,\)"):
        solve(q, jnp.ones((2, 2)), jnp.ones((2, 2)))
    inside = jax.jit(solve)(q, jnp.ones((2, 2)), jnp.ones((2, 2)))
    assert np.isfinite(inside[0]).all() and np.isnan(inside[1]).all()


def test_a_lagrangian_must_be_a_scalar():
    with pytest.raises(ValueError, match=r"shape \(2,\).*expected a scalar"):
        mechanics.euler_lagrange(lambda q, qd: q)(jnp.ones(2), jnp.ones(2), jnp.ones(2))
