"""`jaxsym doctor`: what is installed, what works, and what is missing and why."""

from __future__ import annotations

import json
import platform
import re
from importlib import metadata
from typing import Any

import click

from jaxsym.cli.shared import output_console

_MISSING = "missing"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Show versions, devices and optional packages, and test JAX's arithmetic.

    Exits with 1 if JAX computes wrong sums or a required package is missing.
    """
    findings = examine()
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        _show(findings)
    well = findings["sums_are_right"] and _MISSING not in findings["versions"].values()
    context.exit(0 if well else 1)


def examine() -> dict[str, Any]:
    """Everything that `jaxsym doctor` tells, as plain JSON types."""
    import jax

    from jaxsym.search.engines.optional import backends

    return {
        "versions": _versions(),
        "devices": [f"{d.platform} {d.id} ({d.device_kind})" for d in jax.devices()],
        "compilation_cache": jax.config.jax_compilation_cache_dir,  # type: ignore[attr-defined]
        "sums_are_right": sums_are_right(),
        "optional": [backend._asdict() for backend in backends()],
    }


def sums_are_right() -> bool:
    """Whether a compiled sum over many rows that all differ is right.

    jaxlib 0.10.2 computes it wrongly on CPUs (jax-ml/jax issue 39103).

    >>> sums_are_right()
    True
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    matrix = np.array([[1.0, 0.5], [-0.25, 2.0]], np.float32)
    rows = np.random.default_rng(0).normal(size=(40_000, 2)).astype(np.float32)
    sums = jax.jit(jax.vmap(lambda row: jnp.sum((matrix @ row) ** 2)))(rows)
    expected = np.sum((rows.astype(np.float64) @ matrix.T.astype(np.float64)) ** 2, axis=1)
    return bool(np.allclose(sums, expected, rtol=2e-4, atol=1e-6))


def _versions() -> dict[str, str]:
    """Of Python, of jaxsym, and of the packages that it requires."""
    required = [line for line in metadata.requires("jaxsym") or () if "extra ==" not in line]
    names = ["jaxsym", "jaxlib", *(re.split(r"[^\w.-]", line)[0] for line in required)]
    installed = {package.name.lower(): package.version for package in metadata.distributions()}
    found = {name: installed.get(name.lower(), _MISSING) for name in names}
    return {"python": platform.python_version()} | found


def _show(findings: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    console = output_console()
    console.print(", ".join(f"{name} {number}" for name, number in findings["versions"].items()))
    console.print(f"devices: {', '.join(findings['devices'])}", markup=False)
    cache = findings["compilation_cache"] or "none (set JAX_COMPILATION_CACHE_DIR to keep one)"
    console.print(f"compilation cache: {cache}", markup=False)
    if findings["sums_are_right"]:
        console.print("JAX's sums are right", style="green")
    else:
        console.print(
            "JAX computes wrong sums on this machine: nothing that jaxsym finds can be trusted. "
            "Known of jaxlib 0.10.2 on CPUs; install another version.",
            style="bold red",
        )
    table = Table(box=SIMPLE_HEAD)
    for column in ("optional", "for", "state", "to install"):
        table.add_column(column)
    for row in findings["optional"]:
        there = row["available"]
        state = f"[{'green' if there else 'yellow'}]{escape(row['detail'])}[/]"
        table.add_row(row["name"], row["purpose"], state, "" if there else escape(row["install"]))
    console.print(table)
