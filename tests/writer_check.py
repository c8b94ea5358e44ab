"""Run by `test_whole_folders.py`, and killed there: write one report after the other into a folder.

Arguments: the folder, and "two" to exchange folders by two renames, as on other systems than Linux.
"""

import sys
from pathlib import Path

from jaxsym import _files
from jaxsym._folders import write_folder

NAMES = ("result.json", "law.tex", "law.py", "figure.png")
SIZE = 20_000  # numbers in each file, so that a good share of the kills fall into the writing


def write(out: Path, version: int) -> None:
    """Write a report whose files all hold the same number."""
    text = f"{version:08d} " * SIZE
    write_folder({name: lambda path: path.write_text(text) for name in NAMES}, out, force=True)


def main() -> None:
    out = Path(sys.argv[1])
    if sys.argv[2:] == ["two"]:
        _files._rename = lambda made, path, flag: False
    for version in range(1, 10**8):
        write(out, version)
        print(version, flush=True)


if __name__ == "__main__":
    main()
