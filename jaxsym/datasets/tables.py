"""Between trajectories and long tables: one row for each body at each time of each trajectory."""

from __future__ import annotations

import logging
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from jaxsym._check import listed, require, unknown_name
from jaxsym.datasets.columns import Columns
from jaxsym.trajectories import Trajectories

logger = logging.getLogger(__name__)

_AXES = ("x", "y", "z")
_SCALARS = ("mass", "charge", "sigma")
COLUMNS = (
    "trajectory",
    "time",
    "body",
    *(prefix + axis for prefix in ("", "v", "a") for axis in _AXES),
    *_SCALARS,
)
LABELS = ("trajectory", "body", "id", "particle")
_ACCELERATIONS = tuple(f"a{axis}" for axis in _AXES)
_SYNONYMS = {"t": "time", "id": "body", "particle": "body"}
_WIDE = re.compile(r"([va]?[xyz]|mass|charge|sigma)_?(\d{1,6})")
_SHUFFLED = 0.25
_RESTART = 0.5  # of the span of time: going back by more begins another run
_SAME = "; expected the same bodies and times in all trajectories"


class Table(NamedTuple):
    """What a table holds; None where it has no such columns.

    Positions are NaN where a body is missing, which it may be where there are no accelerations.
    """

    position: Float[np.ndarray, "R T N D"]
    velocity: Float[np.ndarray, "R T N D"] | None
    acceleration: Float[np.ndarray, "R T N D"] | None
    time: Float[np.ndarray, " T"]
    mass: Float[np.ndarray, "R N"] | None
    charge: Float[np.ndarray, "R N"] | None
    sigma: Float[np.ndarray, "R N"] | None
    names: tuple[str, ...]


def from_columns(table: Columns) -> Table:
    """Reads a long table, or a wide one (``time x1 y1 x2 y2``), whose rows may be in any order.

    Names may be in any case; ``t`` is the time, ``id`` and ``particle`` are bodies. Columns of text
    beyond these are left out. Rows are counted from 1 below the header in errors. Where there are
    no accelerations, bodies may be missing at some times.

    Raises:
      ValueError: columns that are missing or unknown (with the nearest known name), entries that
        are not finite numbers (with their row), a body that is doubled at a time, or missing beside
        accelerations, several runs one after the other, trajectories whose bodies differ, a mass
        that changes in time.

    >>> frame = pd.DataFrame({"t": [0], "x1": [1], "y1": [3], "x2": [2], "y2": [5]})
    >>> from_columns(Columns(frame, {}, {}, (), ())).position.tolist()
    [[[[1.0, 3.0], [2.0, 5.0]]]]
    """
    frame = _long(_named(table))
    vectors = _check_columns(frame)
    if "trajectory" not in frame:
        frame["trajectory"] = "0"
    for column in ("trajectory", "body"):
        _check_given(frame, column)
    runs, bodies = frame["trajectory"].unique(), frame["body"].unique()
    _check_time_order(frame)
    whole = bool(vectors[2])
    times = _common_times(frame, runs, bodies) if whole else _all_times(frame, runs, bodies)
    run_codes, body_codes = (frame[c].factorize()[0] for c in ("trajectory", "body"))
    shape = (len(runs), len(times), len(bodies))
    at = np.searchsorted(times, frame["time"])
    places = np.ravel_multi_index((run_codes, at, body_codes), shape)

    def gathered(names: list[str]) -> np.ndarray:
        values = np.full((np.prod(shape), len(names)), np.nan)
        values[places] = frame[names].to_numpy(np.float64)
        return values.reshape(*shape, -1)

    x, v, a = (gathered(names) if names else None for names in vectors)
    mass, charge, sigma = (
        _constant_scalar(gathered([name])[..., 0], name, bodies) if name in frame else None
        for name in _SCALARS
    )
    assert x is not None
    # velocities with gaps would be of no use beside positions
    v = None if v is not None and np.isnan(v).any() else v
    return Table(x, v, a, times, mass, charge, sigma, tuple(str(body) for body in bodies))


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
    seen = data.measured
    motion: dict[str, Any] = {"": data.position, "v": data.velocity, "a": data.acceleration}
    if seen is not None:
        motion = {"": seen.position}
    frame = pd.DataFrame(
        {
            "trajectory": np.repeat(np.arange(runs), times * bodies),
            "time": np.tile(np.repeat(np.asarray(data.time), bodies), runs),
            "body": np.tile(names, runs * times),
        }
    )
    for prefix, values in motion.items():
        for d, axis in enumerate(_AXES[:dims]):
            frame[prefix + axis] = np.asarray(values[..., d]).reshape(-1)
    scalars = {"mass": data.mass, "charge": data.charge, "sigma": seen and seen.sigma}
    for name, values in scalars.items():
        if values is not None:
            frame[name] = np.repeat(np.asarray(values), times, axis=0).reshape(-1)
    return frame if seen is None else frame.dropna(subset=list(_AXES[:dims]))


