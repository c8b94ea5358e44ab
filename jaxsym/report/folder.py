"""The output folder of a law: JSON, LaTeX, a Python module, and a figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from jaxsym._folders import write_folder
from jaxsym.distill.discovery import Discovery
from jaxsym.report.python_module import law_module
from jaxsym.report.words import law_tex


def write_report(discovery: Discovery, out: str | Path, *, force: bool = False) -> None:
    """Write `FILES` into a folder, all of them or none.

    They are made in a folder beside it and put in place by one rename when they are complete, so
    that a failure, an interrupt or a kill leaves everything as it was.

    Args:
      discovery: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.
    Raises:
      OSError: see `jaxsym.report.check_folder`, or whatever the disk says.
    """
    write_folder({n: partial(w, discovery) for n, w in _WRITERS.items()}, out, force=force)


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
