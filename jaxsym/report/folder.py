"""The output folder of a law: JSON, a page to read, LaTeX, a Python module, and a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxsym.distill.discovery import Discovery
from jaxsym.laws.typesetting import latex, law_lines
from jaxsym.report import page
from jaxsym.report.python_module import law_module
from jaxsym.report.words import law_tex, verdict
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


def law_page(discovery: Discovery) -> str:
    """The law, the verdict on it, its numbers and its figure as one page of HTML."""
    from jaxsym.plotting import draw

    result = discovery.to_json()
    law = discovery.law
    parts = [
        page.equations([latex(law)], law_lines(law)),
        page.words("d = x2 - x1 points from body 1 to body 2, and r is its length."),
        page.words(verdict(discovery), "verdict"),
        page.picture(lambda: draw(discovery)),
        *_numbers(discovery, result),
        page.heading("To go on"),
        page.code(_SNIPPET),
        page.provenance(result),
    ]
    return page.page(f"Law of motion: {discovery.task.name}", parts)


def _numbers(discovery: Discovery, result: dict[str, Any]) -> Iterator[str]:
    """Tables of constants, masses and errors, those that there are."""
    if discovery.constants:
        errors = discovery.uncertainty
        header = ["constant", "value", *(["standard error"] if errors else [])]
        rows = [
            [name, value, *([errors[name]] if errors else [])]
            for name, value in discovery.constants.items()
        ]
        yield page.heading("Constants") + page.table(header, rows)
    if discovery.masses is not None:
        true = (result["parameters"] or {}).get("true") or {}
        header = ["body", "mass found", *(["true"] if true else [])]
        masses = [
            [name, mass, *([float(true[name])] if true else [])]
            for name, mass in discovery.masses.items()
        ]
        yield page.heading(f"Masses ({discovery.task.mass_meaning})") + page.table(header, masses)
    if discovery.symbolic is not None:
        told = {"network": discovery.neural, "equation": discovery.symbolic}
        header = ["median relative error of acceleration", "held out", discovery.task.outside_is]
        rows = [
            [name, e.held_out, "-" if e.out_of_distribution is None else e.out_of_distribution]
            for name, e in told.items()
            if e is not None
        ]
        yield page.heading("Errors") + page.table(header, rows)


_SNIPPET = """\
import json, jax
import law                     # law.py of this folder, which needs nothing but JAX
found = json.load(open("result.json"))
print(found["law"]["components"], found["constants"])
help(law)
"""


def _figure(discovery: Discovery) -> bytes:
    from jaxsym.plotting import draw

    return png(draw(discovery))


_VIEWS: dict[str, Callable[[Discovery], str | bytes]] = {
    "report.html": law_page,
    "law.tex": lambda found: law_tex(found),
    "law.py": lambda found: law_module(found),
    "figure.png": _figure,
}
FILES = (RESULT, *_VIEWS)
