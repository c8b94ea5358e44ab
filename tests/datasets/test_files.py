"""Files: what is read back, what is estimated, what is refused, and that nothing is lost."""

import sys

import numpy as np
import pandas as pd
import pytest

from jaxsym.datasets import load, save
from jaxsym.trajectories import trajectories

SUFFIXES = [".npz", ".csv", ".parquet"]


def motion(runs=2, steps=40, bodies=3, dims=2, **fields):
    """Bodies on circles of different size and speed."""
    time = np.linspace(0.0, 3.0, steps)
    rate = 1 + np.arange(bodies)[:, None] + np.arange(dims) / 3
    phase = rate * (time[:, None, None] + 0.5) + np.arange(runs)[:, None, None, None]
    size = 3.0 + np.arange(bodies)[:, None]
    given = {
        "velocity": size * rate * np.cos(phase),
        "acceleration": -size * rate**2 * np.sin(phase),
        "time": time,
    }
    return trajectories(size * np.sin(phase), **(given | fields))


def frame_of(data, tmp_path):
    save(tmp_path / "source.csv", data)
    return pd.read_csv(tmp_path / "source.csv")


def write(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(suffix, dims, tmp_path):
    data = motion(
        dims=dims,
        mass=[1.0, 2.5, 0.1],
        charge=np.random.default_rng(0).normal(size=(2, 3)),
        names=["a", "b", "c"],
    )
    save(tmp_path / f"run{suffix}", data)
    back = load(tmp_path / f"run{suffix}")
    for name in ("position", "velocity", "acceleration", "time", "mass", "charge"):
        np.testing.assert_array_equal(getattr(back, name), getattr(data, name))
    assert back.names == data.names
    assert back.origin == f"file run{suffix}"


def test_npz_keeps_pairs_and_precision(tmp_path):
    data = motion(pairs=[(0, 1), (1, 2)])
    save(tmp_path / "run.npz", data)
    assert load(tmp_path / "run.npz").pairs == ((0, 1), (1, 2))
    np.savez(tmp_path / "single.npz", position=np.float32(data.position), time=data.time)
    assert load(tmp_path / "single.npz").position.dtype == np.float32


def test_one_trajectory_without_its_axis(tmp_path):
    data = motion(runs=1)
    np.savez(tmp_path / "run.npz", position=data.position[0], time=data.time)
    assert load(tmp_path / "run.npz").position.shape == (1, 40, 3, 2)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_in_any_order_of_bodies_and_trajectories(suffix, tmp_path):
    data = motion(mass=[1.0, 2.0, 3.0])
    frame = frame_of(data, tmp_path)
    mixed = frame.sort_values(["time", "body", "trajectory"], ascending=[True, False, True])
    back = load(write(mixed, tmp_path / f"mixed{suffix}"))
    assert back.names == ("2", "1", "0")
    np.testing.assert_array_equal(back.position, data.position[:, :, ::-1])
    np.testing.assert_array_equal(back.mass, data.mass[:, ::-1])


def test_missing_acceleration_comes_from_velocity(tmp_path):
    data = motion()
    frame = frame_of(data, tmp_path).drop(columns=["ax", "ay"])
    back = load(write(frame, tmp_path / "run.csv"))
    np.testing.assert_allclose(back.acceleration, data.acceleration, atol=1e-3)
    np.testing.assert_array_equal(back.velocity, data.velocity)
    assert "acceleration from velocity by interpolating spline" in back.origin


def test_missing_velocity_comes_from_position(tmp_path):
    data = motion(steps=200)
    fields = {"position": data.position, "time": data.time}
    np.savez(tmp_path / "x.npz", **fields)
    np.savez(tmp_path / "xa.npz", **fields, acceleration=data.acceleration)
    both, one = load(tmp_path / "x.npz"), load(tmp_path / "xa.npz")
    for back in (both, one):
        np.testing.assert_allclose(back.velocity, data.velocity, atol=1e-6)
    np.testing.assert_allclose(both.acceleration, data.acceleration, atol=1e-3)
    np.testing.assert_array_equal(one.acceleration, data.acceleration)
    assert "velocity and acceleration from position" in both.origin
    assert "velocity from position" in one.origin


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_existing_files_are_kept(suffix, tmp_path):
    path = tmp_path / f"run{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists; expected the name of a new file"):
        save(path, motion())
    assert path.read_bytes() == b"precious"


def test_tables_cannot_hold_pairs(tmp_path):
    with pytest.raises(ValueError, match="run.csv cannot hold the pairs"):
        save(tmp_path / "run.csv", motion(pairs=[(0, 1)]))
    assert not (tmp_path / "run.csv").exists()


def test_unknown_suffix(tmp_path):
    for path in (tmp_path / "run.cvs", tmp_path / "run"):
        with pytest.raises(ValueError, match="unknown file type"):
            load(path)
        with pytest.raises(ValueError, match="unknown file type"):
            save(path, motion())
    with pytest.raises(ValueError, match="did you mean '.csv'"):
        load(tmp_path / "run.cvs")


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*run.csv"):
        load(tmp_path / "run.csv")


