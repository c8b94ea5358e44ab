"""The laws and the start of the benchmark of the planets' masses against the ephemeris."""

import jax
import numpy as np
import pytest

from benchmarks.discovery.solar_system_masses import LAWS, observed, start_masses
from jaxsym.datasets import solar_system, solar_system_gm
from jaxsym.datasets.ephemeris import BODIES, J1980

pytest.importorskip("de421")
GM = np.array([solar_system_gm()[body] for body in BODIES])


@pytest.mark.parametrize("frame", ["barycenter", "sun"])
def test_accelerations_are_the_ephemeris_and_relativity_brings_mercury_nearer(frame, x64):
    data = solar_system(0.02, start=J1980)
    x, v, a = (np.asarray(s)[0, 0] for s in (data.position, data.velocity, data.acceleration))
    if frame == "sun":
        x, v, a = (s[1:] - s[:1] for s in (x, v, a))
    state = np.concatenate([x.ravel(), v.ravel()])
    mercury = BODIES.index("Mercury") - (frame == "sun")

    def error(relativity):
        constants = {"exponent": 2.0, "gm": GM, "relativity": relativity}
        got = np.asarray(LAWS[frame](constants, jax.numpy.asarray(state), 0.0, None))
        off = got[len(state) // 2 :].reshape(a.shape) - a
        return np.linalg.norm(off, axis=-1) / np.linalg.norm(a, axis=-1)

    assert error(1.0).max() < 2e-5
    assert error(1.0)[mercury] < 0.1 * error(0.0)[mercury]


@pytest.mark.parametrize("frame", ["barycenter", "sun"])
def test_start_knows_the_greatest_masses_where_noise_is_small(frame):
    gm = start_masses(observed(1980, 1e-7, frame, 2.0), frame)
    off = dict(zip(BODIES, np.abs(gm / GM - 1), strict=True))
    assert off["Sun"] < 1e-4 and off["Earth"] < 1e-3 and off["Moon"] < 1e-3
    if frame == "barycenter":
        assert off["Jupiter"] < 0.01 and off["Venus"] < 0.01
