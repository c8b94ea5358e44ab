"""Tables of any size, scale and kind: an answer or one clear error, and noise is never a law."""

from __future__ import annotations

import os

import numpy as np
import pytest

from jaxsym import SymbolicRegressor

COUNT = int(os.environ.get("JAXSYM_TABLES", "16"))
SEED = int(os.environ.get("JAXSYM_SEED", "0"))


def table(rng):
    """Columns, a target, weights, and whether the target is noise."""
    rows, columns = int(rng.choice([1, 2, 3, 4, 5, 8, 30, 150])), int(rng.integers(1, 4))
    X = rng.normal(size=(rows, columns)) * 10.0 ** rng.integers(-12, 12, size=columns)
    match rng.integers(6):
        case 0:
            X = np.round(X)
        case 1:
            X[:, 0] = X[0, 0]
        case 2:
            X = np.repeat(X[: max(1, rows // 4)], 4, axis=0)
        case 3 if rows > 1:
            X[rng.integers(rows)] = rng.choice([np.nan, np.inf, 1e308, 0.0])
    noise = bool(rng.integers(2))
    a, b = X[:, 0], X[:, -1]
    with np.errstate(all="ignore"):
        y = [2.5 * a, a * b + 1, np.sqrt(np.abs(a)), 0 * a + 3][rng.integers(4)]
    if noise:
        y = 10.0 ** rng.integers(-8, 8) * rng.normal(size=len(X))
        if len(X) != rows:  # copies have the target of their original
            y = np.repeat(y[: len(X) // 4], 4)
    weights = rng.choice([0.0, 1.0, 2.0], size=len(X)) if rng.integers(3) == 0 else None
    return X, y, weights, noise


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))
def test_an_answer_or_one_clear_error(seed):
    X, y, weights, noise = table(np.random.default_rng(seed))
    try:
        model = SymbolicRegressor(time_limit=0.3, random_state=seed).fit(X, y, weights)
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return
    assert np.isfinite(model.predict(X)).any() and str(model.residual_)
    assert not (noise and model.residual_.exact), model.expression_
