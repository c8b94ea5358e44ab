"""Tables of named columns in files of any kind: the one reader that all commands share."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from jaxsym._check import listed, require, shown, unknown_name
from jaxsym.datasets.archives import read_arrays
from jaxsym.datasets.delimited import read_delimited
from jaxsym.datasets.entries import Column, text_column
from jaxsym.datasets.parquet import read_parquet

logger = logging.getLogger(__name__)

_NAME = 200  # characters of a name
_UNIT = re.compile(r"(.*\S)\s*(?:\(([^()\[\]]*)\)|\[([^()\[\]]*)\])")


class Columns(NamedTuple):
    """A table of a file.

    Attributes:
      frame: columns of numbers in float64 (NaN where one is missing), and of labels as text.
      units: of columns whose header gives one, such as ``mass (kg)`` or ``F [N]``.
      faults: of columns that are neither numbers nor labels: what they hold instead, and where.
      texts: those of them that are columns of text; the others are numbers with a fault.
      notes: in words, what was left out or decided.
    """

    frame: pd.DataFrame
    units: dict[str, str]
    faults: dict[str, str]
    texts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All names of the file, text columns' too."""
        return [*map(str, self.frame.columns), *self.faults]

    def numbers(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """Some columns, which must be numbers; by default all but those of text.

        Raises:
          ValueError: an unknown name, or a column that holds something else, with its place.
        """
        if names is None:
            texts = set(self.texts)
            names = [name for name in self.names if name not in texts]
        names, known = list(names), set(self.names)
        for name in names:
            if name not in known:
                raise unknown_name("column", name, self.names)
            if name in self.faults:
                raise ValueError(f"column '{shown(name)}' {self.faults[name]}")
        return self.frame[names]

    def find(self, header: str) -> str:
        """The name of a column that is asked for by its name or its whole header.

        Raises:
          ValueError: there is none.
        """
        ((name,), _) = split_units([header])
        for known in (header, name):
            if known in self.names:
                return known
        raise unknown_name("column", header, self.names)

    def log(self) -> None:
        """Tell in the log what was left out or decided."""
        for note in self.notes:
            logger.warning("%s", note)
        if self.texts:
            logger.warning("left out, since they hold text: %s", listed(self.texts))


def read_columns(path: str | Path, labels: Iterable[str] = ()) -> Columns:
    """A table from a text file, a ``.parquet`` file, or an ``.npz`` file of arrays `[n]`.

    Text files (``.csv``, ``.tsv``) may be delimited by commas, semicolons, tabs, bars or white
    space, have commas for decimal signs where they are not the delimiter, comments that begin with
    ``#``, and be encoded in UTF-8, UTF-16 with a mark, or Latin-1.

    Args:
      path: the file; its suffix tells the kind.
      labels: names, in lower case, of columns whose entries are names and not numbers.

    Raises:
      FileNotFoundError: there is no such file.
      ModuleNotFoundError: a Parquet file without `pyarrow`.
      ValueError: an unknown suffix, a file that is not what its name says, is damaged or too large
        (1 GiB of text, 4 GiB of numbers), rows of other lengths than the header, names that are
        missing, too long or occur twice; the message begins with the file's name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "table.csv"
    >>> _ = file.write_text("x [m]; y\\n1,5; 2\\n3; 4\\n")
    >>> table = read_columns(file)
    >>> table.frame["x"].tolist(), table.units
    ([1.5, 3.0], {'x': 'm'})
    """
    path = check_suffix(path)
    with in_file(path):
        return columns_of(path, labels)


def columns_of(path: Path, labels: Iterable[str] = ()) -> Columns:
    """`read_columns` without the file's name in the errors."""
    headers, columns, notes = _READERS[path.suffix.lower()](path, frozenset(labels))
    table = _table(headers, columns, notes)
    rows = len(columns[0].values) if columns and columns[0].values is not None else 1
    require(bool(table.names) and rows > 0, "the table has no rows or no columns")
    return table


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Errors inside begin with the name of a file, which must be there, and are on one line."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error


def check_suffix(path: str | Path) -> Path:
    """The path, if the readers know the kind of file that its name tells.

    Raises:
      ValueError: an unknown suffix.

    >>> check_suffix("run.csv").suffix
    '.csv'
    """
    path = Path(path)
    if path.suffix.lower() not in _READERS:
        raise unknown_name("file type", path.suffix or path.name, _READERS)
    return path


def _table(headers: list[str], columns: list[Column], notes: list[str]) -> Columns:
    named = [place for place, header in enumerate(headers) if header.strip()]
    if len(named) < len(headers):
        notes = [*notes, f"{len(headers) - len(named)} columns without a name are left out"]
    names, units = split_units([headers[place].strip() for place in named])
    _check_names(names, [place + 1 for place in named])
    found = {name: columns[place] for name, place in zip(names, named, strict=True)}
    faults = {name: column.fault for name, column in found.items() if column.values is None}
    values = {name: column.values for name, column in found.items() if column.values is not None}
    texts = tuple(name for name in faults if found[name].text)
    return Columns(pd.DataFrame(values), units, faults, texts, tuple(notes))


def split_units(headers: list[str]) -> tuple[list[str], dict[str, str]]:
    """Names and the units in brackets after them; a name that two would share stays as it is.

    >>> split_units(["mass (kg)", "F [N]", "x (m)", "x (cm)"])
    (['mass', 'F', 'x (m)', 'x (cm)'], {'mass': 'kg', 'F': 'N'})
    """
    found = [_UNIT.fullmatch(header) if len(header) <= _NAME else None for header in headers]
    short = [match[1] if match else header for match, header in zip(found, headers, strict=True)]
    often = {name for name, count in Counter(short).items() if count > 1}
    names, units = [], {}
    for header, name, match in zip(headers, short, found, strict=True):
        if match and name not in often:
            units[name] = (match[2] or match[3] or "").strip()
        names.append(header if name in often else name)
    return names, units


def _check_names(names: list[str], places: list[int]) -> None:
    seen: dict[str, int] = {}
    for name, place in zip(names, places, strict=True):
        require(
            len(name) <= _NAME,
            f"the name of column {place}, '{shown(name)}', is longer than {_NAME} characters",
        )
        require(
            name not in seen,
            f"two columns have the name '{name}': {seen.get(name)} and {place}; expected different "
            "names",
        )
        seen[name] = place


def _npz_columns(path: Path, labels: frozenset[str]) -> tuple[list[str], list[Column], list[str]]:
    arrays = read_arrays(path)
    lengths = {array.shape for array in arrays.values()}
    shapes = listed(f"{name} {array.shape}" for name, array in arrays.items())
    require(
        len(lengths) == 1 and all(len(shape) == 1 for shape in lengths),
        f"arrays are of shapes {shapes}; expected [n] of one length",
    )

    def column(name: str, array: np.ndarray) -> Column:
        if array.dtype.kind in "US" or name.lower() in labels:
            return text_column([str(value) for value in array.tolist()], name.lower() in labels)
        return Column(array.astype(np.float64))

    return list(arrays), [column(name, array) for name, array in arrays.items()], []


Reader = Callable[[Path, frozenset[str]], tuple[list[str], list[Column], list[str]]]
_READERS: Mapping[str, Reader] = {
    ".csv": read_delimited,
    ".npz": _npz_columns,
    ".parquet": read_parquet,
    ".tsv": read_delimited,
}
