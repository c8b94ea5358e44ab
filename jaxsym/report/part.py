"""The output folder of a model with equations in its parts: JSON, a page, LaTeX, a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jaxsym.distill import FoundPart, Symbolified
from jaxsym.expr import Expression
from jaxsym.report import page
from jaxsym.report.python_module import python_code
from jaxsym.report.writing import RESULT, png, write_result_and_views

_MODULE = '''\
"""Equations in the place of parts of a network, found by jaxsym.

{words}
"""

import jax.numpy as jnp

CONSTANTS = {{
{constants}}}
{functions}'''

_FUNCTION = '''

def {name}(x, constants=CONSTANTS):
    """What {part} makes of x [..., {inputs}]: [..., {outputs}].

    The columns are {columns}.
    """
{assignments}    terms = jnp.stack(jnp.broadcast_arrays({terms}), axis=-1)
    one = jnp.concatenate([jnp.ones_like(x[..., :1]), x], axis=-1)
    directions = jnp.array({directions})
    return jnp.einsum("...d,dkv,...v->...k", terms, directions, one) + jnp.array({offset})
'''


def write_symbolified(found: Symbolified, out: str | Path, *, force: bool = False) -> None:
    """Write `PART_FILES` into a folder: first the result, then its views.

    A view that fails is left out with a `LeftOutWarning`; see `write_result_and_views`.

    Args:
      found: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.

    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    write_result_and_views(found, _VIEWS, out, force=force)


def part_tex(found: Symbolified) -> str:
    r"""The equations, to ``\input`` in a document that loads amsmath."""
    rows = [row for part in found.parts.values() for row in _tex_rows(part)]
    title = "% Equations in the place of parts of a network, found by jaxsym; needs amsmath."
    return "\n".join([title, r"\begin{align}", " \\\\\n".join(rows), r"\end{align}", ""])


def part_module(found: Symbolified) -> str:
    """Source of a module with a function for each part, which needs nothing but JAX."""
    constants = [
        f"    '{_prefix(number, k)}{slot + 1}': {value!r},\n"
        for number, part in enumerate(found.parts.values())
        for k, term in enumerate(part.expressions)
        for slot, value in enumerate(term.constants)
    ]
    functions = [_function(number, part) for number, part in enumerate(found.parts.values())]
    words = "\n".join(f"    {line}" for line in str(found).splitlines())
    return _MODULE.format(words=words, constants="".join(constants), functions="".join(functions))


def _function(number: int, part: FoundPart) -> str:
    law = part.law
    names: dict[str, str] = {name: f"x[..., {k}]" for k, name in enumerate(law.inputs)}
    lines = []
    for name, feature in part.definitions.items():
        lines.append(f"    {_identifier(name)} = {_literal_code(feature, names)}\n")
        names[name] = _identifier(name)
    terms = [
        f"jnp.asarray({python_code(term, _prefix(number, k), names)}, float) + 0.0 * x[..., 0]"
        for k, term in enumerate(part.expressions)
    ]
    return _FUNCTION.format(
        name=_identifier(part.name),
        part=part.name,
        inputs=len(law.inputs),
        outputs=part.outputs,
        columns=", ".join(law.inputs),
        assignments="".join(lines),
        terms=", ".join(terms),
        directions=np.asarray(law.directions).tolist(),
        offset=np.asarray(law.offset).tolist(),
    )


def _literal_code(feature: Expression, names: Mapping[str, str]) -> str:
    """A feature with its numbers written out."""
    code = python_code(feature, "c", names)
    for slot in reversed(range(len(feature.constants))):
        code = code.replace(f"constants['c{slot + 1}']", repr(feature.constants[slot]))
    return code


def _prefix(number: int, term: int) -> str:
    return f"part{number + 1}_{term + 1}_"


def _identifier(name: str) -> str:
    text = "".join(c if c.isalnum() else "_" for c in name)
    return text if text[:1].isalpha() else f"part_{text}"


def _tex_rows(part: FoundPart) -> list[str]:
    from jaxsym.expr import variable

    rows = [rf"  f_{{{k + 1}}} &= {term.latex()}" for k, term in enumerate(part.expressions)]
    return rows + [
        rf"  {variable(name).latex()} &= {feature.latex()}"
        for name, feature in part.definitions.items()
    ]


def part_page(found: Symbolified) -> str:
    """The equations, the verdict, the figure and the fronts as one page of HTML."""
    from jaxsym.plotting import draw_symbolified

    typeset = [row.strip().replace("&=", "=") for p in found.parts.values() for row in _tex_rows(p)]
    plain = [line for part in found.parts.values() for line in part.lines()]
    neural, symbolic = found.errors["neural"], found.errors["symbolic"]
    rows = [
        [name.replace("_", " "), neural[name], symbolic[name]]
        for name in neural
        if neural[name] is not None
    ]
    notes = [f"{part.name} {note}." for part in found.parts.values() for note in part.notes]
    fronts = [
        [c.complexity, c.loss, str(c.expression)]
        for part in found.parts.values()
        for front in part.fronts
        for c in front
    ]
    parts = [
        page.equations(typeset, plain),
        page.words(" ".join([f"The equations are {found.faithful}.", *notes]), "verdict"),
        page.table(["loss of the model", "network", "equations"], rows),
        page.picture(lambda: draw_symbolified(found)),
        page.heading("Candidates in place")
        + page.table(["complexity", "loss of the model", "equation"], fronts),
        page.heading("To go on"),
        page.code("import law    # law.py of this folder\nhelp(law)"),
        page.provenance(found.to_json()),
    ]
    return page.page("Equations in the place of parts of a network", parts)


def _figure(found: Symbolified) -> bytes:
    from jaxsym.plotting import draw_symbolified

    return png(draw_symbolified(found))


_VIEWS: dict[str, Callable[[Symbolified], str | bytes]] = {
    "report.html": part_page,
    "law.tex": lambda found: part_tex(found),
    "law.py": lambda found: part_module(found),
    "figure.png": _figure,
}
PART_FILES = (RESULT, *_VIEWS)
