"""Scores of pairs against least squares."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS
from jaxsym.search.native.library import build_library
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.native.stages.pairs import best_pairs, make_moments, product_share, sum_share
from jaxsym.search.problem.problem import make_problems


def make(target, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3.0, (200, 3))
    y = target(*X.T) * (1 + noise * rng.normal(size=200))
    weights = rng.uniform(0.2, 5.0, 200)
    (sample,) = make_problems(
        X, y[:, None], weights, variables=("x", "y", "z"), operators=OPERATORS, max_complexity=30
    )
    return build_library(sample, y[None], size=2000), sample


@pytest.mark.parametrize("kind", [sum_share, product_share])
def test_shares_are_those_of_least_squares(kind):
    library, sample = make(lambda x, y, z: np.sin(x) + y * z)
    rows = np.random.default_rng(1).choice(len(library), 30, replace=False)
    values = library.values[rows]
    moments = make_moments(values, sample)
    target = sample.y - sample.weights @ sample.y
    target = target / np.sqrt(sample.weights @ target**2)
    shares = kind(moments, moments, np.sqrt(sample.weights), target, np, 1e-12)
    for i, f in enumerate(values):
        for j, g in enumerate(values):
            features = np.column_stack([f if kind is sum_share else f * g, g, np.ones(200)])
            loss = linear_fit(sample, features)[1]
            if np.linalg.cond(features / np.linalg.norm(features, axis=0)) < 1e4:
                assert shares[i, j] == pytest.approx(1 - loss / sample.variance, abs=1e-7)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_the_true_pair_comes_first(noise):
    library, sample = make(lambda x, y, z: 2 * x * y - 3 / z**2 + 1, noise)
    pairs = best_pairs(library, sample, rows=500, keep=20)["sum"]
    names = [str(library.expression(int(entry))) for entry in (pairs.f[0], pairs.g[0])]
    assert set(names) == {"x*y", "1/z**2"}

    library, sample = make(lambda x, y, z: (2 * np.sin(x) + 3) * y * z, noise)
    pairs = best_pairs(library, sample, rows=500, keep=20)["product"]
    names = [str(library.expression(int(entry))) for entry in (pairs.f[0], pairs.g[0])]
    assert names == ["sin(x)", "y*z"]


def test_huge_and_tiny_scales_do_no_harm():
    library, sample = make(lambda x, y, z: 1e-30 * (2 * x * y - 3 / z**2))
    pairs = best_pairs(library, sample, rows=500, keep=20)["sum"]
    assert pairs.share[0] == pytest.approx(1.0, abs=1e-9)
