"""Tables of any named columns, for searches of equations."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsym._check import require
from jaxsym.datasets.files import check_suffix, csv_frame, parquet_frame


def read_columns(path: str | Path) -> pd.DataFrame:
    """A table from a `.csv` or `.parquet` file, or an `.npz` file with an array `[n]` a column.

    Raises:
      FileNotFoundError: there is no such file.
      ModuleNotFoundError: a Parquet file without `pyarrow`.
      ValueError: an unknown suffix, or a file that is not what its name says; the message begins
        with the file's name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "table.csv"
    >>> _ = file.write_text("x, y\\n1, 2\\n3, 4\\n")
    >>> read_columns(file)["y"].tolist()
    [2, 4]
    """
    path = Path(path)
    check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        frame = _READERS[path.suffix.lower()](path)
        require(len(frame.columns) > 0 and len(frame) > 0, "has no rows or no columns")
    except ValueError as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error
    return frame


def _npz_frame(path: Path) -> pd.DataFrame:
    require(zipfile.is_zipfile(path), "not an .npz archive of arrays, or cut short")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"not a whole .npz archive ({error})") from error
    lengths = {array.shape for array in arrays.values()}
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    require(
        len(lengths) == 1 and all(len(shape) == 1 for shape in lengths),
        f"arrays are of shapes {shapes}; expected [n] of one length",
    )
    return pd.DataFrame(arrays)


_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": csv_frame,
    ".npz": _npz_frame,
    ".parquet": parquet_frame,
}
