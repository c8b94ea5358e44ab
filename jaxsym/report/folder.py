"""The output folder of a law: JSON, LaTeX, a Python module, and a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jaxsym.distill.discovery import Discovery
from jaxsym.report.python_module import law_module
from jaxsym.report.words import law_tex
from jaxsym.report.writing import RESULT, png, write_result_and_views


def write_report(discovery: Discovery, out: str | Path, *, force: bool = False) -> None:
    """Write `FILES` into a folder: first the result, then its views.

    A view that fails is left out with a `LeftOutWarning`; see `write_result_and_views`.

    Args:
      discovery: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.
    Raises:
      OSError: see `jaxsym.report.check_folder`, or whatever the disk says.
    """
    write_result_and_views(discovery, _VIEWS, out, force=force)


def _figure(discovery: Discovery) -> bytes:
    from jaxsym.plotting import draw

    return png(draw(discovery))


_VIEWS: dict[str, Callable[[Discovery], str | bytes]] = {
    "law.tex": lambda found: law_tex(found),
    "law.py": lambda found: law_module(found),
    "figure.png": _figure,
}
FILES = (RESULT, *_VIEWS)
