"""A discovery told to people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from jaxsym.distill import Discovery

_COLORS = {True: "bold green", False: "bold red", None: "bold yellow"}


def show_discovery(console: Console, discovery: Discovery) -> None:
    """Print the law, the masses, the errors, the verdict and the time taken."""
    from jaxsym.report import law_lines, verdict

    console.print()
    for line in law_lines(discovery.law):
        console.print(Padding(line, (0, 2)), style="bold", markup=False)
    console.print(Padding("where d = x2 - x1, r = |d|", (0, 2)), style="dim")
    for line in _exponents(discovery):
        console.print(Padding(line, (0, 2)))
    console.print()
    if discovery.masses is not None:
        console.print(_masses(discovery))
    console.print(_errors(discovery))
    console.print(verdict(discovery), style=_COLORS[discovery.recovered], soft_wrap=True)
    if discovery.interrupted:
        console.print("Ended early: this is the best that was found until then.", style="yellow")
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in discovery.seconds.items())
    total = sum(discovery.seconds.values())
    console.print(f"{total:.1f} s: {phases}; seed {discovery.seed}", style="dim", soft_wrap=True)


def _exponents(discovery: Discovery) -> Iterator[str]:
    from jaxsym.distill import power_of_distance

    if discovery.free_exponent is not None:
        exact = power_of_distance(discovery.law)
        yield (
            f"falls with distance to the power {discovery.free_exponent:.5f} as fitted freely, "
            f"{exact:g} in the law"
        )


def _masses(discovery: Discovery) -> Table:
    table = _table(f"masses ({discovery.task.mass_meaning})")
    table.add_column("body")
    table.add_column("found", justify="right")
    parameters = discovery.to_json()["parameters"]
    true = parameters.get("true")
    if true is not None:
        table.add_column("true", justify="right")
        table.add_column("relative error", justify="right")
    for name, mass in parameters["found"].items():
        row = [name, f"{mass:.6g}"]
        if true is not None:
            row += [f"{true[name]:.6g}", f"{parameters['relative_error'][name]:+.1e}"]
        table.add_row(*row)
    return table


def _errors(discovery: Discovery) -> Table:
    table = _table("median relative error of acceleration")
    for column in ("", "held out", discovery.task.outside_is):
        table.add_column(column, justify="right" if column else "left")
    for name, errors in (("network", discovery.neural), ("equation", discovery.symbolic)):
        outside = errors.out_of_distribution
        table.add_row(name, f"{errors.held_out:.2e}", "-" if outside is None else f"{outside:.2e}")
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