def pickled(path):
    with path.open("wb") as file:
        np.savez(file, position=np.array([{"a": 1}], dtype=object), time=np.arange(1.0))


def cut(suffix):
    def write_half(path):
        whole = path.with_name(f"whole{suffix}")
        save(whole, motion())
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    return write_half


def renamed(suffix):
    def write_other(path):
        save(path.with_suffix(suffix), motion())
        path.with_suffix(suffix).rename(path)

    return write_other


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.npz", renamed(".csv"), "a.npz: not an .npz archive"),
        ("a.npz", cut(".npz"), "a.npz: not an .npz archive of arrays, or cut short"),
        ("a.npz", pickled, "a.npz: the array .* holds Python objects, which are not read"),
        ("a.npz", lambda path: path.touch(), "a.npz: not an .npz archive"),
        ("a.csv", renamed(".npz"), "a.csv: not a table in text"),
        ("a.csv", renamed(".parquet"), "a.csv: "),
        ("a.csv", lambda path: path.touch(), "a.csv: not a table in text"),
        ("a.csv", lambda p: p.write_text("time,body,x,y\n"), "a.csv: the table has no rows"),
        (
            "a.csv",
            lambda p: p.write_text("x,y\n1,2\n1,2,3\n"),
            "a.csv: line 3 has 3 fields",
        ),
        ("a.parquet", renamed(".csv"), "a.parquet: not a Parquet file"),
        ("a.parquet", cut(".parquet"), "a.parquet: not a Parquet file, or cut short"),
        ("a.parquet", lambda p: p.write_bytes(b"PAR1" + bytes(80) + b"PAR1"), "a.parquet: "),
    ],
)
def test_files_that_are_not_what_their_name_says(name, make, message, tmp_path):
    path = tmp_path / name
    make(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def put(column, row, value):
    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return change


def rename(**names):
    return lambda frame: frame.rename(columns=names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename(time="tiem"), "unknown column 'tiem'; did you mean 'time'"),
        (rename(mass="masss"), "unknown column 'masss'; did you mean 'mass'"),
        (lambda f: f.drop(columns="time"), "no column 'time'; expected time, body, x, y"),
        (lambda f: f.drop(columns="body"), "no column 'body'"),
        (lambda f: f.drop(columns="y"), "no column 'y'"),
        (lambda f: f.drop(columns="vy"), "no column 'vy'"),
        (rename(ay="az"), "no column 'z'"),
        (put("vx", 4, np.nan), "column 'vx' holds nan in row 5; expected finite numbers"),
        (put("x", 0, np.inf), "column 'x' holds inf in row 1"),
        (put("mass", 2, "heavy"), "column 'mass' holds heavy in row 3"),
        (put("mass", 6, 9.0), "mass of body 0 changes in time, from 1.0 to 9.0 at time index 2"),
        (put("mass", slice(None), 0.0), "mass is 0.0 at index"),
        (put("body", 3, None), "column 'body' is empty in row 4"),
        (lambda f: f.drop(index=5), "body 2 of trajectory 0 is missing at time"),
        (lambda f: f[f["body"] == 1], "position holds 1 body; expected at least two"),
        (lambda f: f[(f["body"] < 2) | (f["trajectory"] == 0)], "trajectory 1 has no body 2"),
        (put("time", 6, 0.0), "time does not increase for body 0 of trajectory 0 in row 7"),
        (lambda f: pd.concat([f, f.iloc[[0]]]), "time does not increase for body 0"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bad_tables_are_refused_with_their_place(change, message, suffix, tmp_path):
    frame = change(frame_of(motion(mass=[1.0, 2.0, 3.0]), tmp_path))
    if suffix == ".parquet" and frame.get("mass", pd.Series()).isin(["heavy"]).any():
        frame["mass"] = frame["mass"].astype(str)  # a Parquet column has one type
        message = "column 'mass' holds heavy"
    with pytest.raises(ValueError, match=message) as caught:
        load(write(frame, tmp_path / f"bad{suffix}"))
    assert str(caught.value).startswith(f"bad{suffix}: ")


def test_equal_positions_name_the_bodies(tmp_path):
    frame = frame_of(motion(names=["a", "b", "c"]), tmp_path)
    frame.loc[[30, 31], ["x", "y"]] = 1.0
    with pytest.raises(
        ValueError, match="bodies a and b are at the same position .* time index 10"
    ):
        load(write(frame, tmp_path / "bad.csv"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positon": np.zeros(3)}, "unknown array 'positon'; did you mean 'position'"),
        ({"time": None}, "there is no array 'time'; got position"),
        ({"time": np.arange(3.0)}, r"time has shape \(3,\); expected \(40,\)"),
        ({"velocity": np.zeros((2, 40, 3, 3))}, "velocity has shape"),
        ({"mass": np.ones(2)}, r"mass has shape \(2,\)"),
        ({"names": np.array(["a", "b"])}, "names is .*expected 3 different names"),
        ({"pairs": np.array([0, 1])}, "pairs holds 0; expected two different bodies"),
        ({"time": np.zeros(40)}, "time does not increase at index 1"),
    ],
)
def test_bad_archives_are_refused(change, message, tmp_path):
    data = motion()
    arrays = {"position": data.position, "time": data.time} | change
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(ValueError, match=f"a.npz: {message}"):
        load(tmp_path / "a.npz")


def test_too_short_to_differentiate(tmp_path):
    data = motion(steps=4)
    np.savez(tmp_path / "a.npz", position=data.position, time=data.time)
    with pytest.raises(ValueError, match="there are 4 times; expected at least 5"):
        load(tmp_path / "a.npz")


def test_parquet_without_its_package(tmp_path, monkeypatch):
    save(tmp_path / "run.parquet", motion())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"jaxsym\[parquet\]\""):
        load(tmp_path / "run.parquet")
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"jaxsym\[parquet\]\""):
        save(tmp_path / "new.parquet", motion())
    assert not (tmp_path / "new.parquet").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_nothing_and_the_retry_works(suffix, tmp_path, monkeypatch):
    from jaxsym.datasets import files

    def full(path, data):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    path = tmp_path / f"run{suffix}"
    with monkeypatch.context() as patch:
        patch.setitem(files._WRITERS, suffix, full)
        with pytest.raises(OSError, match="No space left"):
            save(path, motion())
    assert list(tmp_path.iterdir()) == []
    save(path, motion())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def wide(frame):
    """A row for each time."""
    parts = [
        rows.set_index("time").drop(columns=["body", "trajectory"]).add_suffix(str(body))
        for body, rows in frame.groupby("body")
    ]
    return pd.concat(parts, axis=1).reset_index()


