"""Motion and torque of a mechanical system, from arrays or from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import finite, listed, numbers, require, unknown_name
from jaxsym.datasets.archives import read_arrays
from jaxsym.datasets.columns import check_suffix, columns_of, in_file
from jaxsym.datasets.tables import check_finite

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


def load_mechanical(path: str | Path) -> MechanicalData:
    """Read motion and torque.

    ``.npz``: arrays ``q qd qdd tau`` ``[n, D]``. ``.csv``, ``.tsv``, ``.parquet`` (see
    `read_columns`): a row for each state, with columns ``q1 q2 ... qd1 qd2 ... qdd1 qdd2 ... tau1
    tau2 ...``. A column or array of times, ``t`` or ``time``, is passed over, and so are columns of
    text.

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
        return mechanical_data(**(_read_npz(path) if npz else _read_table(path)))


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    fields = {name: array for name, array in read_arrays(path).items() if name not in CLOCKS}
    for name in fields:
        if name not in FIELDS:
            raise unknown_name("array", name, FIELDS)
    for name in FIELDS:
        require(name in fields, f"there is no array '{name}'; got {listed(fields) or 'nothing'}")
    return fields


def _read_table(path: Path) -> dict[str, np.ndarray]:
    table = columns_of(path)
    table.log()
    usual = {name.lower(): name for name in table.names}
    require(len(usual) == len(table.names), f"names differ by case alone: {listed(table.names)}")
    count = sum(re.fullmatch(r"q\d+", name) is not None for name in usual)
    require(count > 0, f"there is no column 'q1'; got {listed(table.names)}")
    expected = {name: [f"{name}{i + 1}" for i in range(count)] for name in FIELDS}
    known = [column for columns in expected.values() for column in columns]
    for column in usual:
        if column not in (*known, *CLOCKS) and usual[column] not in table.texts:
            raise unknown_name("column", usual[column], known)
    for column in known:
        require(column in usual, f"there is no column '{column}'; expected {listed(known)}")
    frame = table.numbers(usual[column] for column in known).set_axis(known, axis=1)
    for column in known:
        check_finite(frame[column].to_numpy(), column)
    return {name: frame[columns].to_numpy(np.float64) for name, columns in expected.items()}
