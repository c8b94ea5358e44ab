"""A report as one page of HTML that needs nothing else: no network, no other file."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxsym._views import attempt
from jaxsym.report.writing import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; padding: 0.8rem; background: #8882; border-radius: 6px; }
.equation { margin: 1rem 0; overflow-x: auto; }
.paper { background: white; padding: 0.6rem; border-radius: 6px; }
.paper svg { max-width: 100%; height: auto; display: block; }
.verdict { padding: 0.6rem 1rem; border-left: 4px solid #0072B2; background: #0072B218; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The page of some parts, which the functions below make.

    >>> page("Spring", [words("It swings & returns.")]).count("&amp;")
    1
    """
    return _PAGE.format(title=html.escape(title), style=_STYLE, body="\n".join(parts))


def words(text: str, kind: str = "") -> str:
    """A paragraph.

    >>> words("a < b")
    '<p>a &lt; b</p>'
    """
    name = f' class="{kind}"' if kind else ""
    return f"<p{name}>{html.escape(text)}</p>"


def heading(text: str) -> str:
    """The title of what follows."""
    return f"<h2>{html.escape(text)}</h2>"


def equations(formulas: Sequence[str], plain: Sequence[str]) -> str:
    r"""Equations as they are typeset, or as plain text where that cannot be.

    Args:
      formulas: in LaTeX, without dollar signs.
      plain: the same as text, which can be copied.

    >>> "<svg" in equations([r"\frac{1}{r}"], ["1/r"]), "<svg" in equations([r"\wrong{"], ["1/r"])
    (True, False)
    """
    text = code("\n".join(plain))
    try:
        drawn = "".join(map(_typeset, formulas))
    except ValueError:  # what matplotlib's mathtext does not know, such as matrices
        return text
    return f'<div class="equation paper">{drawn}</div>{text}'


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table, numbers to six digits.

    >>> table(["", "mass"], [["Sun", 1.00000001]]).count("<td>1</td>")
    1
    """

    def row(cells: Sequence[Any], tag: str) -> str:
        told = (f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells)
        return f"<tr>{''.join(f'<{tag}>{html.escape(text)}</{tag}>' for text in told)}</tr>"

    return f"<table>{row(header, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def code(text: str) -> str:
    """Lines to be copied."""
    return f"<pre>{html.escape(text)}</pre>"


def picture(draw: Callable[[], Figure]) -> str:
    """The figure that a function draws, on white in either color scheme; nothing if it fails."""

    def svg() -> str:
        return drawn(draw(), format="svg", metadata={"Date": None}).decode()

    return attempt("the figure on the page", lambda: f'<div class="paper">{_bare(svg())}</div>', "")


def provenance(result: Mapping[str, Any]) -> str:
    """Seed, time and versions of a result, and all of it as JSON, folded away."""
    versions = ", ".join(f"{name} {v}" for name, v in (result.get("versions") or {}).items())
    told = [f"seed {result['seed']}"] if "seed" in result else []
    told += [versions] if versions else []
    whole = html.escape(json.dumps(result, indent=2))
    folded = f"<details><summary>result.json</summary><pre>{whole}</pre></details>"
    return words("; ".join(told)) + folded


def _typeset(formula: str) -> str:
    """A formula as SVG, by matplotlib's own typesetting."""
    from matplotlib.mathtext import math_to_image

    file = io.StringIO()
    math_to_image(f"${formula}$", file, format="svg")
    return _bare(file.getvalue())


def _bare(svg: str) -> str:
    """The picture alone, without the declarations of a file of its own."""
    return re.sub(r"^.*?(?=<svg)", "", svg, flags=re.S)
