"""Splines of distance: narrow enough for steep pulls, with samples in each piece."""

import numpy as np

from jaxsym.inference.weak.splines import DistanceSpline


def sparse_and_near() -> np.ndarray:
    """Most distances near 2, a few thousandth down to 0.1."""
    rng = np.random.default_rng(0)
    return np.r_[rng.uniform(1.5, 3.0, 4000), np.exp(rng.uniform(np.log(0.1), np.log(1.5), 400))]


def misfit(spline: DistanceSpline, function) -> float:
    r = np.geomspace(0.12, 2.9, 500)
    pieces = spline.values(r)
    true = function(r)
    found = np.linalg.lstsq(pieces / true[:, None], np.ones(500), rcond=None)[0]
    return float(np.abs(pieces @ found / true - 1.0).max())


def test_a_steep_pull_is_followed_where_few_samples_lie():
    spline = DistanceSpline(sparse_and_near(), 16)
    assert misfit(spline, lambda r: 1.0 / r**2) < 1e-3
    assert misfit(spline, lambda r: np.exp(-r / 1.7) * (1.0 / r + 1.0 / 1.7) / r) < 1e-3


def test_every_piece_holds_samples():
    distance = sparse_and_near()
    spline = DistanceSpline(distance, 16)
    usual = spline.inner[(spline.inner > np.log(0.11)) & (spline.inner < np.log(2.9))]
    assert np.histogram(np.log(distance), usual)[0].min() >= 20
    rings = np.repeat([1.0, 5.0], 500) * np.random.default_rng(0).uniform(0.99, 1.01, 1000)
    gap = DistanceSpline(rings, 8).inner
    # none but the median, which is between the rings
    assert ((gap > np.log(1.02)) & (gap < np.log(4.9))).sum() <= 1


def test_coarser_splines_are_among_the_finer():
    spline = DistanceSpline(sparse_and_near(), 16)
    for stride in (2, 4):
        coarse = spline.every(stride)
        r = np.geomspace(0.1, 3.0, 50)
        found = spline.values(r) @ spline.coarser(coarse)
        np.testing.assert_allclose(found, coarse.values(r), atol=1e-9)
