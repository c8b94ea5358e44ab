"""The output folder of an equation for a table: JSON, a page, LaTeX, a Python module, a figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from jaxsym.report import page
from jaxsym.report.python_module import python_code
from jaxsym.report.writing import RESULT, png, write_result_and_views

if TYPE_CHECKING:
    from jaxsym.expr import Expression
    from jaxsym.search import SymbolicRegressor

_MODULE = '''\
"""{target} by {names}, found by jaxsym.

    {target} = {formula}
"""

import jax.numpy as jnp

CONSTANTS = {{{constants}}}


def equation(X, constants=CONSTANTS):
    """Values [n] for a table [n, {count}] with the columns {names}."""
    X = jnp.asarray(X, float)
    return jnp.broadcast_to(jnp.asarray({code}, float), X.shape[:-1])
'''


@dataclass(frozen=True)
class FitResult:
    """A model of one target with the table that it was fitted to.

    Attributes:
      model: fitted.
      X: `[n, V]` table.
      y: `[n]` target.
      target: its name.
      more: what else the result is to tell, as JSON-like values.
    """

    model: SymbolicRegressor
    X: Any
    y: np.ndarray
    target: str
    more: dict[str, Any]

    @property
    def equation(self) -> Expression:
        """The one that was chosen."""
        return cast("Expression", self.model.expression_)

    def to_json(self) -> dict[str, Any]:
        """The interface that other programs build on (`jaxsym fit --json`)."""
        return {"target": self.target} | self.model.to_json() | self.more


def write_fit(result: FitResult, out: str | Path, *, force: bool = False) -> None:
    """Write `FIT_FILES` into a folder: first the result, then its views.

    Args:
      result: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.

    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    write_result_and_views(result, _VIEWS, out, force=force)


def fit_page(result: FitResult) -> str:
    """The equation, what it leaves, the front and the figure as one page of HTML."""
    from jaxsym.plotting import draw_fit

    model, chosen = result.model, result.equation
    (front,) = model.fronts_
    rows = [[row.complexity, row.loss, str(row.expression.rounded(5))] for row in front]
    name = _tex_name(result.target)
    parts = [
        page.equations([f"{name} = {chosen.latex()}"], [f"{result.target} = {chosen}"]),
        page.words(str(model.residual_), "verdict"),
        page.picture(lambda: draw_fit(model, result.X, result.y)),
        page.heading("Front"),
        page.table(["complexity", "mean squared error", "equation"], rows),
        page.heading("To go on"),
        page.code(
            "from equation import equation    # equation.py of this folder: needs nothing but JAX\n"
            "equation([[...]])                # a row for each point\n\n"
            "from jaxsym import SymbolicRegressor\n"
            'model = SymbolicRegressor.load("model.json")    # of jaxsym fit --out model.json'
        ),
        page.provenance(result.to_json()),
    ]
    return page.page(f"Equation for {result.target}", parts)


def fit_tex(result: FitResult) -> str:
    r"""The equation, to ``\input`` in a document that loads amsmath."""
    title = "% Equation found by jaxsym; needs amsmath."
    line = f"  {_tex_name(result.target)} = {result.equation.latex()}"
    return "\n".join([title, r"\begin{equation}", line, r"\end{equation}", ""])


def fit_module(result: FitResult) -> str:
    """Source of a module with the equation, which needs nothing but JAX."""
    names = result.model.variables_
    places = {name: f"X[..., {k}]" for k, name in enumerate(names)}
    chosen = result.equation
    constants = [f"'c{k + 1}': {value!r}" for k, value in enumerate(chosen.constants)]
    return _MODULE.format(
        target=result.target,
        names=", ".join(names),
        formula=chosen,
        constants=", ".join(constants),
        count=len(names),
        code=python_code(chosen, names=places),
    )


def _tex_name(name: str) -> str:
    from jaxsym.expr import variable

    return variable(name).latex()


def _figure(result: FitResult) -> bytes:
    from jaxsym.plotting import draw_fit

    return png(draw_fit(result.model, result.X, result.y))


_VIEWS: dict[str, Callable[[FitResult], str | bytes]] = {
    "report.html": fit_page,
    "equation.tex": fit_tex,
    "equation.py": fit_module,
    "figure.png": _figure,
}
FIT_FILES = (RESULT, *_VIEWS)