LAYOUTS = {
    "time is t, body is id": rename(time="t", body="id"),
    "body is particle": rename(body="Particle"),
    "upper case": lambda frame: frame.rename(columns=str.upper),
    "units": rename(x="x (m)", y="y [m]", time="t [s]"),
    "shuffled": lambda frame: frame.sample(frac=1.0, random_state=0),
    "reversed": lambda frame: frame.iloc[::-1],
    "with a remark": lambda frame: frame.assign(remark="measured by hand"),
    "wide": wide,
    "wide in other words": lambda frame: wide(frame).rename(columns=lambda n: n.replace("x", "X_")),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_tables_as_people_have_them(suffix, layout, tmp_path):
    data = motion(runs=1, mass=[1.0, 2.0, 3.0], charge=[0.0, 1.0, -1.0])
    frame = layout(frame_of(data, tmp_path))
    if suffix == ".parquet":
        frame.to_parquet(tmp_path / "run.parquet", index=False)
    else:
        frame.to_csv(tmp_path / f"run{suffix}", index=False, sep="\t" if suffix == ".tsv" else ";")
    back = load(tmp_path / f"run{suffix}")
    order = np.argsort([int(name) for name in back.names])
    np.testing.assert_array_equal(back.time, data.time)
    for name in ("position", "velocity", "acceleration"):
        np.testing.assert_array_equal(getattr(back, name)[:, :, order], getattr(data, name))
    for name in ("mass", "charge"):
        np.testing.assert_array_equal(getattr(back, name)[:, order], getattr(data, name))


def test_long_numbers_of_bodies_stay_apart(tmp_path):
    frame = frame_of(motion(), tmp_path)
    names = [str(4 * 10**18 + i) for i in range(3)]  # the same as float64
    frame["body"] = [names[i] for i in frame["body"]]
    assert list(load(write(frame, tmp_path / "run.csv")).names) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,time,body,x,y\n0,0,a,1,2\n", "columns 't' and 'time' are both read as 'time'"),
        ("t,x1,y1,x2\n0,1,2,3\n", "there is no column 'y2'; expected the same for all bodies"),
        ("t,body,x1,y1\n0,1,2,3\n", "there are a column 'body' and columns such as 'x1'"),
        ("t,body,x,y\n0,a,1,2\n0,b,3,4\n0,a,1,2\n", "body a of trajectory 0 is there twice at"),
        ("t,body,x,y\n0,a,1,2,\n0,b,3,4,\n", "line 2 has 5 fields; the header has 4 names"),
    ],
)
def test_tables_that_are_two_things_at_once_are_refused(text, message, tmp_path):
    (tmp_path / "run.csv").write_text(text)
    with pytest.raises(ValueError, match=f"run.csv: {message}"):
        load(tmp_path / "run.csv")


def test_runs_one_after_the_other_are_not_mixed(tmp_path):
    """Their times interleave, so that sorting them would make one run of both."""
    frame = frame_of(motion(runs=1), tmp_path)
    both = pd.concat([frame, frame.assign(time=frame["time"] + 1e-3)])
    with pytest.raises(ValueError, match="in row 121: 0.001 after 3.0; .* 'trajectory'"):
        load(write(both, tmp_path / "run.csv"))


def test_half_precision_is_widened(tmp_path):
    data = motion()
    np.savez(tmp_path / "run.npz", position=np.float16(data.position), time=data.time)
    assert load(tmp_path / "run.npz").position.dtype == np.float64
