"""Columns of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from jaxsym._check import MalformedError, malformed
from jaxsym.datasets.entries import Column, text_column, typed_column

_LARGEST = 2**32  # bytes of all columns as float64, or as the file declares them
_INDEX = "__index_level_"  # how pandas names an index without a name


def read_parquet(path: Path, labels: frozenset[str]) -> tuple[list[str], list[Column], list[str]]:
    """Names, columns, and notes on what was left out.

    Args:
      path: the file.
      labels: names in lower case of columns whose entries are names, whatever their type.

    Raises:
      ModuleNotFoundError: without `pyarrow`.
      ValueError: not a Parquet file, damaged, or larger than 4 GiB in memory.
    """
    arrow, parquet = _pyarrow()
    with path.open("rb") as content:
        start = content.read(4)
    with malformed("a Parquet file"):
        if start != b"PAR1":
            raise MalformedError("not a Parquet file, or cut short")
        file = parquet.ParquetFile(path)
        _check_declared(file.metadata)
        table = file.read(use_threads=False)
        names = [str(name) for name in table.column_names]
        columns = [
            _column(arrow, values, name.strip().lower() in labels)
            for name, values in zip(names, table.columns, strict=True)
        ]
    kept = [place for place, name in enumerate(names) if not name.startswith(_INDEX)]
    notes = ["the index is left out"] if len(kept) < len(names) else []
    return [names[i] for i in kept], [columns[i] for i in kept], notes


def _check_declared(metadata: Any) -> None:
    declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    size = max(declared, 8 * metadata.num_rows * metadata.num_columns)
    if not 0 <= size <= _LARGEST:
        raise MalformedError(
            f"it declares {metadata.num_rows} rows of {metadata.num_columns} columns, "
            f"{size / 1e6:.0f} MB; expected at most {_LARGEST / 1e6:.0f} MB"
        )


def _column(arrow: Any, values: Any, label: bool) -> Column:
    kinds, kind = arrow.types, values.type
    if kinds.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if label or kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        cells = [_text(value) for value in values.to_pylist()]
        return text_column(cells, label)
    number = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
    if number or kinds.is_boolean(kind):
        wide = values.cast(arrow.float64(), safe=False)
        return Column(np.asarray(wide.to_numpy(), np.float64))
    return typed_column(str(kind))


def _text(value: Any) -> str:
    """A label as text: 1 for 1.0, which a missing label makes of whole numbers."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise no_parquet() from error
    return pyarrow, pyarrow.parquet


def no_parquet() -> ModuleNotFoundError:
    """The error where `pyarrow` is missing."""
    return ModuleNotFoundError(
        "Parquet files need the package `pyarrow`, which is not installed; "
        'try: pip install "jaxsym[parquet]"',
        name="pyarrow",
    )