def _named(table: Columns) -> pd.DataFrame:
    """The columns that are known, all of them finite numbers or labels, by their usual names."""
    usual = {name: _usual(name) for name in table.names if name not in table.texts}
    usual |= {name: _usual(name) for name in table.texts if _is_known(_usual(name))}
    first: dict[str, str] = {}
    for name, known in usual.items():
        if not _is_known(known):
            raise unknown_name("column", name, COLUMNS)
        same = first.setdefault(known, name)
        require(same == name, f"columns '{same}' and '{name}' are both read as '{known}'")
    frame = table.numbers(usual).rename(columns=usual)
    whole = any(_field(column) in _ACCELERATIONS for column in frame.columns)
    for column in frame.columns:
        if column not in ("trajectory", "body"):
            values = frame[column].to_numpy(np.float64)
            may_be_missing = not whole and _field(column) in _AXES
            check_finite(
                np.nan_to_num(values, posinf=np.inf, neginf=-np.inf) if may_be_missing else values,
                column,
            )
    return frame


def _field(column: str) -> str:
    """The name without the number of a body."""
    wide = _WIDE.fullmatch(column)
    return wide[1] if wide else column


def _usual(name: str) -> str:
    lower = name.lower()
    wide = _WIDE.fullmatch(lower)
    return f"{wide[1]}{wide[2]}" if wide else _SYNONYMS.get(lower, lower)


def _is_known(usual: str) -> bool:
    return usual in COLUMNS or _WIDE.fullmatch(usual) is not None


def _long(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each body, where there are columns for each body in a row."""
    wide = {name: match for name in frame.columns if (match := _WIDE.fullmatch(name))}
    if not wide:
        return frame
    require("body" not in frame, f"there are a column 'body' and columns such as '{min(wide)}'")
    bodies = sorted({int(match[2]) for match in wide.values()})
    fields = sorted({match[1] for match in wide.values()})
    shared = frame[[name for name in frame.columns if name not in wide]]
    parts = []
    for body in bodies:
        columns = {field: f"{field}{body}" for field in fields}
        for name in columns.values():
            require(name in frame, f"there is no column '{name}'; expected the same for all bodies")
        own = {field: frame[name] for field, name in columns.items()}
        parts.append(shared.assign(body=str(body), **own))
    return pd.concat(parts, ignore_index=True)


def _check_columns(frame: pd.DataFrame) -> list[list[str]]:
    """The names of the position, velocity and acceleration columns; empty where there are none."""
    axes = _AXES if "z" in frame or "vz" in frame or "az" in frame else _AXES[:2]
    vectors = [[prefix + axis for axis in axes] for prefix in ("", "v", "a")]
    found = [names if any(n in frame for n in names) else [] for names in vectors]
    for column in ("time", "body", *vectors[0], *found[1], *found[2]):
        require(
            column in frame,
            f"there is no column '{column}'; expected time, body, {', '.join(vectors[0])} and, "
            f"complete or not at all, {', '.join(vectors[1])} and {', '.join(vectors[2])}; "
            f"got {listed(frame.columns)}",
        )
    return found


def check_finite(values: np.ndarray, column: str) -> None:
    """Raise ``ValueError`` with the row of the first number of a column that is not finite."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"column '{column}' holds {values[bad[0]]} in row {bad[0] + 1}; expected finite numbers"
        )


def _check_given(frame: pd.DataFrame, column: str) -> None:
    empty = np.flatnonzero(frame[column].isna())
    if len(empty):
        raise ValueError(f"column '{column}' is empty in row {empty[0] + 1}")


def _check_time_order(frame: pd.DataFrame) -> None:
    """Rows may be sorted, reversed or shuffled; several runs one after the other are refused."""
    sorted_later = []
    for (run, body), rows in frame.groupby(["trajectory", "body"], sort=False):
        time = rows["time"].to_numpy()
        steps = np.diff(time)
        back = np.flatnonzero(steps <= 0)
        twice = np.flatnonzero(np.diff(np.sort(time)) == 0)
        restarts = len(back) and -steps[back].min() > _RESTART * np.ptp(time)
        # shuffled rows go back at about half of all places, joined runs once each
        if 0 < len(back) < _SHUFFLED * len(time) and (len(twice) or restarts):
            i = int(back[0])
            raise ValueError(
                f"time does not increase for body {body} of trajectory {run} in row "
                f"{rows.index[i + 1] + 1}: {time[i + 1]} after {time[i]}; expected a column "
                "'trajectory' where there are several"
            )
        if len(twice):
            at = np.sort(time)[twice[0]]
            raise ValueError(f"body {body} of trajectory {run} is there twice at time {at}")
        if len(back):
            sorted_later.append(str(body))
    if sorted_later:
        logger.warning("rows sorted by time for bodies %s", listed(dict.fromkeys(sorted_later)))


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


def _all_times(frame: pd.DataFrame, runs: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """All times at which any body was seen; every trajectory has every body at some."""
    seen = set(map(tuple, frame[["trajectory", "body"]].to_numpy()))
    for run in runs:
        for body in bodies:
            require((run, body) in seen, f"trajectory {run} has no body {body}{_SAME}")
    return np.unique(frame["time"])


def _constant_scalar(values: np.ndarray, name: str, bodies: np.ndarray) -> np.ndarray:
    first = np.take_along_axis(values, np.argmax(~np.isnan(values), axis=1)[:, None], axis=1)
    changed = np.argwhere((values != first) & ~np.isnan(values))
    if len(changed):
        run, step, body = changed[0]
        raise ValueError(
            f"the {name} of body {bodies[body]} changes in time, from {first[run, 0, body]} to "
            f"{values[run, step, body]} at time index {step}; expected one {name} a body"
        )
    return first[:, 0]
