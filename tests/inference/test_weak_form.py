"""Weak forms: identities that hold on clean data, and the covariance of noisy rows."""

import numpy as np
import pytest
import scipy.sparse

from jaxsym.inference import Jacobians, weak_form, weak_rows, whiten, window_lengths


def times(rng, kind):
    if kind == "even":
        return np.linspace(0.0, 8.0, 120)
    time = np.sort(rng.uniform(0.0, 8.0, 160))
    return time[(time < 3.0) | (time > 3.3)] if kind == "gap" else time


@pytest.mark.parametrize("kind", ["even", "uneven", "gap"])
@pytest.mark.parametrize("order", [1, 2])
def test_both_sides_agree_on_clean_data(kind, order):
    time = times(np.random.default_rng(0), kind)
    form = weak_form(time)
    right = np.cos(time) if order == 1 else -np.sin(time)
    off = np.abs(form.left(order) @ np.sin(time) - form.right @ right)
    long = form.end - form.start > 1.0
    assert long.sum() > 10 and off[long].max() < 1e-5
    # far below what noise of a thousandth makes of the same rows
    noise = 1e-3 * np.sqrt((form.left(order) ** 2).sum(axis=1))
    assert np.median(off / noise) < 1e-2


def test_test_functions_have_the_integral_one_and_reproduce_powers():
    form = weak_form(np.linspace(0.0, 4.0, 50))
    np.testing.assert_allclose(form.right @ np.ones(50), 1.0, rtol=1e-12)
    time = np.linspace(0.0, 4.0, 50)
    np.testing.assert_allclose(form.left(2) @ time**2, 2.0, rtol=1e-9)
    np.testing.assert_allclose(form.left(2) @ (3.0 - time), 0.0, atol=1e-9)
    np.testing.assert_allclose(form.left(1) @ time, 1.0, rtol=1e-10)


def test_the_doubt_tells_where_quadrature_fails():
    time = np.linspace(0.0, 4.0, 81)
    form = weak_form(time, lengths=[1.0])
    fine = np.linspace(0.0, 4.0, 8001)
    exact = weak_form(fine, lengths=[1.0])
    peak = lambda t: 1.0 / ((t - 2.013) ** 2 + 0.02**2)  # noqa: E731
    off = np.abs(
        form.right @ peak(time) - np.interp(form.start, exact.start, exact.right @ peak(fine))
    )
    across = (form.start < 1.9) & (form.end > 2.1)
    doubt = form.doubt(peak(time))
    assert np.all(off[across] < 2.0 * doubt[across])
    assert doubt[~across].max() < 1e-2 * doubt[across].max()


def test_missing_samples_and_finer_times_of_the_right_side():
    time = np.linspace(0.0, 8.0, 120)
    at = np.linspace(0.0, 8.0, 477)
    present = np.ones(120, bool)
    present[[17, 40, 41, 90]] = False
    form = weak_form(time, at=at, present=present, lengths=[2.0])
    values = np.where(present, np.sin(time), 1e6)
    np.testing.assert_allclose(form.left(2) @ values, form.right @ -np.sin(at), atol=1e-5)
    with pytest.raises(ValueError, match="there are 4 samples"):
        weak_form(time, present=np.arange(120) < 4)
    with pytest.raises(ValueError, match="no window holds 7 samples"):
        weak_form(time, lengths=[0.1])


@pytest.mark.parametrize("count", [5, 6])
def test_a_series_of_few_samples_is_one_window(count):
    time, at = np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, 41)
    form = weak_form(time, at=at)
    assert form.start.tolist() == [0.0] and form.end.tolist() == [1.0]
    np.testing.assert_allclose(form.left(2) @ np.sin(time), form.right @ -np.sin(at), rtol=1e-3)


def test_a_series_with_samples_far_apart_is_one_window():
    time = np.linspace(0.0, 6.0, 61)
    form = weak_form(time, present=np.arange(61) % 10 == 0, lengths=[2.0])
    assert form.start.tolist() == [0.0] and form.end.tolist() == [6.0]


def test_lengths_reach_from_a_few_steps_to_the_whole():
    lengths = window_lengths(np.linspace(0.0, 1.0, 101))
    assert lengths[0] == pytest.approx(0.06) and lengths[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("coupled", [False, True])
def test_whitened_noise_is_white(coupled):
    """x1'' = 16 x2, x2'' = 16 x1: noise on both sides counts, or it is not white."""
    rng = np.random.default_rng(1)
    time, sigma = np.linspace(0.0, 6.0, 80), np.array([1e-3, 2e-3])
    true = np.exp(-4.0 * time)[:, None] + np.sin(4.0 * time)[:, None] * [1.0, -1.0]
    rows = weak_rows(time, true, time, order=2, lengths=[1.5, 3.0])
    swap = np.array([[0.0, 16.0], [16.0, 0.0]])
    jacobians = Jacobians(np.broadcast_to(swap, (80, 2, 2)))
    operators = [(scipy.sparse.eye_array(80, format="csr"),)] * 2
    residuals = []
    for _ in range(60):
        noisy = true + sigma * rng.normal(size=true.shape)
        residuals.append(rows.lefts(noisy) - rows.rights(noisy @ swap))
    white = whiten(
        rows,
        np.stack(residuals, axis=1),
        sigma,
        operators=operators if coupled else None,
        jacobians=jacobians if coupled else None,
    )
    covariance = white @ white.T / 60
    if coupled:
        np.testing.assert_allclose(np.mean(white**2), 1.0, atol=0.05)
        assert np.abs(np.mean(covariance - np.diag(np.diag(covariance)))) < 0.05
    else:
        assert np.mean(white**2) > 1.2


def test_seven_samples_are_enough_for_a_window():
    time = np.linspace(0.0, 1.0, 7)
    form = weak_form(time)
    np.testing.assert_allclose(form.left(1) @ time**2, form.right @ (2.0 * time), atol=1e-12)
