"""Measurements that allow no law are refused in one sentence; what can be mended is."""

from __future__ import annotations

import numpy as np
import pytest

import jaxsym
from jaxsym.datasets import load, measured_trajectories

TIME = np.linspace(0.0, 6.0, 40)


def circling(runs: int = 2) -> np.ndarray:
    """Two bodies about each other, their positions off by a thousandth."""
    phase = TIME + np.arange(runs)[:, None]
    one = np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    motion = np.stack([one, -one], axis=2)
    return motion + 1e-3 * np.random.default_rng(0).normal(size=motion.shape)


def table(path, rows, columns="time,body,x,y"):
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join([columns, *lines]))
    return path


def rows_of(position: np.ndarray, time=TIME) -> list[list]:
    names = "ab"
    return [[t, names[n], *position[0, k, n]] for k, t in enumerate(time) for n in range(2)]


@pytest.mark.parametrize("sigma", [0.0, -0.1, np.nan, [0.1, 0.0]])
def test_a_sigma_that_is_not_positive(sigma):
    with pytest.raises(ValueError, match="sigma is .*; expected positive numbers"):
        jaxsym.discover(measured_trajectories(circling(), time=TIME), sigma=sigma)


def test_a_sigma_of_another_shape():
    with pytest.raises(ValueError, match=r"sigma has shape \(3,\); expected a number, \(2,\)"):
        measured_trajectories(circling(), time=TIME, sigma=np.ones(3))


def test_a_sigma_that_changes_in_time(tmp_path):
    rows = [[*row, 0.1 + 0.01 * k] for k, row in enumerate(rows_of(circling()))]
    with pytest.raises(ValueError, match="sigma"):
        load(table(tmp_path / "run.csv", rows, "time,body,x,y,sigma"))


@pytest.mark.parametrize("times", [2, 4])
def test_too_few_times(times):
    seen = np.repeat(circling(), 10, axis=0)[:, :times]
    with pytest.raises(ValueError, match=f"there are {times} times; expected at least 5"):
        measured_trajectories(seen, time=TIME[:times])


def test_a_body_that_was_never_seen():
    seen = circling()
    seen[1, :, 1] = np.nan
    with pytest.raises(ValueError, match="body b was measured at 0 times of trajectory 1"):
        measured_trajectories(seen, time=TIME, names=["a", "b"])


def test_times_in_another_order_for_one_body_are_sorted_and_told(tmp_path, caplog):
    rows = rows_of(circling())
    first, second = rows[::2], rows[1::2]
    shuffled = [second[k] for k in np.random.default_rng(0).permutation(len(second))]
    found = load(table(tmp_path / "run.csv", first + shuffled))
    np.testing.assert_array_equal(found.measured.position, circling()[:1])
    assert "rows sorted by time for bodies b" in caplog.text


def test_a_time_that_is_there_twice(tmp_path):
    rows = rows_of(circling())
    with pytest.raises(ValueError, match="b.* twice|does not increase for body b"):
        load(table(tmp_path / "run.csv", [*rows, rows[21]]))
    with pytest.raises(ValueError, match="time"):
        measured_trajectories(circling(), time=np.r_[TIME[:20], TIME[19:39]])


def test_a_lost_track_is_told_with_time_and_body():
    seen = circling()
    seen[1, 25:, 0, 0] += 3.0
    data = measured_trajectories(seen, time=TIME, names=["a", "b"])
    expected = f"body a jumps by .* at time {TIME[25]:g} of trajectory 1.*cut the track there"
    with pytest.raises(ValueError, match=expected):
        jaxsym.discover(data)


@pytest.mark.parametrize("box", [0.0, -1.0, np.nan])
def test_a_box_that_cannot_be(box):
    with pytest.raises(ValueError, match="box is .*; expected the positive length"):
        jaxsym.discover(measured_trajectories(circling(), time=TIME), box=box)


def test_too_little_to_hold_anything_out():
    with pytest.raises(ValueError, match="expected at least 20 snapshots"):
        jaxsym.discover(measured_trajectories(circling(1)[:, :15], time=TIME[:15]))
