"""Trajectories in files: ``.npz`` arrays, or tables in text and ``.parquet`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from jaxsym._check import listed, require, unknown_name
from jaxsym._files import write_file
from jaxsym.datasets.archives import read_arrays
from jaxsym.datasets.columns import check_suffix, columns_of, in_file
from jaxsym.datasets.measured import measured_trajectories
from jaxsym.datasets.parquet import no_parquet
from jaxsym.datasets.splines import derivatives
from jaxsym.datasets.tables import LABELS, from_columns, to_frame
from jaxsym.trajectories import Trajectories, trajectories

ARRAYS = (
    "position", "velocity", "acceleration", "time", "mass", "charge", "sigma", "names", "pairs",
)  # fmt: skip


def load(path: str | Path) -> Trajectories:
    """Reads trajectories from a file, which its suffix tells the kind of.

    ``.npz``: arrays ``position`` ``[T, N, D]`` or ``[R, T, N, D]`` and ``time`` ``[T]``; optionally
    ``velocity`` and ``acceleration`` of the same shape, ``mass``, ``charge`` and ``sigma``
    (standard errors of the positions) ``[N]`` or ``[R, N]``, ``names`` ``[N]`` and ``pairs``
    ``[P, 2]`` (the bodies that interact, if not all).

    ``.csv``, ``.tsv``, ``.parquet`` (see `read_columns`): columns ``time body x y``, optionally
    ``z``, ``vx vy vz``, ``ax ay az``, ``mass``, ``charge``, ``sigma`` and ``trajectory``; a row for
    each body at each time, in any order. Or a row for each time, with columns ``time x1 y1 x2 y2``
    and so on. Other names are refused, as a misspelt one would be dropped in silence, unless their
    columns hold text.

    Without accelerations the positions are kept as they were measured, in ``measured`` of the
    result: a body may be missing at some times, its rows left out or their numbers empty (NaN).
    Accelerations are then derivatives of a spline, see `measured_trajectories`.

    Returns:
      D = 2 or 3 coordinates in the file's units.

    Raises:
      FileNotFoundError: there is no such file.
      ModuleNotFoundError: a Parquet file without `pyarrow`.
      ValueError: a file that is not what its name says or not whole, or whatever in it does not
        make trajectories, with its place; the message begins with the file's name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "run.csv"
    >>> rows = [f"{t},{b},{b + t * t},0" for t in range(10) for b in range(2)]
    >>> _ = file.write_text("\\n".join(["time,body,x,y", *rows]))
    >>> data = load(file)
    >>> data.position.shape, data.acceleration.round(6)[0, 4].tolist()
    ((1, 10, 2, 2), [[2.0, 0.0], [2.0, 0.0]])
    """
    path = check_suffix(path)
    with in_file(path):
        fields = _read_npz(path) if path.suffix.lower() == ".npz" else _read_table(path)
        return _complete(fields, path.name)


def save(path: str | Path, data: Trajectories, *, replace: bool = False) -> None:
    """Writes trajectories to a file that `load` reads back to the same numbers.

    The file is there when it is whole: a full disk or a kill leaves what was there before.

    Args:
      path: of the file; its suffix tells the kind.
      data: what to write.
      replace: whether a file that exists is replaced.

    Raises:
      FileExistsError: there is something at ``path`` and ``replace`` is not set.
      ModuleNotFoundError: a Parquet file without `pyarrow`.
      ValueError: an unknown suffix, or ``pairs`` in a table, which has no place for them.
    """
    path = check_suffix(path)
    writer = _WRITERS[path.suffix.lower()]
    require(
        data.pairs is None or path.suffix == ".npz",
        f"{path.name} cannot hold the pairs that interact; expected a name that ends in .npz",
    )
    write_file(path, lambda made: writer(made, data), replace=replace)


def _complete(fields: dict[str, Any], name: str) -> Trajectories:
    """Estimates the derivatives that are not given."""
    origin = f"file {name}"
    acceleration = fields.pop("acceleration", None)
    if acceleration is None:
        return measured_trajectories(**fields, origin=origin)
    require(
        fields.pop("sigma", None) is None,
        "there are standard errors of positions beside accelerations; expected one or the other",
    )
    fields["acceleration"] = acceleration
    if fields.get("velocity") is None:
        checked = trajectories(**fields | {"velocity": fields["position"]})
        time, x = np.asarray(checked.time, np.float64), np.asarray(checked.position)
        (fields["velocity"],), how = derivatives(time, x, orders=(1,))
        origin = f"{origin}; velocity from position by {how}"
    return trajectories(**fields, origin=origin)


def _read_npz(path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = dict(read_arrays(path))
    for key in fields:
        if key not in ARRAYS:
            raise unknown_name("array", key, ARRAYS)
    for key in ("position", "time"):
        require(key in fields, f"there is no array '{key}'; got {listed(fields) or 'nothing'}")
    for key in ("names", "pairs"):
        if key in fields:
            fields[key] = fields[key].tolist()
    return fields


def _read_table(path: Path) -> dict[str, Any]:
    table = columns_of(path, LABELS)
    table.log()
    return from_columns(table)._asdict()


def _write_npz(path: Path, data: Trajectories) -> None:
    fields = {key: getattr(data, key, None) for key in ARRAYS}
    if data.measured is not None:
        fields |= data.measured._asdict() | {"velocity": None, "acceleration": None}
    arrays: dict[str, Any] = {k: np.asarray(v) for k, v in fields.items() if v is not None}
    np.savez(path, allow_pickle=False, **arrays)


def _write_csv(path: Path, data: Trajectories) -> None:
    to_frame(data).to_csv(path, index=False)


def _write_tsv(path: Path, data: Trajectories) -> None:
    to_frame(data).to_csv(path, index=False, sep="\t")


def _write_parquet(path: Path, data: Trajectories) -> None:
    try:
        content = to_frame(data).to_parquet(None, engine="pyarrow", index=False)
    except ImportError as error:
        raise no_parquet() from error
    path.write_bytes(content)


_WRITERS = {
    ".csv": _write_csv,
    ".npz": _write_npz,
    ".parquet": _write_parquet,
    ".tsv": _write_tsv,
}
