"""Trajectories in files: ``.npz`` arrays, or long tables as ``.csv`` and ``.parquet``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsym._check import require, unknown_name
from jaxsym._files import write_file
from jaxsym.datasets.derivatives import derivatives
from jaxsym.datasets.tables import from_frame, to_frame
from jaxsym.trajectories import Trajectories, trajectories

ARRAYS = ("position", "velocity", "acceleration", "time", "mass", "charge", "names", "pairs")


def load(path: str | Path) -> Trajectories:
    """Reads trajectories from a file, which its suffix tells the kind of.

    ``.npz``: arrays ``position`` ``[T, N, D]`` or ``[R, T, N, D]`` and ``time`` ``[T]``; optionally
    ``velocity`` and ``acceleration`` of the same shape, ``mass`` and ``charge`` ``[N]`` or
    ``[R, N]``, ``names`` ``[N]`` and ``pairs`` ``[P, 2]`` (the bodies that interact, if not all).

    ``.csv``, ``.parquet``: columns ``time body x y``, optionally ``z``, ``vx vy vz``, ``ax ay az``,
    ``mass``, ``charge`` and ``trajectory``; a row for each body at each time, all bodies at the
    same times.

    Accelerations that are not given are derivatives of a spline of the velocities, and those of one
    of the positions if these are not given either; ``origin`` of the result says which. Other names
    are refused, as a misspelt one would be dropped in silence.

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
    path = Path(path)
    reader = _for_suffix(path, _READERS)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        return _complete(reader(path), path.name)
    except ValueError as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error


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
    path = Path(path)
    writer = _for_suffix(path, _WRITERS)
    require(
        data.pairs is None or path.suffix == ".npz",
        f"{path.name} cannot hold the pairs that interact; expected a name that ends in .npz",
    )
    write_file(path, lambda made: writer(made, data), replace=replace)


def check_suffix(path: str | Path) -> None:
    """Whether `load` and `save` know the kind of file that the name tells.

    Raises:
      ValueError: an unknown suffix.

    >>> check_suffix("run.csv")
    """
    path = Path(path)
    if path.suffix.lower() not in _READERS:
        raise unknown_name("file type", path.suffix or path.name, _READERS)


def _for_suffix(path: Path, table: Mapping[str, Callable]) -> Callable:
    check_suffix(path)
    return table[path.suffix.lower()]


def _complete(fields: dict[str, Any], name: str) -> Trajectories:
    """Estimates the derivatives that are not given."""
    missing = [key for key in ("velocity", "acceleration") if fields.get(key) is None]
    if not missing:
        return trajectories(**fields, origin=f"file {name}")
    source = "position" if "velocity" in missing else "velocity"
    orders = {"position": 0, "velocity": 1, "acceleration": 2}
    # the checks of `trajectories` come first: a spline of bad input would hide its fault
    checked = trajectories(**fields | dict.fromkeys(missing, fields[source]))
    found, how = derivatives(
        np.asarray(checked.time, np.float64),
        np.asarray(getattr(checked, source)),
        orders=tuple(orders[key] - orders[source] for key in missing),
    )
    origin = f"file {name}; {' and '.join(missing)} from {source} by {how}"
    return trajectories(**fields | dict(zip(missing, found, strict=True)), origin=origin)


def _read_npz(path: Path) -> dict[str, Any]:
    require(zipfile.is_zipfile(path), "not an .npz archive of arrays, or cut short")
    try:
        with np.load(path, allow_pickle=False) as archive:
            unknown = [key for key in archive.files if key not in ARRAYS]
            if unknown:
                raise unknown_name("array", unknown[0], ARRAYS)
            fields: dict[str, Any] = {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"not a whole .npz archive ({error})") from error
    for key in ("position", "time"):
        require(key in fields, f"there is no array '{key}'; got {', '.join(fields) or 'nothing'}")
    for key in ("names", "pairs"):
        if key in fields:
            fields[key] = fields[key].tolist()
    return fields


def _read_csv(path: Path) -> dict[str, Any]:
    return from_frame(csv_frame(path))._asdict()


def _read_parquet(path: Path) -> dict[str, Any]:
    return from_frame(parquet_frame(path))._asdict()


def csv_frame(path: Path) -> pd.DataFrame:
    """A file of comma-separated values as it is; ValueError if it is none."""
    try:
        return pd.read_csv(path, skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"not a table of comma-separated values ({error})") from error


def parquet_frame(path: Path) -> pd.DataFrame:
    """A Parquet file as it is; ValueError if it is none."""
    content = path.read_bytes()
    require(
        content[:4] == content[-4:] == b"PAR1" and len(content) > 8,
        "not a Parquet file, or cut short",
    )
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except ImportError as error:
        raise _no_parquet() from error
    except OSError as error:
        raise ValueError(f"not a whole Parquet file ({error})") from error


def _write_npz(path: Path, data: Trajectories) -> None:
    fields = {key: getattr(data, key) for key in ARRAYS}
    arrays: dict[str, Any] = {k: np.asarray(v) for k, v in fields.items() if v is not None}
    np.savez(path, allow_pickle=False, **arrays)


def _write_csv(path: Path, data: Trajectories) -> None:
    to_frame(data).to_csv(path, index=False)


def _write_parquet(path: Path, data: Trajectories) -> None:
    try:
        content = to_frame(data).to_parquet(None, engine="pyarrow", index=False)
    except ImportError as error:
        raise _no_parquet() from error
    path.write_bytes(content)


def _no_parquet() -> ModuleNotFoundError:
    return ModuleNotFoundError(
        "Parquet files need the package `pyarrow`, which is not installed; "
        'try: pip install "jaxsym[parquet]"',
        name="pyarrow",
    )


_READERS = {".npz": _read_npz, ".csv": _read_csv, ".parquet": _read_parquet}
_WRITERS = {".npz": _write_npz, ".csv": _write_csv, ".parquet": _write_parquet}
