"""Motion and torque of a mechanical system, from arrays or from a file."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import ArrayLike, Float

from jaxsym._check import finite, require, unknown_name

FIELDS = ("q", "qd", "qdd", "tau")
CLOCKS = ("t", "time")  # passed over: what acts on a state does not depend on when


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
        try:
            array = np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is not an array of numbers: {error}") from None
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


def load_mechanical(path: str | Path) -> MechanicalData:
    """Read motion and torque.

    ``.npz``: arrays ``q qd qdd tau`` ``[n, D]``. ``.csv``: a row for each state, with columns
    ``q1 q2 ... qd1 qd2 ... qdd1 qdd2 ... tau1 tau2 ...``. A column or array of times, ``t`` or
    ``time``, is passed over.

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
    path = Path(path)
    readers = {".npz": _read_npz, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise unknown_name("file type", path.suffix or path.name, readers)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return mechanical_data(**readers[path.suffix.lower()](path))
    except ValueError as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error


def _read_npz(path: Path) -> dict[str, Any]:
    require(zipfile.is_zipfile(path), "not an .npz archive of arrays, or cut short")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [key for key in archive.files if key not in CLOCKS]
            fields: dict[str, Any] = {key: archive[key] for key in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"not a whole .npz archive ({error})") from error
    for name in fields:
        if name not in FIELDS:
            raise unknown_name("array", name, FIELDS)
    for name in FIELDS:
        require(name in fields, f"there is no array '{name}'; got {', '.join(fields) or 'nothing'}")
    return fields


def _read_csv(path: Path) -> dict[str, Any]:
    try:
        frame = pd.read_csv(path, skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"not a table of comma-separated values ({error})") from error
    numbers = [int(found[1]) for c in frame.columns if (found := re.fullmatch(r"q(\d+)", str(c)))]
    require(bool(numbers), f"there is no column 'q1'; got {', '.join(map(str, frame.columns))}")
    expected = {name: [f"{name}{i + 1}" for i in range(max(numbers))] for name in FIELDS}
    known = [column for columns in expected.values() for column in columns]
    for column in frame.columns:
        if str(column) not in (*known, *CLOCKS):
            raise unknown_name("column", str(column), known)
    for column in known:
        require(column in frame, f"there is no column '{column}'; expected {', '.join(known)}")
        _check_numbers(frame, column)
    return {name: frame[columns].to_numpy(np.float64) for name, columns in expected.items()}


def _check_numbers(frame: pd.DataFrame, column: str) -> None:
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    require(
        not len(bad),
        f"column '{column}' holds {frame[column].iloc[bad[0]] if len(bad) else ''} in row "
        f"{bad[0] + 1 if len(bad) else ''}; expected finite numbers",
    )
