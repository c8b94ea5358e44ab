"""The output folder of equations of motion: JSON, a page, LaTeX, a Python module, a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jaxsym.odes import OdeDiscovery
from jaxsym.report import page
from jaxsym.report.python_module import python_code
from jaxsym.report.writing import RESULT, png, write_result_and_views

_MODULE = '''\
"""Equations of motion, found by jaxsym.

{formulas}
"""

import jax.numpy as jnp

STATES = {states}
INPUTS = {inputs}
CONSTANTS = {{
{constants}}}


def {function}(state, t=0.0, inputs=(), constants=CONSTANTS):
    """{meaning}"""
    return jnp.stack([
{rows}
    ])
'''


def write_ode(discovery: OdeDiscovery, out: str | Path, *, force: bool = False) -> None:
    """Write `ODE_FILES` into a folder: first the result, then its views.

    A view that fails is left out with a `LeftOutWarning`; see `write_result_and_views`.

    Args:
      discovery: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.

    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    write_result_and_views(discovery, _VIEWS, out, force=force)


def ode_tex(discovery: OdeDiscovery) -> str:
    r"""The equations, to ``\input`` in a document that loads amsmath."""
    rows = [
        f"  {_left_tex(discovery, name)} &= {right.latex()}"
        for name, right in discovery.equations.items()
    ]
    title = "% Equations of motion found by jaxsym; needs amsmath."
    return "\n".join([title, r"\begin{align}", " \\\\\n".join(rows), r"\end{align}", ""])


def ode_module(discovery: OdeDiscovery) -> str:
    """Source of a module with the right-hand sides, which needs nothing but JAX."""
    places = [n for n in discovery.variables if n != "t" and n not in discovery.data.input_names]
    names = {name: f"state[{k}]" for k, name in enumerate(places)}
    names |= {name: f"inputs[{k}]" for k, name in enumerate(discovery.data.input_names)}
    rows, constants = [], []
    for name, right in discovery.equations.items():
        code = python_code(right, f"{name}_", names)
        rows.append(f"        jnp.asarray({code}, float),")
        constants += [
            f"    '{name}_{k + 1}': {value!r},\n" for k, value in enumerate(right.constants)
        ]
    if discovery.order == 2:
        count = len(discovery.equations)
        rows = [f"        jnp.asarray(state[{count + k}], float)," for k in range(count)] + rows
    is_map = discovery.kind == "map"
    return _MODULE.format(
        formulas="\n".join(
            f"    {discovery.left_side(name)} = {right}"
            for name, right in discovery.equations.items()
        ),
        states=tuple(places),
        inputs=discovery.data.input_names,
        constants="".join(constants),
        function="next_state" if is_map else "rates",
        meaning=f"The next state after [{len(places)}]."
        if is_map
        else f"Rates of change of the state [{len(places)}].",
        rows="\n".join(rows),
    )


def _left_tex(discovery: OdeDiscovery, name: str) -> str:
    from jaxsym.expr import variable

    symbol = variable(name).latex()
    if discovery.kind == "map":
        return rf"{{{symbol}}}^{{(n+1)}}"
    return rf"\{'d' * discovery.order}ot{{{symbol}}}"


def ode_page(discovery: OdeDiscovery) -> str:
    """The equations, their constants with errors, and the measured series as one page of HTML."""
    from jaxsym.plotting import draw_ode

    equations = discovery.equations.items()
    typeset = [f"{_left_tex(discovery, name)} = {right.latex()}" for name, right in equations]
    plain = [f"{discovery.left_side(name)} = {right}" for name, right in equations]
    errors = discovery.uncertainty
    rows = [[name, value, errors[name]] for name, value in discovery.constants.items()]
    fit = f"The equations leave chi2/dof = {discovery.chi2_per_dof:.3g} of the measured series."
    parts = [
        page.equations(typeset, plain),
        page.words(" ".join([fit, *discovery.notes]), "verdict"),
        page.picture(lambda: draw_ode(discovery)),
        page.heading("Constants") + page.table(["constant", "value", "standard error"], rows),
        page.heading("To go on"),
        page.code("import ode    # ode.py of this folder\nhelp(ode)"),
        page.provenance(discovery.to_json()),
    ]
    return page.page("Equations of motion", parts)


def _figure(discovery: OdeDiscovery) -> bytes:
    from jaxsym.plotting import draw_ode

    return png(draw_ode(discovery))


_VIEWS: dict[str, Callable[[OdeDiscovery], str | bytes]] = {
    "report.html": ode_page,
    "ode.tex": lambda found: ode_tex(found),
    "ode.py": lambda found: ode_module(found),
    "figure.png": _figure,
}
ODE_FILES = (RESULT, *_VIEWS)
