"""Positions alone: gaps, standard errors, orders of rows, and what is refused."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from jaxsym.datasets import load, measured_trajectories, save, with_sigma

TIME = np.linspace(0.0, 2.0, 20)


def circle(run: int = 0) -> np.ndarray:
    """Two bodies on circles: ``[T, 2, 2]``."""
    angle = TIME + run
    there = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.stack([there, -2.0 * there], axis=1)


def table(runs: int = 1, **columns) -> pd.DataFrame:
    rows = [
        {"trajectory": run, "time": t, "body": "ab"[b], "x": x[0], "y": x[1]}
        for run in range(runs)
        for t, bodies in zip(TIME, circle(run), strict=True)
        for b, x in enumerate(bodies)
    ]
    return pd.DataFrame(rows).assign(**columns)


def loaded(frame: pd.DataFrame, folder):
    frame.to_csv(folder / "run.csv", index=False)
    return load(folder / "run.csv")


def test_rows_left_out_and_empty_entries_are_missing_samples(tmp_path):
    frame = table(runs=2).drop(index=[6, 7, 9])
    frame.loc[15, "x"] = np.nan
    data = loaded(frame, tmp_path)
    seen = data.measured.position
    gone = np.isnan(seen).all(axis=-1)
    assert np.array_equal(np.argwhere(gone), [[0, 3, 0], [0, 3, 1], [0, 4, 1], [0, 7, 1]])
    np.testing.assert_array_equal(seen[1], circle(1))
    off = np.abs(data.position - np.stack([circle(0), circle(1)]))
    assert off[~gone].max() == 0 and off.max() < 0.02
    assert np.isfinite(data.acceleration).all() and data.measured.sigma is None


def test_a_column_of_standard_errors(tmp_path):
    frame = table()
    frame["sigma"] = np.where(frame["body"] == "a", 0.01, 0.02)
    data = loaded(frame, tmp_path)
    assert data.measured.sigma.tolist() == [[0.01, 0.02]]
    assert with_sigma(data, 0.5).measured.sigma.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_measurements_come_back_from_files(suffix, tmp_path):
    position = circle()
    position[3, 1] = np.nan
    data = measured_trajectories(position, time=TIME, sigma=[0.1, 0.2], mass=[1.0, 2.0])
    save(tmp_path / f"run{suffix}", data)
    back = load(tmp_path / f"run{suffix}")
    np.testing.assert_array_equal(back.measured.position, data.measured.position)
    np.testing.assert_array_equal(back.measured.sigma, data.measured.sigma)
    np.testing.assert_array_equal(back.acceleration, data.acceleration)


def test_parts_keep_their_measurements():
    data = measured_trajectories(circle(), time=TIME, sigma=0.1)
    first, rest = data.split_time(0.5)
    np.testing.assert_array_equal(first.measured.position[0], circle()[:10])
    np.testing.assert_array_equal(rest.measured.position[0], circle()[10:])
    assert data.thin(4).measured.position.shape == (1, 5, 2, 2)


def test_times_in_another_order_are_sorted_with_a_note(tmp_path, caplog):
    frame = table()
    order = [*range(4), 6, 7, 4, 5, *range(8, 40)]
    with caplog.at_level(logging.WARNING):
        data = loaded(frame.iloc[order], tmp_path)
    np.testing.assert_array_equal(data.position[0], circle())
    assert "rows sorted by time for bodies a, b" in caplog.text


def doubled(frame):
    return pd.concat([frame, frame.iloc[[5]]])


def restarted(frame):
    again = frame.assign(time=frame["time"] + 0.013)
    return pd.concat([frame, again])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[f["body"] == "a"], "1 body; expected at least two"),
        (lambda f: f[(f["body"] == "a") | (f["trajectory"] == 1)], "trajectory 0 has no body b"),
        (doubled, "time does not increase for body b of trajectory 0"),
        (restarted, "time does not increase for body a .* expected a column 'trajectory'"),
        (lambda f: f[f["time"] < 0.4], "4 times; expected at least 5"),
        (lambda f: f[(f["body"] == "a") | (f["time"] < 0.4)], "body b was measured at 4 times"),
        (lambda f: f.assign(sigma=0.0), "sigma is 0.0; expected positive"),
        (lambda f: f.assign(sigma=-1.0), "sigma is -1.0; expected positive"),
        (lambda f: f.assign(sigma=np.arange(len(f)) + 1.0), "the sigma of body a changes in time"),
        (lambda f: f.assign(x=np.inf), "column 'x' holds inf in row 1"),
        (lambda f: f.assign(ax=0.0, ay=0.0).drop(index=5), "is missing at time"),
        (lambda f: f.assign(ax=0.0, ay=0.0, sigma=1.0), "beside accelerations"),
    ],
)
def test_what_is_refused(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        loaded(change(table(runs=2)), tmp_path)


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (0.0, "sigma is 0.0; expected positive"),
        (-0.1, "sigma is -0.1; expected positive"),
        (np.nan, "sigma is nan; expected positive"),
        ([0.1, 0.1, 0.1], r"sigma has shape \(3,\); expected a number, \(2,\) or \(1, 2\)"),
        ("small", "sigma is not an array of numbers"),
    ],
)
def test_standard_errors_that_cannot_be(sigma, message):
    with pytest.raises(ValueError, match=message):
        measured_trajectories(circle(), time=TIME, sigma=sigma)


def test_standard_errors_are_for_positions_alone():
    data = measured_trajectories(circle(), time=TIME)
    import dataclasses

    with pytest.raises(ValueError, match="accelerations; expected positions without"):
        with_sigma(dataclasses.replace(data, measured=None), 0.1)
