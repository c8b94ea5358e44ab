"""Options, files and tables that all benchmarks have in common."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The third one is of files from before the first two were recorded: the commit that added the file.
_COMMITS = ("commit", "clean", "commit_of_file")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny: only shows that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here")
    return parser


def write(result: Mapping[str, Any], path: Path | None) -> None:
    """Write a result as JSON, whole or not at all; nothing without a path."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(result, indent=2) + "\n")
    partial.replace(path)


def kept(path: Path | None, part: str) -> dict[str, Any]:
    """What an earlier run left under ``part`` of a result's file; nothing without a file.

    Entries without a commit of their own get the file's.

    >>> kept(None, "runs")
    {}
    """
    if path is None or not path.exists():
        return {}
    result = json.loads(path.read_text())
    known = {name: result[name] for name in _COMMITS if name in result}
    return {
        name: entry if "commit" in entry or "commit_of_file" in entry else entry | known
        for name, entry in result[part].items()
    }


def show(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, columns aligned.

    >>> show(["case", "s"], [["spring", 1.5], ["r1", 10]])
    case    s
    spring  1.5
    r1      10
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
