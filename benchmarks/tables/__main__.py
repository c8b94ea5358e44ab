"""Figures of the README and of docs/ beside the results that they come from.

python -m benchmarks.tables            # tell which differ
python -m benchmarks.tables --write    # put the results' figures into the pages
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.common import ROOT
from benchmarks.tables import (
    accelerator,
    discovery,
    front,
    graphs,
    halos,
    lagrangians,
    noise,
    parts,
    pretrained,
    reliability,
    search,
    speed,
)
from benchmarks.tables.statement import Statement

TOPICS = (
    accelerator, discovery, front, graphs, halos, lagrangians, noise, parts, pretrained, reliability, search, speed,
)  # fmt: skip


def statements() -> list[Statement]:
    """Of all topics."""
    return [statement for topic in TOPICS for statement in topic.statements()]


def differences(stated: Sequence[Statement]) -> list[str]:
    """Figures that a page has otherwise than the results, and pieces that a page does not have."""
    told = []
    for statement in stated:
        try:
            told += statement.differences((ROOT / statement.page).read_text())
        except ValueError as error:
            told.append(str(error))
    return told


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 1 where figures differ and are not written."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="change the pages")
    given = options.parse_args(argv)
    stated = statements()
    told = differences(stated)
    print(*told, f"{len(stated)} statements, {len(told)} figures differ", sep="\n")
    if given.write:
        for statement in stated:
            path = ROOT / statement.page
            path.write_text(statement.written(path.read_text()))
    return int(bool(told) and not given.write)


if __name__ == "__main__":
    sys.exit(main())
