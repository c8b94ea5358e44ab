"""The output folder of a Lagrangian: JSON, a page to read, LaTeX, a Python module, a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jaxsym.report import page
from jaxsym.report.python_module import python_code
from jaxsym.report.writing import RESULT, png, write_result_and_views
from jaxsym.syrenets import LagrangianDiscovery
from jaxsym.syrenets.discovery import dotted

_MODULE = '''\
"""Lagrangian of {name}, found by jaxsym.

    L = {formula}

    d/dt dL/dqd - dL/dq = GAINS * tau - FRICTION @ qd - drag(qd)
"""

import jax
import jax.numpy as jnp

CONSTANTS = {{{constants}}}
FRICTION = {friction}
GAINS = {gains}


def lagrangian(q, qd, constants=CONSTANTS):
    """L of coordinates and velocities [{coordinates}]."""
    return {code}


def drag(qd, constants=CONSTANTS):
    """Resistance beside what is in proportion to velocity."""
    return jnp.stack([{drag}])


def torque(q, qd, qdd, constants=CONSTANTS):
    """What the actuators must give for this motion, times their gains."""
    momentum = jax.grad(lagrangian, 1)
    _, rate = jax.jvp(lambda q, qd: momentum(q, qd, constants), (q, qd), (qd, qdd))
    resistance = jnp.array(FRICTION) @ qd + drag(qd, constants)
    return rate - jax.grad(lagrangian)(q, qd, constants) + resistance


def acceleration(q, qd, tau, constants=CONSTANTS):
    """The motion that commands tau [{coordinates}] cause."""
    mass = jax.hessian(lagrangian, 1)(q, qd, constants)
    rest = torque(q, qd, jnp.zeros_like(qd), constants)
    return jnp.linalg.solve(mass, jnp.array(GAINS) * tau - rest)
'''


def write_lagrangian(
    discovery: LagrangianDiscovery, out: str | Path, *, force: bool = False
) -> None:
    """Write `LAGRANGIAN_FILES` into a folder: first the result, then its views.

    A view that fails is left out with a `LeftOutWarning`; see `write_result_and_views`.

    Args:
      discovery: what to tell of.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.

    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    write_result_and_views(discovery, _VIEWS, out, force=force)


def lagrangian_tex(discovery: LagrangianDiscovery) -> str:
    r"""L, mass matrix, Coriolis and gravity terms, to ``\input`` where amsmath is loaded."""
    import sympy

    lines = [rf"  L &= {discovery.latex()}"]
    parts = {"M": discovery.mass_matrix, "C": discovery.coriolis, "g": discovery.gravity}
    lines += [rf"  {name} &= {dotted(sympy.latex(part.evalf(6)))}" for name, part in parts.items()]
    title = f"% Lagrangian of {discovery.system.name}, found by jaxsym; needs amsmath."
    note = r"% M(q) qdd + C(q, qd) qd + g(q) is what moves the system."
    return "\n".join([title, note, r"\begin{align}", " \\\\\n".join(lines), r"\end{align}", ""])


def lagrangian_module(discovery: LagrangianDiscovery) -> str:
    """Source of a module with L, torques and accelerations, which needs nothing but JAX."""
    formula, dims = discovery.lagrangian, discovery.system.coordinates
    names = {f"q{i + 1}": f"q[{i}]" for i in range(dims)}
    names |= {f"qd{i + 1}": f"qd[{i}]" for i in range(dims)}
    laws = {f"d{i + 1}_": law for i, law in enumerate(discovery.fit.drag)}
    drag = [f"0.0*qd[0] + {python_code(law, prefix, names)}" for prefix, law in laws.items()]
    constants = [
        f"'{prefix}{place + 1}': {value!r}"
        for prefix, law in {"c": formula, **laws}.items()
        for place, value in enumerate(law.constants)
    ]
    return _MODULE.format(
        name=discovery.system.name,
        formula=formula,
        constants=", ".join(constants),
        friction=discovery.fit.friction.tolist(),
        gains=list(discovery.system.gains),
        coordinates=dims,
        code=python_code(formula, names=names),
        drag=", ".join(drag or ["0.0*qd[0]"] * dims),
    )


def lagrangian_page(discovery: LagrangianDiscovery) -> str:
    """L, its constants with their errors, and the motion that it makes as one page of HTML."""
    from jaxsym.plotting import draw_lagrangian

    result = discovery.to_json()
    constants, errors = result["constants"], result["uncertainty"]
    rows = [[name, float(value), float(errors[name])] for name, value in constants.items()]
    quality = (
        f"Mean squared error of the torques over their variance, on states held out: "
        f"{discovery.torque_mse_relative:.2g}"
        f"{' (exact).' if discovery.exact else '.'} Route: {discovery.route}."
    )
    parts = [
        page.equations([f"L = {discovery.latex(6)}"], [f"L = {discovery.lagrangian}"]),
        page.words(quality, "verdict"),
        page.picture(lambda: draw_lagrangian(discovery)),
        page.heading("Constants of the terms")
        + page.table(["term", "coefficient", "relative error"], rows),
        page.heading("Viscous friction")
        + page.code("\n".join(map(str, discovery.fit.friction.tolist()))),
        page.heading("To go on"),
        page.code("import lagrangian    # lagrangian.py of this folder\nhelp(lagrangian)"),
        page.provenance(result),
    ]
    return page.page(f"Lagrangian: {discovery.system.name}", parts)


def _figure(discovery: LagrangianDiscovery) -> bytes:
    from jaxsym.plotting import draw_lagrangian

    return png(draw_lagrangian(discovery))


_VIEWS: dict[str, Callable[[LagrangianDiscovery], str | bytes]] = {
    "report.html": lagrangian_page,
    "lagrangian.tex": lambda found: lagrangian_tex(found),
    "lagrangian.py": lambda found: lagrangian_module(found),
    "figure.png": _figure,
}
LAGRANGIAN_FILES = (RESULT, *_VIEWS)
