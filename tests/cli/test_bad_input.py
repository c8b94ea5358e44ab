"""What users bring that cannot be worked with: one clear line, exit code 1, nothing written."""

from __future__ import annotations

import os

import numpy as np
import pytest

HEADER = "time,body,x,y"


def table(header: str = HEADER, bodies: int = 2, change=None) -> str:
    """Bodies apart from each other at 30 times; ``change(rows)`` spoils them."""
    rows = [[t, b, b + 0.01 * t * t, 0.5 * b * t] for t in range(30) for b in range(bodies)]
    if change is not None:
        change(rows)
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)])


def put(row: int, column: int, value: object):
    def change(rows):
        rows[row][column] = value

    return change


def same_place(rows):
    rows[9][2:] = rows[8][2:]


FILES = {
    "column misnamed": ("run.csv", table("time,body,x,yy"), ["yy", "did you mean 'y'"]),
    "column missing": ("run.csv", "time,x,y\n0,1,2\n", ["body"]),
    "not a number": ("run.csv", table(change=put(5, 0, "nan")), ["time", "row 6"]),
    "infinite": ("run.csv", table(change=put(7, 3, "inf")), ["y", "row 8"]),
    "text for a number": ("run.csv", table(change=put(4, 2, "far")), ["x", "far", "row 5"]),
    "one body": ("run.csv", table(bodies=1), ["1 body", "at least two"]),
    "two at one place": ("run.csv", table(change=same_place), ["same position", "time index 4"]),
    "empty": ("run.csv", "", ["not a table in text"]),
    "table called npz": ("run.npz", table(), ["not an .npz archive"]),
    "table called parquet": ("run.parquet", table(), ["not a Parquet file"]),
    "unknown suffix": ("run.txt", table(), ["unknown file type '.txt'", ".csv"]),
}


@pytest.mark.parametrize(("name", "text", "parts"), FILES.values(), ids=FILES)
def test_files_that_are_not_trajectories(run, tmp_path, name, text, parts):
    file = tmp_path / name
    file.write_text(text)
    check(run, tmp_path, file, parts)
    assert file.read_text() == text


ARRAYS = {
    "shapes disagree": (
        {"velocity": np.zeros((30, 2, 3))},
        ["velocity has shape", "(1, 30, 2, 2)"],
    ),
    "lengths disagree": ({"time": np.arange(29.0)}, ["time has shape (29,)", "(30,)"]),
    "time stands still": ({"time": np.ones(30)}, ["time does not increase at index 1"]),
    "unknown array": ({"positoin": np.zeros(3)}, ["positoin", "did you mean 'position'"]),
    "infinite": ({"mass": [1.0, np.inf]}, ["mass has a non-finite value", "index (1,)"]),
    "no weight": ({"mass": [1.0, 0.0]}, ["mass is 0.0 at index"]),
    "too few": ({"position": np.eye(2)[None], "time": [0.0]}, ["run.npz"]),
}


@pytest.mark.parametrize(("change", "parts"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_are_not_trajectories(run, tmp_path, change, parts):
    t = np.arange(30.0)
    position = np.stack([np.stack([t, t], -1), np.stack([t + 1.0, -t], -1)], axis=1)
    file = tmp_path / "run.npz"
    np.savez(file, **({"position": position, "time": t} | change))
    check(run, tmp_path, file, parts)


def test_an_archive_cut_short(run, tmp_path):
    file = tmp_path / "run.npz"
    np.savez(file, position=np.zeros((30, 2, 2)), time=np.arange(30.0))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    check(run, tmp_path, file, ["cut short"])


def two(change=None) -> str:
    """Two bodies on circles at 30 times, with masses; ``change(rows)`` spoils them."""
    t = np.arange(30.0)
    x = np.stack([np.cos(0.1 * t), np.sin(0.1 * t)], axis=-1)
    rows = [[k, b, *((1 - 3 * b) * x[k]), 1 + b] for k in range(30) for b in range(2)]
    if change is not None:
        change(rows)
    lines = (",".join(map(str, row)) for row in rows)
    return "\n".join(["time,body,x,y,mass", *lines])


def lost(rows):
    for row in rows[30:]:
        row[2] += 5.0 * (row[1] == 1)


def still(rows):
    rng = np.random.default_rng(0)
    for row in rows:
        row[2:4] = (row[1] + 0.1 * rng.normal(size=2)).tolist()


MEASURED = {
    "sigma of zero": (two(), ["--sigma", "0"], ["sigma is 0.0; expected positive"]),
    "negative sigma": (two(), ["--sigma", "-1"], ["sigma is -1.0; expected positive"]),
    "box of zero": (two(), ["--box", "0"], ["box is 0.0; expected the positive length"]),
    "lost track": (two(lost), [], ["body 1 jumps by", "at time 15 of trajectory 0"]),
    "noise alone": (two(still), [], ["the noise", "is larger than the motion"]),
    "too few times": (two(lambda rows: rows.__delitem__(slice(8, None))), [], ["at least 5"]),
}


@pytest.mark.parametrize(("text", "options", "parts"), MEASURED.values(), ids=MEASURED)
def test_positions_that_tell_no_law(run, tmp_path, text, options, parts):
    file = tmp_path / "run.csv"
    file.write_text(text)
    check(run, tmp_path, file, parts, *options)


@pytest.mark.parametrize(
    ("source", "options", "parts"),
    [
        ("sprnig", [], ["unknown law or file 'sprnig'", "did you mean 'spring'"]),
        ("there_is_none.csv", [], ["there is no file there_is_none.csv"]),
        ("spring", ["--model", "bottelneck"], ["unknown model", "did you mean 'bottleneck'"]),
    ],
)
def test_names_that_nobody_knows(run, tmp_path, source, options, parts):
    check(run, tmp_path, source, parts, *options)


def check(run, folder, source, parts, *options):
    before = sorted(os.listdir(folder))
    result = run("discover", source, "--out", folder / "report", "--json", *options)
    error = result.stderr.splitlines()[-1]
    assert result.exit_code == 1 and result.stdout == ""
    assert error.startswith("error: ") and "unexpected" not in error
    for part in parts:
        assert part in error, error
    assert "Traceback" not in result.stderr
    assert sorted(os.listdir(folder)) == before
