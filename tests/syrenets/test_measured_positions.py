"""Lagrangians from noisy positions and torques alone: weak forms in time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.datasets import MechanicalData
from jaxsym.expr import parse
from jaxsym.simulate import mechanical, simulate_mechanical
from jaxsym.syrenets import (
    ExpressionLibrary,
    WaveLibrary,
    gauge_fixed,
    lagrangian_from_positions,
    lagrangian_libraries,
    wave_terms,
)
from jaxsym.syrenets.measured.weak import WeakTorques

LIGHT = {"m1": 0.3, "l1": 0.4, "m2": 0.1, "l2": 0.3}
RNG = np.random.default_rng(0)


def run(system, seed=0, samples=600, step=0.01, noise=1e-3, size=1.0):
    """A driven run; what was measured of it with noise in shares of the deviations."""
    rng, dims = np.random.default_rng(seed), system.coordinates
    rates, phases = (jnp.asarray(rng.uniform(*ends, (3, dims))) for ends in ((2, 10), (0, 6)))

    def control(t, q, qd):
        return size * jnp.sin(rates * t + phases).sum(0) - 0.02 * qd

    start = rng.uniform(-1, 1, dims)
    motion = simulate_mechanical(system, start, 0 * start, steps=samples, dt=step, control=control)
    shaken = [v + noise * v.std(axis=0) * rng.normal(size=v.shape) for v in (motion.q, motion.tau)]
    return motion.time, *shaken


@pytest.fixture(scope="module")
def double():
    system = mechanical("double-pendulum", **LIGHT)
    return system, run(system, samples=800, size=0.5)


def test_a_double_pendulum(double):
    system, measured = double
    found = lagrangian_from_positions(*measured, truth=system.lagrangian)
    truth = gauge_fixed(wave_terms(system.lagrangian, 2))
    terms = gauge_fixed(wave_terms(found.lagrangian, 2))
    assert terms.keys() == truth.keys() and found.recovered and found.route == "positions"
    errors = dict(zip(found.fit.library.terms, found.fit.uncertainty, strict=True))
    for term, value in truth.items():
        assert abs(terms[term] / value - 1) < max(0.01, 4 * errors[term])
        assert errors[term] < 0.01
    assert found.chi2_per_row < 1.5 and found.torque_mse_relative < 0.02
    assert found.hints == () and found.to_json()["chi2_per_row"] == found.chi2_per_row


def test_errors_are_honest():
    system = mechanical("chain", links=1)
    truth = gauge_fixed(wave_terms(system.lagrangian, 1))
    off = []
    for seed in range(6):
        found = lagrangian_from_positions(*run(system, seed, samples=200, step=0.03, size=3.0))
        terms = gauge_fixed(wave_terms(found.lagrangian, 1))
        assert terms.keys() == truth.keys()
        for term, error in zip(found.fit.library.terms, found.fit.uncertainty, strict=True):
            off.append((terms[term] / truth[term] - 1) / error)
    assert 0.5 < np.sqrt(np.mean(np.square(off))) < 1.8


def test_friction_of_a_measured_run():
    system = mechanical("chain", links=1, friction=[0.4], drag=[parse("0.5*sign(qd1)")])
    found = lagrangian_from_positions(*run(system, samples=500, step=0.02, size=4.0))
    assert set(found.constants) == {"qd1**2", "cos(q1)"}
    speeds = np.linspace(0.3, 3.0, 20)[:, None]
    force = found.fit.drag[0].evaluate(speeds, ("qd1",)) + found.fit.friction[0, 0] * speeds[:, 0]
    np.testing.assert_allclose(force, 0.5 + 0.4 * speeds[:, 0], rtol=0.1)


def test_a_run_sampled_too_slowly_is_named():
    system = mechanical("chain", links=1, lengths=[0.05])
    terms = ["qd1**2", "cos(q1)", "q1**2"]
    found = lagrangian_from_positions(
        *run(system, samples=150, step=0.15, size=0.05), library=terms
    )
    assert "samples are too far apart" in found.hints[0]
    with pytest.raises(ValueError, match="mass matrix.*samples are too far apart"):
        lagrangian_from_positions(*run(system, samples=150, step=0.2, size=0.05), library=terms)


def test_gradients_are_those_of_automatic_differentiation():
    library = next(lagrangian_libraries(2))
    some = library.part(range(0, len(library), 3))
    q, qd = RNG.normal(size=(2, 20, 2))
    ours, theirs = some.gradients(q, qd), ExpressionLibrary(some.expressions).gradients(q, qd)
    np.testing.assert_allclose(ours.by_q, theirs.by_q, atol=1e-12)
    np.testing.assert_allclose(ours.by_qd, theirs.by_qd, atol=1e-12)


def test_integrals_by_parts_are_the_integrated_torques():
    system = mechanical("double-pendulum", **LIGHT)
    fine = np.linspace(0.0, 2.0, 2001)
    q = np.stack([np.sin(2 * fine), np.cos(3 * fine)], axis=1)
    qd = np.stack([2 * np.cos(2 * fine), -3 * np.sin(3 * fine)], axis=1)
    qdd = np.stack([-4 * np.sin(2 * fine), -9 * np.cos(3 * fine)], axis=1)
    tau = system.torques(q, qd, qdd)
    terms = gauge_fixed(wave_terms(system.lagrangian, 2))
    library, rows = WaveLibrary(tuple(terms)), WeakTorques.of(fine, [0.5])
    by_parts = rows.columns(library, MechanicalData(q, qd, qdd, tau)) @ list(terms.values())
    np.testing.assert_allclose(by_parts, rows.torques(tau), atol=1e-8)


BAD = {
    "times": (lambda t, q, tau: (t[::-1], q, tau), "time does not increase from row 0"),
    "lengths": (lambda t, q, tau: (t[:-1], q, tau), "time has 599 entries; expected 600"),
    "few": (lambda t, q, tau: (t[:30], q[:30], tau[:30]), "30 samples; expected at least 50"),
    "no torque": (lambda t, q, tau: (t, q, 0 * tau), "tau is zero everywhere"),
    "still": (lambda t, q, tau: (t, 0 * q + 1, tau), "q1 never moves"),
    "nan": (lambda t, q, tau: (t, q * np.nan, tau), "q has a non-finite value"),
}


@pytest.mark.parametrize(("change", "part"), BAD.values(), ids=BAD)
def test_bad_input(change, part):
    measured = run(mechanical("chain", links=1))
    with pytest.raises(ValueError, match=part):
        lagrangian_from_positions(*change(*measured))
