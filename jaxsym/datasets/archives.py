"""Arrays in ``.npz`` archives: what they declare is checked before it is read."""

from __future__ import annotations

import math
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from jaxsym._check import MalformedError, malformed, require, shown

LARGEST = 2**30  # bytes of all arrays together
_SMALL = 2**26  # bytes that may be declared by a file however small
_RATIO = 100  # measured numbers are compressed by less than 50, made-up zeros by 1000
_NAME = 200  # characters of a name
_COUNT = 10_000  # of arrays

_require = partial(require, error=MalformedError)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an archive, by name: numbers as float32, float64 or integers, or text.

    Raises:
      ValueError: not an archive of arrays, or damaged; arrays of objects, which could run code;
        more than 1 GiB of them, or 100 times the file's size; names that are long or occur twice.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "run.npz"
    >>> np.savez(file, time=np.arange(3.0), mass=np.float16(2.0))
    >>> {name: array.dtype.name for name, array in read_arrays(file).items()}
    {'time': 'float64', 'mass': 'float64'}
    """
    with path.open("rb") as file, malformed("an .npz archive of arrays"):
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_declared(members, path.stat().st_size)
            return {_name(member): _read(archive, member) for member in members}


def _check_declared(members: list[zipfile.ZipInfo], size: int) -> None:
    _require(len(members) <= _COUNT, f"it holds {len(members)} arrays; expected at most {_COUNT}")
    names = [_name(member) for member in members]
    for place, name in enumerate(names):
        first = names.index(name)
        _require(
            first == place, f"the array '{name}' is there twice, at {first + 1} and {place + 1}"
        )
    total = sum(member.file_size for member in members)
    allowed = min(LARGEST, max(_SMALL, _RATIO * size))
    _require(
        total <= allowed,
        f"it declares {total / 1e6:.0f} MB of arrays in a file of {size / 1e6:.1f} MB; expected at "
        f"most {allowed / 1e6:.0f} MB (1 GiB in all, or {_RATIO} times the file)",
    )


def _name(member: zipfile.ZipInfo) -> str:
    name = member.filename
    _require(name.endswith(".npy"), f"its member '{shown(name)}' is no array")
    _require(len(name) <= _NAME, f"the name '{shown(name)}' is longer than {_NAME} characters")
    return name.removesuffix(".npy")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = _name(member)
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(file)
        _require(
            not dtype.hasobject,
            f"the array '{name}' holds Python objects, which are not read since they could run "
            "code; expected numbers or text",
        )
        _require(
            dtype.kind in "biufUS" and dtype.itemsize > 0,
            f"the array '{name}' is of type {shown(dtype)}; expected numbers or text",
        )
        content = file.read()
    _require(
        min(shape, default=0) >= 0 and math.prod(shape) * dtype.itemsize == len(content),
        f"the array '{name}' declares the shape {shown(shape)} and holds {len(content)} bytes",
    )
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
    return widened(array)


def widened(array: np.ndarray) -> np.ndarray:
    """The array in a type that all parts work with: half and extended precision as float64.

    >>> widened(np.ones(2, np.float16)).dtype.name, widened(np.ones(2, ">f4")).dtype.name
    ('float64', 'float32')
    """
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))
