"""Tables in text files: the encoding, the delimiter and the decimal sign are found."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxsym._check import MalformedError, listed, require, shown
from jaxsym.datasets.entries import Column, fault, is_text, looks_like_number, parse_numbers

LARGEST = 2**30  # bytes of a file: as float64, at most 4 GiB of numbers
_LINE = 2**24  # bytes of a line
_CHUNK = 2**20  # bytes read at a time to find the encoding
_BLOCK = 50_000  # entries converted at a time
_SAMPLE = 100  # lines that the delimiter is found from, if they are not long
_MOST = 100_000  # columns
_DELIMITERS = ",;\t|"
_SPACE = " "  # any white space
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Style(NamedTuple):
    """How a file is written.

    Attributes:
      encoding: of its text.
      delimiter: between fields; a space stands for any white space.
      names: of the columns.
      start: number of the line that the names are in; rows come after it.
    """

    encoding: str
    delimiter: str
    names: list[str]
    start: int


def read_delimited(path: Path, labels: frozenset[str]) -> tuple[list[str], list[Column], list[str]]:
    """Names, columns, and notes on what was decided.

    Lines that are empty or begin with ``#`` are passed over. Where the first line of the others
    holds numbers, the comment above it has the names.

    Args:
      path: the file.
      labels: names in lower case of columns whose entries are names, whatever they look like.

    Raises:
      ValueError: no table, or rows of other lengths than the header, with their line.
    """
    style = find_style(path)
    readers = [_Reader(name.strip().lower() in labels) for name in style.names]
    count = 0
    for lines, rows in _blocks(path, style):
        for reader, cells in zip(readers, zip(*rows, strict=True), strict=True):
            reader.take(cells, lines, count, style.delimiter != ",")
        count += len(rows)
    columns = [reader.column() for reader in readers]
    commas = [n for n, reader in zip(style.names, readers, strict=True) if reader.decimal == ","]
    notes = [f"commas are read as decimal signs in {listed(commas)}"] if commas else []
    return style.names, columns, notes


def find_style(path: Path) -> Style:
    """How a file is written, from its first lines."""
    encoding = _encoding(path)
    comment, sample = "", []
    for number, line in _lines(path, encoding):
        if not line.lstrip().startswith("#"):
            sample.append((number, line))
        elif not sample:
            comment = line.lstrip().lstrip("#").strip()
        if len(sample) > _SAMPLE or sum(len(line) for _, line in sample) > _CHUNK:
            break
    require(bool(sample), "not a table in text: it is empty")
    (start, first), rest = sample[0], [line for _, line in sample[1:]]
    delimiter = _delimiter(first, rest)
    names = _split(first, delimiter, start)
    require(len(names) <= _MOST, f"has {len(names)} columns; expected at most {_MOST}")
    if all(map(looks_like_number, names)):
        named = _split(comment, delimiter) if comment else []
        require(
            len(named) == len(names),
            f"line {start} holds numbers ({shown(first)}); expected a line above it with the names "
            "of the columns",
        )
        names, start = named, start - 1
    return Style(encoding, delimiter, names, start)


class _Reader:
    """Collects the entries of one column, block by block."""

    def __init__(self, label: bool) -> None:
        self.decimal = "."
        self._label = label
        self._undecided = True
        self._blocks: list[np.ndarray] = []
        self._fault, self._text = "", False
        self._words: dict[str, str] = {}  # labels, each of them once

    def take(self, cells: tuple[str, ...], lines: list[int], before: int, commas: bool) -> None:
        """Entries in these lines, after ``before`` rows; ``commas`` may be decimal signs."""
        if self._label:
            words = [self._words.setdefault(w, w) or None for w in map(str.strip, cells)]
            self._blocks.append(np.array(words, object))
        elif not self._fault:
            values = self._numbers(cells, commas)
            if values is None:
                bad = next(i for i, c in enumerate(cells) if self._numbers([c], commas) is None)
                self._fault = fault(cells[bad], f"row {before + bad + 1} (line {lines[bad]})")
                self._text = not self._blocks and is_text(cells)
                self._blocks = []
            else:
                self._blocks.append(values)

    def column(self) -> Column:
        """What was collected."""
        if self._fault:
            return Column(None, self._fault, self._text)
        return Column(np.concatenate(self._blocks) if self._blocks else np.zeros(0))

    def _numbers(self, cells: Iterable[str], commas: bool) -> np.ndarray | None:
        """Numbers with the decimal sign of this column, which the first one with a sign decides."""
        cells = list(cells)
        if not self._undecided:
            return parse_numbers(cells, self.decimal)
        joined = "".join(cells)
        if commas and "," in joined:
            values = parse_numbers(cells, ",")
            if values is not None:
                self.decimal, self._undecided = ",", False
            return values
        self._undecided = "." not in joined
        return parse_numbers(cells)


def _encoding(path: Path) -> str:
    """UTF-8 (with or without a mark), UTF-16 with a mark, or Latin-1, which any bytes are."""
    size = path.stat().st_size
    require(
        size <= LARGEST,
        f"the file has {size / 1e6:.0f} MB; expected at most {LARGEST / 1e6:.0f} MB of text "
        "(.npz and .parquet are smaller)",
    )
    decoder, encoding, line = codecs.getincrementaldecoder("utf-8")(), "utf-8-sig", 0
    with path.open("rb") as file:
        if (mark := file.read(2)) in _WIDE:
            return _WIDE[mark]
        file.seek(0)
        while chunk := file.read(_CHUNK):
            if _BINARY.search(chunk):
                raise ValueError("not a table in text: it holds characters that no text has")
            end = max(chunk.rfind(b"\r"), chunk.rfind(b"\n"))
            line = len(chunk) - end - 1 + (line if end < 0 else 0)
            require(line <= _LINE, f"a line has more than {_LINE / 1e6:.0f} MB")
            try:
                decoder.decode(chunk, final=len(chunk) < _CHUNK)
            except UnicodeDecodeError:
                encoding = "latin-1"
    return encoding


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their numbers."""
    number = 0
    with path.open(encoding=encoding) as file, _text(lambda: number):
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _blocks(path: Path, style: Style) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Rows after the header, some at a time, and the lines that they end in."""
    here, expected = style.start, len(style.names)
    size = max(1, _BLOCK // expected)
    lines: list[int] = []
    rows: list[list[str]] = []

    def content(file: Iterable[str]) -> Iterator[str]:
        nonlocal here
        for number, line in enumerate(islice(file, style.start, None), style.start + 1):
            here, text = number, line.lstrip()
            if text and text[0] != "#":
                yield line

    with path.open(encoding=style.encoding) as file, _text(lambda: here):
        for row in _fields(content(file), style.delimiter):
            if len(row) != expected:
                raise MalformedError(_other_length(here, row, expected, style.delimiter))
            lines.append(here)
            rows.append(row)
            if len(rows) == size:
                yield lines, rows
                lines, rows = [], []
    if rows:
        yield lines, rows


@contextmanager
def _text(line: Callable[[], int]) -> Iterator[None]:
    """What decoding and splitting meet is one error that names the line."""
    try:
        yield
    except (csv.Error, UnicodeError) as error:
        raise MalformedError(f"not a table in text (line {line()}: {shown(error)})") from error


def _other_length(line: int, row: list[str], expected: int, delimiter: str) -> str:
    message = f"line {line} has {len(row)} fields; the header has {expected} names"
    if len(row) == expected + 1 and not row[-1].strip():
        return f"{message}: expected no '{delimiter}' at the end, or one in the header too"
    return message


def _fields(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    if delimiter == _SPACE:
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)


def _split(line: str, delimiter: str, number: int = 1) -> list[str]:
    with _text(lambda: number):
        return [field.strip() for field in next(_fields([line], delimiter))]


def _delimiter(header: str, rows: list[str]) -> str:
    """What splits the header, and most rows into as many fields."""

    def fields(line: str, delimiter: str) -> int:
        try:
            return len(_split(line, delimiter))
        except ValueError:
            return 0

    counts = {d: fields(header, d) for d in _DELIMITERS if fields(header, d) > 1}
    if counts:
        agree = {d: sum(fields(row, d) == count for row in rows) for d, count in counts.items()}
        return max(counts, key=lambda d: (agree[d], counts[d]))
    words = fields(header, _SPACE)
    spaced = words > 1 and all(fields(row, _SPACE) == words for row in rows)
    return _SPACE if spaced else ","
