"""Motion and torque of a mechanical system, from arrays or from a file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import finite, listed, numbers, require, unknown_name
from jaxsym.datasets.archives import read_arrays
from jaxsym.datasets.columns import check_suffix, columns_of, in_file
from jaxsym.datasets.tables import check_finite

FIELDS = ("q", "qd", "qdd", "tau")
CLOCKS = ("t", "time")  # of use where positions alone were measured: forces are not of time
MEASURED = ("q", "tau")  # what a series holds besides its times


class MechanicalData(NamedTuple):
    """States of a system with D coordinates, and what moves it there.

    Attributes:
      q: coordinates, in radians or the user's unit of length.
      qd, qdd: their first and second time derivatives.
      tau: torques or forces, one for each coordinate: commands, where actuators have gains.
    """

    q: Float[np.ndarray, "n D"]
    qd: Float[np.ndarray, "n D"]
    qdd: Float[np.ndarray, "n D"]
    tau: Float[np.ndarray, "n D"]


class MechanicalSeries(NamedTuple):
    """Measured positions and torques of one run, without derivatives.

    Attributes:
      time: of the samples.
      q: coordinates, in radians or the user's unit of length.
      tau: torques or forces.
    """

    time: Float[np.ndarray, " T"]
    q: Float[np.ndarray, "T D"]
    tau: Float[np.ndarray, "T D"]


def mechanical_data(q: ArrayLike, qd: ArrayLike, qdd: ArrayLike, tau: ArrayLike) -> MechanicalData:
    """Check what a user brings; float64 arrays.

    Args:
      q, qd, qdd, tau: ``[n, D]``, or ``[n]`` for one coordinate.

    Raises:
      ValueError: shapes that disagree, nothing, or a value that is not finite, with its place.

    >>> mechanical_data([1.0], [0.0], [0.0], [9.81]).q.shape
    (1, 1)
    >>> mechanical_data([[1.0, 2.0]], [[0.0]], [[0.0]], [[0.0]])
    Traceback (most recent call last):
        ...
    ValueError: qd has shape (1, 1); expected (1, 2), the shape of q
    """
    arrays: list[np.ndarray] = []
    for name, values in zip(FIELDS, (q, qd, qdd, tau), strict=True):
        array = numbers(name, values).astype(np.float64)
        array = array[:, None] if array.ndim == 1 else array
        require(
            array.ndim == 2 and array.size > 0,
            f"{name} has shape {array.shape}; expected [n, D], nothing empty",
        )
        require(
            not arrays or array.shape == arrays[0].shape,
            f"{name} has shape {array.shape}; expected {(arrays or [array])[0].shape}, "
            "the shape of q",
        )
        finite(name, array)
        arrays.append(array)
    return MechanicalData(*arrays)


def load_mechanical(path: str | Path) -> MechanicalData | MechanicalSeries:
    """Read motion and torque; of files with times and neither qd nor qdd, the measured series.

    ``.npz``: arrays ``q qd qdd tau`` ``[n, D]``. ``.csv``, ``.tsv``, ``.parquet`` (see
    `read_columns`): a row for each state, with columns ``q1 q2 ... qd1 qd2 ... qdd1 qdd2 ... tau1
    tau2 ...``. A column or array of times, ``t`` or ``time``, is needed where there are no
    velocities and accelerations, and passed over where there are. So are columns of text.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: another kind of file, columns that are missing or unknown, entries that are not
        finite numbers, with their place; the message begins with the file's name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "run.csv"
    >>> _ = file.write_text("time,q1,qd1,qdd1,tau1\\n0.0,0.5,0.0,1.0,2.0\\n")
    >>> load_mechanical(file).tau.tolist()
    [[2.0]]
    """
    path = check_suffix(path)
    with in_file(path):
        npz = path.suffix.lower() == ".npz"
        fields = _read_npz(path) if npz else _read_table(path)
        if set(FIELDS) <= fields.keys():
            return mechanical_data(**{name: fields[name] for name in FIELDS})
        return MechanicalSeries(**fields)


def _expected(names: Collection[str]) -> tuple[str, ...]:
    """What a file must hold besides times: positions alone if there are times."""
    timed = any(name in CLOCKS for name in names)
    derived = any(re.fullmatch(r"qdd?\d*", name) for name in names)
    return MEASURED if timed and not derived else FIELDS


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(path)
    for name in arrays:
        if name not in (*FIELDS, *CLOCKS):
            raise unknown_name("array", name, FIELDS)
    expected = _expected(arrays)
    for name in expected:
        require(name in arrays, f"there is no array '{name}'; got {listed(arrays) or 'nothing'}")
    fields = {name: arrays[name] for name in expected}
    return fields if expected == FIELDS else {"time": _clock(arrays), **fields}


def _clock(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    return next(columns[name] for name in CLOCKS if name in columns)


def _read_table(path: Path) -> dict[str, np.ndarray]:
    table = columns_of(path)
    table.log()
    usual = {name.lower(): name for name in table.names}
    require(len(usual) == len(table.names), f"names differ by case alone: {listed(table.names)}")
    count = sum(re.fullmatch(r"q\d+", name) is not None for name in usual)
    require(count > 0, f"there is no column 'q1'; got {listed(table.names)}")
    every = {name: [f"{name}{i + 1}" for i in range(count)] for name in FIELDS}
    for column in usual:
        names = [name for columns in every.values() for name in columns]
        if column not in (*names, *CLOCKS) and usual[column] not in table.texts:
            raise unknown_name("column", usual[column], names)
    expected = {name: every[name] for name in _expected(usual)}
    known = [column for columns in expected.values() for column in columns]
    if len(expected) < len(FIELDS):
        known.append(next(name for name in CLOCKS if name in usual))
    for column in known:
        require(column in usual, f"there is no column '{column}'; expected {listed(known)}")
    frame = table.numbers(usual[column] for column in known).set_axis(known, axis=1)
    for column in known:
        check_finite(frame[column].to_numpy(), column)
    fields: dict[str, np.ndarray] = {
        name: frame[columns].to_numpy(np.float64) for name, columns in expected.items()
    }
    if len(expected) < len(FIELDS):
        fields["time"] = frame[known[-1]].to_numpy(np.float64)
    return fields
