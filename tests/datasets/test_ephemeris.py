"""The ephemeris against Newton, its own derivatives, and the refusals."""

import importlib.util

import numpy as np
import pytest

from jaxsym.datasets import solar_system, solar_system_gm
from jaxsym.datasets.ephemeris import _constants

pytest.importorskip("de421")


def newton(position, gm):
    """Accelerations ``[T, N, D]`` by point masses."""
    d = position[:, None] - position[:, :, None]
    r = np.linalg.norm(d, axis=-1) + np.eye(len(gm))
    return np.einsum("j,tijd,tij->tid", gm, d, r**-3)


@pytest.fixture(scope="module")
def decade():
    return solar_system(years=10)


def test_accelerations_are_newtons_to_the_known_floor(decade):
    gm = np.array([solar_system_gm()[name] for name in decade.names])
    expected = newton(decade.position[0], gm)
    residual = np.linalg.norm(decade.acceleration[0] - expected, axis=-1)
    relative = np.median(residual / np.linalg.norm(expected, axis=-1), axis=0)
    floor = dict(zip(decade.names, relative, strict=True))
    # Sun: asteroids and the barycenter's definition; Moon: tides and the Earth's shape
    assert floor.pop("Sun") < 3e-6
    assert floor.pop("Moon") < 3e-7
    assert max(floor.values()) < 1e-7
    assert min(floor.values()) > 0


def test_velocities_and_accelerations_are_derivatives():
    data = solar_system(years=0.1, every_days=0.05)
    step = data.time[1] - data.time[0]
    x, v, a = data.position[0], data.velocity[0], data.acceleration[0]
    for lower, upper in ((x, v), (v, a)):
        central = (lower[2:] - lower[:-2]) / (2 * step)
        error = np.linalg.norm(central - upper[1:-1], axis=-1)
        assert np.median(error / np.linalg.norm(upper[1:-1], axis=-1)) < 1e-6


def test_bodies_units_and_times(decade):
    names = list(decade.names)
    assert names[:2] == ["Sun", "Mercury"] and names[-1] == "Neptune" and len(names) == 10
    assert decade.position.shape == (1, 1462, 10, 3) and decade.position.dtype == np.float64
    np.testing.assert_allclose(np.diff(decade.time), 2.5 / 365.25)
    x = dict(zip(names, np.moveaxis(decade.position[0], 1, 0), strict=True))
    earth = np.linalg.norm(x["Earth"] - x["Sun"], axis=-1)
    assert 0.982 < earth.min() < 0.985 and 1.015 < earth.max() < 1.018
    moon = np.linalg.norm(x["Moon"] - x["Earth"], axis=-1)
    assert 0.0023 < moon.min() and moon.max() < 0.0028
    assert decade.mass is None and "DE421" in decade.origin


def test_gm_of_the_bodies():
    gm = solar_system_gm()
    assert gm["Sun"] == pytest.approx(4 * np.pi**2, rel=1e-4)
    assert gm["Sun"] / gm["Jupiter"] == pytest.approx(1047.35, abs=0.01)
    assert gm["Earth"] / gm["Moon"] == pytest.approx(81.30057, abs=1e-4)


def test_start_moves_the_window():
    first, later = solar_system(years=1), solar_system(years=0.5, start=2_444_239.5 + 100)
    np.testing.assert_allclose(later.position[0, 0], first.position[0, 40], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"years": 0}, "years is 0; expected more than 0"),
        ({"every_days": -1.0}, "every_days is -1.0"),
        ({"years": 300}, "expected times within DE421, .* 2414992.5 to 2524624.5"),
        ({"start": 2_400_000.5}, "start is 2400000.5"),
    ],
)
def test_times_outside_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        solar_system(**arguments)


def test_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    _constants.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"jaxsym\[ephemeris\]\""):
        solar_system()
