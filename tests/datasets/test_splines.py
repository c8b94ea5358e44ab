"""Splines of exact and of noisy samples."""

import numpy as np
import pytest

from jaxsym.datasets import derivatives

TIME = np.linspace(0.0, 12.0, 601)


def waves(noise=0.0):
    """Two bodies on sine waves of different size: ``[R=2, T, N=2, D=1]``."""
    clean = np.stack([np.sin(TIME), 50 * np.cos(2 * TIME)], axis=-1)[None, :, :, None]
    rng = np.random.default_rng(0)
    noisy = clean * (1 + np.zeros((2, 1, 1, 1)))
    return noisy + noise * np.array([1.0, 50.0])[:, None] * rng.normal(size=noisy.shape)


def speed():
    return np.stack([np.cos(TIME), -100 * np.sin(2 * TIME)], axis=-1)[None, :, :, None]


def error(values, expected):
    scale = np.abs(expected).max(axis=1, keepdims=True)
    return np.abs((values - expected) / scale)


def test_exact_samples_give_exact_derivatives():
    (first, second), how = derivatives(TIME, waves(), orders=(1, 2))
    assert error(first, speed()).max() < 1e-9
    assert error(second, -waves() * np.array([1, 4])[:, None]).max() < 1e-6
    assert how == "interpolating spline of degree 7"


@pytest.mark.parametrize("noise", [1e-4, 1e-2])
def test_noise_is_smoothed_away(noise):
    values = waves(noise)
    (first,), how = derivatives(TIME, values, orders=(1,))
    plain = np.gradient(values, TIME, axis=1)
    assert "least-squares" in how
    assert error(first, speed()).mean() < 0.1 * error(plain, speed()).mean()


def test_uneven_times():
    keep = np.sort(np.random.default_rng(1).choice(len(TIME), 300, replace=False))
    (first,), _ = derivatives(TIME[keep], waves()[:, keep], orders=(1,))
    assert error(first, speed()[:, keep])[:, 5:-5].max() < 1e-5


def test_few_times():
    (first,), _ = derivatives(TIME[:8], waves()[:, :8], orders=(1,))
    assert error(first, speed()[:, :8]).max() < 1e-4
    (first,), how = derivatives(TIME[:5], waves()[:, :5], orders=(1,))
    assert error(first, speed()[:, :5]).max() < 1e-2 and how.endswith("degree 3")
    with pytest.raises(ValueError, match="there are 4 times; expected at least 5"):
        derivatives(TIME[:4], waves()[:, :4], orders=(1,))
