"""Between trajectories and long tables: one row for each body at each time of each trajectory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from jaxsym._check import require, unknown_name
from jaxsym.trajectories import Trajectories

_AXES = ("x", "y", "z")
_SCALARS = ("mass", "charge")
COLUMNS = (
    "trajectory",
    "time",
    "body",
    *(prefix + axis for prefix in ("", "v", "a") for axis in _AXES),
    *_SCALARS,
)
_SAME = "; expected the same bodies and times in all trajectories"


class Table(NamedTuple):
    """What a table holds; None where it has no such columns."""

    position: Float[np.ndarray, "R T N D"]
    velocity: Float[np.ndarray, "R T N D"] | None
    acceleration: Float[np.ndarray, "R T N D"] | None
    time: Float[np.ndarray, " T"]
    mass: Float[np.ndarray, "R N"] | None
    charge: Float[np.ndarray, "R N"] | None
    names: tuple[str, ...]


def from_frame(frame: pd.DataFrame) -> Table:
    """Reads a long table; rows are counted from 1 below the header in errors.

    Raises:
      ValueError: columns that are missing or unknown (with the nearest known name), entries that
        are not finite numbers (with their row), a body that is missing or doubled at a time, time
        that goes back, trajectories whose bodies or times differ, a mass that changes in time.

    >>> frame = pd.DataFrame({"time": [0, 0], "body": ["a", "b"], "x": [1, 2], "y": [3, 5]})
    >>> from_frame(frame).position.tolist()
    [[[[1.0, 3.0], [2.0, 5.0]]]]
    """
    vectors = _check_columns(frame)
    frame = frame.reset_index(drop=True)
    if "trajectory" not in frame:
        frame["trajectory"] = 0
    numeric = [c for c in frame.columns if c not in ("trajectory", "body")]
    for column in numeric:
        frame[column] = _numbers(frame, column)
    for column in ("trajectory", "body"):
        _check_given(frame, column)
    runs, bodies = frame["trajectory"].unique(), frame["body"].unique()
    _check_time_order(frame)
    times = _common_times(frame, runs, bodies)
    run_codes, body_codes = (frame[c].factorize()[0] for c in ("trajectory", "body"))
    frame = frame.iloc[np.lexsort((body_codes, frame["time"], run_codes))]
    shape = (len(runs), len(times), len(bodies))
    x, v, a = (
        frame[names].to_numpy(np.float64).reshape(*shape, -1) if names else None
        for names in vectors
    )
    mass, charge = (
        _constant_scalar(frame[name].to_numpy(np.float64).reshape(shape), name, bodies)
        if name in frame
        else None
        for name in _SCALARS
    )
    assert x is not None
    return Table(x, v, a, times, mass, charge, tuple(str(body) for body in bodies))


def to_frame(data: Trajectories) -> pd.DataFrame:
    """The long table of some trajectories.

    >>> still = [[[0.0, 0.0], [3.0, 4.0]]]
    >>> from jaxsym.trajectories import trajectories
    >>> data = trajectories(still, velocity=still, acceleration=still, time=[0.5])
    >>> to_frame(data)[["time", "body", "x", "y"]].to_numpy().tolist()
    [[0.5, 0.0, 0.0, 0.0], [0.5, 1.0, 3.0, 4.0]]
    """
    runs, times, bodies, dims = data.position.shape
    names = np.array(data.names or range(bodies))
    frame = pd.DataFrame(
        {
            "trajectory": np.repeat(np.arange(runs), times * bodies),
            "time": np.tile(np.repeat(np.asarray(data.time), bodies), runs),
            "body": np.tile(names, runs * times),
        }
    )
    for prefix, values in zip(
        ("", "v", "a"), (data.position, data.velocity, data.acceleration), strict=True
    ):
        for d, axis in enumerate(_AXES[:dims]):
            frame[prefix + axis] = np.asarray(values[..., d]).reshape(-1)
    for name in _SCALARS:
        if (values := getattr(data, name)) is not None:
            frame[name] = np.repeat(np.asarray(values), times, axis=0).reshape(-1)
    return frame


def _check_columns(frame: pd.DataFrame) -> list[list[str]]:
    """The names of the position, velocity and acceleration columns; empty where there are none."""
    for column in frame.columns:
        if column not in COLUMNS:
            raise unknown_name("column", str(column), COLUMNS)
    require(len(frame) > 0, "the table has no rows")
    axes = _AXES if "z" in frame or "vz" in frame or "az" in frame else _AXES[:2]
    vectors = [[prefix + axis for axis in axes] for prefix in ("", "v", "a")]
    found = [names if any(n in frame for n in names) else [] for names in vectors]
    for column in ("time", "body", *vectors[0], *found[1], *found[2]):
        require(
            column in frame,
            f"there is no column '{column}'; expected time, body, {', '.join(vectors[0])} and, "
            f"complete or not at all, {', '.join(vectors[1])} and {', '.join(vectors[2])}; "
            f"got {', '.join(map(str, frame.columns))}",
        )
    return found


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"column '{column}' holds {frame[column].iloc[bad[0]]} in row {bad[0] + 1}; "
            "expected finite numbers"
        )
    return values


def _check_given(frame: pd.DataFrame, column: str) -> None:
    empty = np.flatnonzero(frame[column].isna())
    if len(empty):
        raise ValueError(f"column '{column}' is empty in row {empty[0] + 1}")


def _check_time_order(frame: pd.DataFrame) -> None:
    for (run, body), rows in frame.groupby(["trajectory", "body"], sort=False):
        time = rows["time"].to_numpy()
        back = np.flatnonzero(np.diff(time) <= 0)
        if len(back):
            i = int(back[0])
            raise ValueError(
                f"time does not increase for body {body} of trajectory {run} in row "
                f"{rows.index[i + 1] + 1}: {time[i + 1]} after {time[i]}"
            )


def _common_times(frame: pd.DataFrame, runs: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """The times, which every body of every trajectory must have."""
    times = np.unique(frame["time"][frame["trajectory"] == runs[0]])
    groups = dict(list(frame.groupby(["trajectory", "body"], sort=False)["time"]))
    for run in runs:
        for body in bodies:
            require((run, body) in groups, f"trajectory {run} has no body {body}{_SAME}")
            odd = np.setxor1d(times, groups[run, body].to_numpy())
            if len(odd):
                verb = "is missing at" if odd[0] in times else "has the additional"
                raise ValueError(f"body {body} of trajectory {run} {verb} time {odd[0]}{_SAME}")
    return times


def _constant_scalar(values: np.ndarray, name: str, bodies: np.ndarray) -> np.ndarray:
    changed = np.argwhere(values != values[:, :1])
    if len(changed):
        run, step, body = changed[0]
        raise ValueError(
            f"the {name} of body {bodies[body]} changes in time, from {values[run, 0, body]} to "
            f"{values[run, step, body]} at time index {step}; expected one {name} a body"
        )
    return values[:, 0]
