"""Noise, jumps and smoothing, against series whose truth is known."""

import numpy as np
import pytest

from jaxsym.inference import estimate_noise, find_jumps, noise_exceeds_motion, smooth, unwrap
from jaxsym.inference.polynomials import local_polynomials


def uneven(rng, count=240, span=12.0, gap=(5.0, 6.0)):
    time = np.sort(rng.uniform(0.0, span, count))
    return time[(time < gap[0]) | (time > gap[1])]


def test_polynomials_are_reproduced_with_their_derivatives():
    time = uneven(np.random.default_rng(0))
    fit = local_polynomials(time, np.array([0.1, 5.5, 11.9]), count=12, degree=3)
    for order in range(3):
        curve = np.polynomial.Polynomial([1.0, -2.0, 0.5, 0.1])
        derivative = curve.deriv(order) if order else curve
        np.testing.assert_allclose(
            fit.apply(curve(time), order), derivative(np.array([0.1, 5.5, 11.9])), atol=1e-8
        )
        np.testing.assert_allclose(fit.matrix(order) @ curve(time), fit.apply(curve(time), order))


@pytest.mark.parametrize("sigma", [1e-3, 3e-2])
def test_noise_is_estimated_within_its_error(sigma):
    rng = np.random.default_rng(1)
    time = uneven(rng)
    values = np.stack([np.sin(time), np.cos(2.0 * time)], axis=1)
    values += sigma * rng.normal(size=values.shape)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = estimate_noise(time, values)
    assert found.pooled
    assert np.all(np.abs(found.sigma - sigma) < 3.0 * found.error)
    assert np.all(found.error < 0.1 * sigma)


def test_columns_of_different_noise_are_told_apart():
    rng = np.random.default_rng(2)
    time = np.linspace(0.0, 10.0, 200)
    true = np.array([0.01, 0.01, 0.05, 0.05])
    values = np.sin(time)[:, None] + true * rng.normal(size=(200, 4))
    found = estimate_noise(time, values, groups=np.array([0, 0, 1, 1]))
    assert not found.pooled
    np.testing.assert_allclose(found.sigma, true, rtol=0.15)


def test_a_jump_leaves_the_noise_as_it_is_and_is_found():
    rng = np.random.default_rng(3)
    time = np.linspace(0.0, 10.0, 100)
    values = np.sin(time)[:, None] + 0.01 * rng.normal(size=(100, 3))
    values[40:, 1] += 3.0
    values[70, 2] -= 4.0
    found = estimate_noise(time, values)
    np.testing.assert_allclose(found.sigma, 0.01, rtol=0.15)
    jumps = find_jumps(time, values, found.sigma)
    assert [(jump.column, jump.sample) for jump in jumps] == [(1, 40), (2, 70), (2, 71)]
    np.testing.assert_allclose([jump.size for jump in jumps], [3.0, -4.0, 4.0], atol=0.2)


def test_an_encounter_at_an_end_is_no_jump():
    """A body that falls towards another and is swung round within the last step, or the first."""
    time = np.linspace(0.0, 1.0, 41)
    fall = np.sqrt(1.0 - 0.9 * time**2)
    swung = np.r_[fall[:-1], -0.4][:, None]
    for values in (swung, swung[::-1]):
        assert not find_jumps(time, values, np.array([1e-3]))
    in_between = np.r_[fall[:20], fall[20:] - 1.5][:, None]
    assert [jump.sample for jump in find_jumps(time, in_between, np.array([1e-3]))] == [20]


def test_a_box_is_unwrapped_with_gaps():
    time = np.linspace(0.0, 5.0, 60)
    true = np.stack([2.0 * time, -1.3 * time + np.sin(time)], axis=1)
    inside = true % 3.0
    inside[20:23] = np.nan
    assert find_jumps(time, inside, np.full(2, 1e-9))
    whole = unwrap(inside, 3.0)
    assert not find_jumps(time, whole, np.full(2, 1e-9))
    known = ~np.isnan(inside)
    shift = (whole - true)[known] / 3.0
    np.testing.assert_allclose(shift, shift.round(), atol=1e-9)
    with pytest.raises(ValueError, match="box is -1"):
        unwrap(inside, -1.0)


def test_noise_larger_than_the_motion_is_told():
    rng = np.random.default_rng(4)
    values = np.stack([np.zeros(100), np.linspace(0.0, 2.0, 100)], axis=1)
    values += 0.1 * rng.normal(size=(100, 2))
    assert noise_exceeds_motion(values, np.full(2, 0.1)).tolist() == [True, False]


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="has 4 samples; expected at least 5"):
        estimate_noise(np.arange(4.0), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="has 4 samples; expected at least 5"):
        smooth(np.arange(4.0), np.zeros((4, 1, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("count", [5, 6, 7])
def test_few_samples_of_many_series(count):
    rng = np.random.default_rng(6)
    time, phase = np.linspace(0.0, 1.0, count), np.linspace(0.0, 6.0, 200)
    motion = np.sin(time[:, None] + phase)
    values = motion + 0.01 * rng.normal(size=motion.shape)
    found = estimate_noise(time, values, groups=np.zeros(200, int))
    assert abs(found.sigma[0] - 0.01) < 5.0 * found.error[0] < 0.003
    smoothed = smooth(time, values[..., None], np.full((200, 1), 0.01))
    off = (smoothed.estimate[0, ..., 0] - motion) / smoothed.error[0, ..., 0]
    assert 0.5 < np.sqrt(np.mean(off**2)) < 1.5


def test_smoothed_states_lie_within_their_errors():
    rng = np.random.default_rng(5)
    time = uneven(rng, 300)
    at = np.linspace(time[0], time[-1], 500)
    curves = [lambda t: np.sin(t), lambda t: np.cos(t), lambda t: -np.sin(t)]
    values = (np.sin(time) + 0.01 * rng.normal(size=(20, len(time)))).T[:, :, None]
    found = smooth(time, values, np.full((20, 1), 0.01), at=at)
    for order, curve in enumerate(curves):
        off = (found.estimate[order, ..., 0] - curve(at)[:, None]) / found.error[order, ..., 0]
        # windows that happen to predict well are chosen: accelerations are off by more than that
        assert (0.85, 0.85, 0.8)[order] < np.mean(np.abs(off) < 2.0) < 0.99
        row = found.operators[3][order]
        if order == 0:
            np.testing.assert_allclose(row @ values[:, 3, 0], found.estimate[order, :, 3, 0])
    inside = found.error[0, (at > 1.0) & (at < 4.5)]
    assert np.median(inside) < 0.005  # of samples of 0.01
    assert 5 < np.median(found.independent(0)) < 150


def test_a_missing_sample_is_given_from_its_neighbors():
    time = np.linspace(0.0, 6.0, 120)
    values = np.stack([np.sin(time), np.cos(time)], axis=1)[:, None]
    values[50:53] = np.nan
    found = smooth(time, values, np.full((1, 2), 1e-6))
    np.testing.assert_allclose(found.estimate[0, 50:53, 0, 0], np.sin(time[50:53]), atol=1e-4)
    assert np.all(found.operators[0][0][:, 50:53].toarray() == 0.0)


def test_eight_samples_are_enough_to_smooth():
    time = np.linspace(0.0, 1.0, 8)
    found = smooth(time, (1.0 + 2.0 * time)[:, None, None], np.full((1, 1), 0.01))
    np.testing.assert_allclose(found.estimate[0, :, 0, 0], 1.0 + 2.0 * time, atol=1e-9)
    np.testing.assert_allclose(found.estimate[1, :, 0, 0], 2.0, atol=1e-8)
