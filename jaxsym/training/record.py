"""The record of a checkpoint: its configuration and the digest of every file, and of itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from jaxsym._check import require

RECORD = "jaxsym.json"
_LARGEST = 2**26  # bytes; a network of 10,000 arrays has a record of about a mebibyte


class Record(NamedTuple):
    """What a checkpoint is of.

    Attributes:
      config: what the run depends on, as JSON holds it.
      arrays: shape and dtype of every array by its place in the state.
      files: SHA-256 of every file by its name.
    """

    config: dict[str, Any]
    arrays: dict[str, str]
    files: dict[str, str]


def write_record(folder: Path, record: Record) -> None:
    """Write the record into a checkpoint's folder."""
    content = record._asdict()
    text = json.dumps({**content, "digest": _digest(content)}, indent=1)
    (folder / RECORD).write_text(text, encoding="utf-8")


def read_record(folder: Path) -> Record:
    """Read what `write_record` wrote.

    Raises:
      ValueError: anything else than that, or one changed byte.
    """
    path = folder / RECORD
    require(path.stat().st_size <= _LARGEST, f"{RECORD} is larger than {_LARGEST} bytes")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        require(isinstance(content, dict), f"{RECORD} is no JSON object")
        digest = content.pop("digest", None)
        # one without a digest was written before there were any
        require(digest in (None, _digest(content)), f"{RECORD} does not match its digest")
    except RecursionError:
        raise ValueError(f"{RECORD} is nested too deeply") from None
    require(sorted(content) == sorted(Record._fields), f"{RECORD} has other entries than expected")
    record = Record(**content)
    require(isinstance(record.config, dict), f"{RECORD} has no object as its config")
    for name in ("arrays", "files"):
        table = getattr(record, name)
        texts = isinstance(table, dict) and all(isinstance(v, str) for v in table.values())
        require(texts and len(table) > 0, f"{RECORD} has no table of {name}")
    return record


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a checkpoint, by relative name, but for the record itself."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(RECORD):
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def as_json(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as JSON gives it back.

    Raises:
      ValueError: JSON cannot hold it.
    """
    try:
        return json.loads(json.dumps(config))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"config is not JSON-like: {error}") from error


def differences(saved: dict[str, Any], ours: dict[str, Any], prefix: str = "") -> list[str]:
    """Where two nested dicts differ, in words.

    >>> differences({"a": 1, "b": {"c": float("nan")}}, {"a": 2, "b": {"c": float("nan")}})
    ['a was 1 and is now 2']
    """
    found = []
    for name in sorted(saved.keys() | ours.keys()):
        old, new = saved.get(name, "nothing"), ours.get(name, "nothing")
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{name} ")
        elif _canonical(old) != _canonical(new):  # as text: NaN equals NaN
            found.append(f"{prefix}{name} was {old} and is now {new}")
    return found


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
