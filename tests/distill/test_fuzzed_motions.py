"""Motions of any scale and kind: a law or one clear error, and a report of whatever is found."""

from __future__ import annotations

import json
import os
import warnings

import numpy as np
import pytest

from jaxsym import discover
from jaxsym._views import LeftOutWarning
from jaxsym.report import write_report
from jaxsym.training import DivergedError
from jaxsym.trajectories import trajectories

COUNT = int(os.environ.get("JAXSYM_MOTIONS", "3"))
SEED = int(os.environ.get("JAXSYM_SEED", "0"))


def motion(rng):
    """Trajectories with all that may be odd about them."""
    runs, times, bodies, dims = (int(n) for n in rng.integers([1, 2, 2, 2], [3, 30, 4, 4]))
    x = rng.normal(size=(runs, times, bodies, dims)) * 10.0 ** rng.integers(-8, 8)
    scale = 10.0 ** rng.integers(-30, 30)
    pull = scale * rng.normal(size=x.shape)
    match rng.integers(7):
        case 0:
            pull = 0 * pull  # at rest
        case 1:
            x[:, :, 0] = x[:, :, 1]  # one upon the other
        case 2:
            x[0, 0, 0, 0] = rng.choice([np.nan, np.inf])
        case 3:
            x, pull = np.repeat(x[:, :1], times, axis=1), np.repeat(pull[:, :1], times, axis=1)
        case 4:
            pull = -scale * (x - x.mean(axis=2, keepdims=True))
    mass = None if rng.integers(3) == 0 else 10.0 ** rng.uniform(-3, 3, size=(runs, bodies))
    time = np.cumsum(rng.exponential(size=times))
    if rng.integers(6) == 0:
        time = np.zeros(times)
    return lambda: trajectories(
        x, velocity=np.zeros_like(x), acceleration=pull, time=time, mass=mass
    )


@pytest.mark.parametrize("seed", range(SEED, SEED + COUNT))
def test_a_law_or_one_clear_error(seed, tmp_path):
    make = motion(np.random.default_rng(seed))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeftOutWarning)
            found = discover(make(), steps=2, time_limit=2.0, seed=seed)
            write_report(found, tmp_path / "report")
    except (ValueError, DivergedError) as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    assert result["law"]["coefficient"] and result["errors"]["symbolic"]
