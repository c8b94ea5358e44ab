"""Networks trained on weak forms of positions alone: what is held out, kept and told."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.datasets import measured_trajectories
from jaxsym.distill import learn
from jaxsym.distill.tasks import observed_task
from jaxsym.distill.weak_learning import WeakLosses, tracks_of
from jaxsym.graphs import weak_windows
from jaxsym.laws.units import in_units, natural_units
from jaxsym.simulate import particles

UNIT = 1e6  # lengths of the user


def tracks(runs: int, noise: float, *, missing: bool = False):
    """Positions of three bodies on springs, in units of the user."""
    system = particles("spring", bodies=3, dims=2, softening=0.0)
    data = system.simulate(jax.random.key(0), trajectories=runs, steps=60, dt=0.05)
    x = np.asarray(data.position, np.float64)
    x = x + noise * x.std() * np.random.default_rng(0).normal(size=x.shape)
    if missing:
        x[0, 20, 1] = np.nan
    time, mass = np.asarray(data.time, np.float64), np.asarray(data.mass, np.float64)
    return measured_trajectories(UNIT * x, time=time, mass=mass)


def test_a_fifth_of_the_motion_is_held_out():
    data = tracks(10, 1e-3)
    units = natural_units(data)
    found = tracks_of(data, units)
    share = len(found.unseen.left) / (len(found.seen.left) + len(found.unseen.left))
    assert share == pytest.approx(0.2)
    assert 0.01 < np.median(np.abs(found.seen.left)) < 100.0  # in natural units
    np.testing.assert_allclose(
        np.median(np.abs(found.seen.left)),
        np.median(np.linalg.norm(in_units(data, units).acceleration, axis=-1)), rtol=1.0,
    )  # fmt: skip
    one = tracks_of(tracks(1, 1e-3), units)
    assert one.unseen is not None and len(one.unseen.left) < len(one.seen.left)


def test_windows_with_a_missing_sample_have_no_weight_for_that_body():
    data = tracks(2, 1e-3, missing=True)
    x = np.asarray(data.measured.position)
    sigma = np.full((2, 3, 2), 1e-3 * UNIT)
    found = weak_windows(np.asarray(data.time, np.float64), x, sigma)
    whole = np.nan_to_num(x, nan=0.0)
    other = weak_windows(np.asarray(data.time, np.float64), whole, sigma)
    gone = np.isinf(found.scale)
    assert gone[:, 1].any() and not gone[:, [0, 2]].any() and not gone[:, 1].all()
    assert gone[..., 0].sum() < len(gone) / 4
    np.testing.assert_allclose(found.left[~gone], other.left[~gone])


def test_when_a_network_follows_noise():
    assert WeakLosses(0.5, 3.0).overfits and WeakLosses(5.0, 11.0).overfits
    assert not WeakLosses(0.5, 1.5).overfits and not WeakLosses(0.5, None).overfits


@pytest.mark.parametrize("model", ["bottleneck", "central"])
def test_the_parameters_that_do_best_on_other_motion_are_kept(model, monkeypatch):
    learning = sys.modules["jaxsym.distill.learning"]
    monkeypatch.setattr(learning, "_HIDDEN", (16, 16))
    monkeypatch.setattr(learning, "_CHUNK", 20)
    data = tracks(6, 0.05)
    task = observed_task("tracks", data)
    units = natural_units(task.train)
    seen = []
    found = learn(
        in_units(task.train, units), model, key=jax.random.key(1), steps=120,
        tracks=tracks_of(task.tracks, units), callback=lambda event: seen.append(event.step),
    )  # fmt: skip
    assert seen[-1] == 120
    assert found.weak.held_out is not None and found.weak.seen > 0
    accelerations = jax.tree.leaves(found.params)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in accelerations)
