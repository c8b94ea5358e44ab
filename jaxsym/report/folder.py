"""The output folder: checked before the work, written at once after it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from jaxsym.distill.discovery import Discovery
from jaxsym.report.python_module import law_module
from jaxsym.report.words import law_tex


def write_report(discovery: Discovery, out: str | Path, *, force: bool = False) -> None:
    """Write `FILES` into a folder, all of them or none.

    They are made in a folder beside it and moved when they are complete, so that a failure or an
    interrupt leaves everything as it was.

    Args:
      discovery: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.
    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    write_files({n: partial(w, discovery) for n, w in _WRITERS.items()}, out, force=force)


def write_files(
    writers: Mapping[str, Callable[[Path], None]], out: str | Path, *, force: bool = False
) -> None:
    """Write files into a folder, all of them or none.

    Args:
      writers: what writes each file, by name.
      out, force: as for `write_report`.
    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    out = Path(out)
    check_folder(out, force=force)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.parent / f".{out.name}.{os.getpid()}.partial"
    unfinished.mkdir()
    try:
        for name, write in writers.items():
            write(unfinished / name)
        if not out.exists():
            unfinished.rename(out)
            return
        for name in writers:
            os.replace(unfinished / name, out / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def check_folder(out: str | Path, *, force: bool = False) -> None:
    """Whether `write_report` may write there; to be asked before long work.

    Raises:
      FileExistsError: the folder exists and ``force`` is not set.
      NotADirectoryError: there is a file in the folder's place or on the way to it.
      PermissionError: the folder, or the one that it is to be made in, cannot be written to.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; expected a folder or the name of a new one")
    if out.exists() and not force:
        raise FileExistsError(f"{out} exists; --force replaces the report in it")
    made = out if out.exists() else out.parent
    while not made.exists():
        made = made.parent
    if not made.is_dir():
        raise NotADirectoryError(f"{out} cannot be made: {made} is a file")
    if not os.access(made, os.W_OK | os.X_OK):
        raise PermissionError(f"{made} cannot be written to")


def _write_json(discovery: Discovery, path: Path) -> None:
    path.write_text(json.dumps(discovery.to_json(), indent=2) + "\n", encoding="utf-8")


def _write_tex(discovery: Discovery, path: Path) -> None:
    path.write_text(law_tex(discovery), encoding="utf-8")


def _write_python(discovery: Discovery, path: Path) -> None:
    path.write_text(law_module(discovery), encoding="utf-8")


def _write_figure(discovery: Discovery, path: Path) -> None:
    from jaxsym.plotting import draw

    draw(discovery).savefig(path, dpi=150)


_WRITERS: dict[str, Callable[[Discovery, Path], None]] = {
    "result.json": _write_json,
    "law.tex": _write_tex,
    "law.py": _write_python,
    "figure.png": _write_figure,
}
FILES = tuple(_WRITERS)
