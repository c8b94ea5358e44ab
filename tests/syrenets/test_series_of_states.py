"""Rows of one motion: neighbors err alike, which is neither evidence nor certainty."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import lfilter, savgol_filter

from jaxsym.expr import parse
from jaxsym.simulate import MechanicalSystem, simulate_mechanical
from jaxsym.syrenets import discover_lagrangian, sparse_fit
from jaxsym.syrenets.workflow import split

# Two links, the second angle measured from the first: seven terms.
LINKS = MechanicalSystem(
    "two links",
    parse(
        "0.28*qd1**2 + 0.14*qd1**2*cos(q2) + 0.112*qd1*qd2 + 0.14*qd1*qd2*cos(q2) + 0.056*qd2**2"
        " + 8.829*cos(q1) + 2.7468*cos(q1 + q2)"
    ),
    2,
    friction=(0.15, 0.1),
)
STEP = 0.004


def smoothed_encoders(counts, samples=2400, window=31):
    """What encoders of so many counts a turn deliver, smoothed as is usual; the exact torques."""

    def control(t, q, qd):
        first = 4.0 * jnp.sin(1.1 * t) + 2.5 * jnp.sin(2.9 * t + 1.0)
        return jnp.stack([first, 1.5 * jnp.sin(1.7 * t + 0.5) + 1.0 * jnp.sin(4.3 * t)])

    motion = simulate_mechanical(
        LINKS, [1.0, -0.5], [0.0, 0.0], steps=samples, dt=STEP, control=control
    )
    q = motion.q if counts is None else np.round(motion.q * counts / np.pi / 2) * 2 * np.pi / counts
    parts = [savgol_filter(q, window, 4, deriv=k, delta=STEP, axis=0) for k in range(3)]
    inside = slice(window, -window)
    return [values[inside] for values in (*parts, motion.tau)]


@pytest.mark.parametrize("counts", [None, 4096])
def test_smoothed_encoders_give_the_right_terms(counts):
    found = discover_lagrangian(*smoothed_encoders(counts), route="direct")
    expected = parse(str(LINKS.lagrangian))
    terms = {"qd1**2", "qd1**2*cos(q2)", "qd1*qd2", "qd1*qd2*cos(q2)", "qd2**2", "cos(q1)"}
    assert set(found.constants) == terms | {"cos(q1 + q2)"}
    at = np.random.default_rng(0).uniform(-1, 1, (50, 4))
    names = ("q1", "q2", "qd1", "qd2")
    ratio = found.lagrangian.evaluate(at, names) / expected.evaluate(at, names)
    np.testing.assert_allclose(ratio, 1.0, atol=0.03)
    assert "E" not in str(found.lagrangian)


def test_errors_are_honest_where_neighbors_err_alike():
    rng, off, sizes = np.random.default_rng(0), [], []
    for _ in range(40):
        x = lfilter([1.0], [1.0, -0.9], rng.normal(size=(1500, 12)), axis=0)
        noise = lfilter([1.0], [1.0, -0.95], rng.normal(size=1500))
        fit = sparse_fit(x[:, None], (2.0 * x[:, 0] - x[:, 1] + noise)[:, None])
        sizes.append(len(fit.support))
        off += ((fit.coefficients[:2] - [2.0, -1.0]) / fit.errors[:2]).tolist()
    assert np.mean(sizes) < 2.2
    assert 0.7 < np.std(off) < 1.3


def test_rows_that_are_far_off_count_less():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    noise = 0.01 * rng.normal(size=400)
    noise[::40] += 3.0
    fit = sparse_fit(x[:, None], (2.0 * x[:, 0] - x[:, 1] + noise)[:, None])
    np.testing.assert_allclose(fit.coefficients, [2.0, -1.0], atol=5 * fit.errors.max())
    assert fit.errors.max() < 2e-3  # least squares: 0.03


def test_what_is_kept_apart_are_blocks_of_neighbors():
    parts = split(1000, 3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(1000))
    for part in parts:
        assert np.sum(np.diff(part) > 1) < len(part) / 15
