"""Damaged files of every kind: what is there is read, or one ValueError is raised, on one line."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from fuzzing import CHANGES, COUNT, FUZZ, changed
from hypothesis import given
from hypothesis import strategies as st

from jaxsym.datasets import load, load_mechanical, read_columns, save
from jaxsym.trajectories import trajectories


def motion(**fields):
    time = np.arange(12.0)
    x = np.stack([np.sin(time), np.cos(time), 3 + time, time**2], -1).reshape(12, 2, 2)
    return trajectories(x, velocity=0 * x + 1.0, acceleration=0 * x, time=time, **fields)


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """A whole file of each kind, as bytes, by suffix and reader."""
    folder = tmp_path_factory.mktemp("whole")
    states = {name: np.random.default_rng(0).normal(size=(20, 2)) for name in ("q", "qd", "qdd")}
    states["tau"] = states["qdd"] + states["q"]
    columns = {f"{k}{i + 1}": v[:, i] for k, v in states.items() for i in range(2)}
    found = {}
    for suffix in (".csv", ".tsv", ".npz", ".parquet"):
        save(folder / f"run{suffix}", motion(mass=[1.0, 2.0], names=["a", "b"]))
        found[suffix, load] = (folder / f"run{suffix}").read_bytes()
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "m.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(folder / "m.parquet")
    np.savez(folder / "m.npz", **states)
    np.savez_compressed(folder / "columns.npz", **columns)
    for suffix, reader, name in (
        (".csv", load_mechanical, "m.csv"),
        (".csv", read_columns, "m.csv"),
        (".npz", load_mechanical, "m.npz"),
        (".npz", read_columns, "columns.npz"),
        (".parquet", read_columns, "m.parquet"),
    ):
        found[suffix, reader] = (folder / name).read_bytes()
    return found


CASES = [
    *((suffix, load) for suffix in (".csv", ".tsv", ".npz", ".parquet")),
    *((suffix, load_mechanical) for suffix in (".csv", ".npz")),
    *((suffix, read_columns) for suffix in (".csv", ".npz", ".parquet")),
]


@pytest.mark.parametrize(("suffix", "reader"), CASES, ids=[f"{r.__name__}{s}" for s, r in CASES])
def test_damaged_files(suffix, reader, wholes, tmp_path, caplog):
    whole, path = wholes[suffix, reader], tmp_path / f"a{suffix}"
    caplog.set_level(logging.ERROR)
    met = {"read": 0, "refused": 0}

    @FUZZ
    @given(CHANGES)
    def check(changes):
        path.write_bytes(changed(whole, changes))
        met[outcome(reader, path)] += 1

    check()
    assert met["refused"] > COUNT // 10, met


def outcome(reader, path) -> str:
    """Whether it was read; anything but one clear line of a ValueError is a failure."""
    try:
        found = reader(path)
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"{path.name}: ") and "\n" not in text and len(text) < 1500, text
        return "refused"
    frame = found.frame if reader is read_columns else None
    assert frame is None or all(kind == np.float64 for kind in frame.dtypes)
    if reader is load:
        assert all(np.isfinite(getattr(found, n)).all() for n in ("position", "acceleration"))
    return "read"


CELLS = st.sampled_from(
    ["", "0", "1", "-2.5", "1e400", "nan", "inf", "x", "y", "time", "body", "t", "a b", '"', "1,5"]
    + ["١", "0x10", "1_0", "9" * 400, "#", "q1", "x1", "mass", "é"]
)


@FUZZ
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|", " ", ", "]),
    st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-8-sig"]),
)
def test_tables_of_anything(tmp_path, rows, delimiter, encoding):
    path = tmp_path / "a.csv"
    text = "\n".join(delimiter.join(row) for row in rows)
    path.write_bytes(text.encode(encoding, errors="replace"))
    for reader in (read_columns, load, load_mechanical):
        outcome(reader, path)


HEADERS = st.sampled_from(["<f8", "|O", "<U4", "|V0", "<M8[s]", "|b1", ">f2", "<c16", "<U0", "|S3"])
SHAPES = st.sampled_from(["(3,)", "()", "(0,)", "(10**9,)", "(-1,)", "(2**62, 2)", "3", "(1, 3)"])


@FUZZ
@given(HEADERS, SHAPES, st.binary(max_size=24), st.sampled_from(["position", "time", "x", "q"]))
def test_arrays_of_anything(tmp_path, kind, shape, content, name):
    import zipfile

    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", member)
    for reader in (read_columns, load, load_mechanical):
        outcome(reader, path)
