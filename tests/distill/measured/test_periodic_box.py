"""Bodies in a periodic box: the nearest image acts, from the weak form to the command line."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from jaxsym.cli import main
from jaxsym.datasets import measured_trajectories, save
from jaxsym.distill.measured.law_motion import law_field
from jaxsym.expr import parse
from jaxsym.inference import weak_profiles
from jaxsym.laws import ParticleLaw

BOX, SIGMA = 4.0, 1e-3
# acceleration of 1 by 2, over the displacement; next to nothing at half of the box
LAW = "-20.0*exp(-3.0*r)/r"


def nearest(d: np.ndarray) -> np.ndarray:
    return d - BOX * np.round(d / BOX)


def gas(runs: int, times: int, dt: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Times, and continuous positions of three bodies of mass 1 that repel each other."""
    rng = np.random.default_rng(0)
    corners = np.array([[0.0, 0.0], [2.0, 0.3], [0.7, 2.0]])
    x = corners + 0.2 * rng.normal(size=(runs, 3, 2))
    v = rng.normal(size=(runs, 3, 2))

    def pull(x):
        d = nearest(x[:, None] - x[:, :, None])
        r = np.linalg.norm(d, axis=-1, keepdims=True) + 1e9 * np.eye(3)[..., None]
        return np.sum(-20.0 * np.exp(-3.0 * r) * d / r, axis=2)

    states, fine = [x], 10
    for _ in range(fine * (times - 1)):
        v = v + dt / fine / 2 * pull(x)
        x = x + dt / fine * v
        v = v + dt / fine / 2 * pull(x)
        states.append(x)
    return dt * np.arange(times), np.stack(states[::fine], axis=1)


def measured(runs: int, times: int) -> tuple[np.ndarray, np.ndarray]:
    time, x = gas(runs, times)
    return time, x + SIGMA * np.random.default_rng(1).normal(size=x.shape)


def test_a_law_pulls_towards_the_nearest_image():
    field = law_field(ParticleLaw(parse("2.0"), True, 2), 2, np.array([[0, 1]]), box=4.0)
    inputs = {"mass": jnp.array([1.0, 4.0]), "charge": jnp.zeros(2)}
    state = jnp.array([0.5, 0.0, 3.5, 1.0, 0.0, 0.0, 0.0, 0.0])
    rate = field({"coefficient": jnp.array([2.0])}, state, 0.0, inputs)
    np.testing.assert_allclose(rate[4:], [-2.0, 2.0, 0.5, -0.5])


def test_a_pull_across_the_edges_is_read():
    time, x = measured(6, 60)
    known = {"mass": np.ones((6, 3)), "sigma": SIGMA, "pair_kinds": [("central", "1")]}
    found = weak_profiles(time, x, body_kinds=[], box=BOX, **known)
    [term] = found.terms
    assert term.distance.max() <= BOX / np.sqrt(2)
    inner = slice(4, -4)
    true = -20.0 * np.exp(-3.0 * term.distance)
    off = (term.size - true)[inner]
    assert np.median(np.abs(off / true[inner])) < 0.1
    without = weak_profiles(time, x, body_kinds=[], **known)
    assert without.chi2_per_row > 2.0 * found.chi2_per_row


@pytest.mark.slow
def test_a_box_through_the_whole_command(tmp_path):
    time, x = measured(8, 60)
    file = tmp_path / "box.csv"
    save(file, measured_trajectories(x % BOX, time=time, mass=np.ones(3)))
    run = CliRunner().invoke
    refused = run(main, ["discover", str(file), "--json"])
    assert refused.exit_code != 0
    assert "give the length of a periodic box" in " ".join(refused.stderr.split())
    told = run(main, ["discover", str(file), "--json", "--box", str(BOX)])
    found = json.loads(told.stdout)
    assert 0.85 < found["chi2_per_dof"] < 1.15
    law = parse(found["law"]["coefficient"])
    r = np.linspace(0.8, 1.6, 20)
    sizes = law.evaluate(np.c_[r, np.ones((20, 4))], ["r", "m1", "m2", "q1", "q2"])
    np.testing.assert_allclose(sizes, parse(LAW).evaluate(r[:, None], ["r"]), rtol=0.05)
