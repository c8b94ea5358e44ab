"""A discovery told to people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from jaxsym.distill import Discovery
    from jaxsym.distill.measured.evidence import TrajectoryEvidence

_COLORS = {True: "bold green", False: "bold red", None: "bold yellow"}


def show_discovery(console: Console, discovery: Discovery) -> None:
    """Print the law, the masses, the errors, the verdict and the time taken."""
    from jaxsym.cli.shared import seconds_in_words
    from jaxsym.report import law_lines, verdict

    def say(line: str, style: str = "") -> None:
        console.print(line, style=style, markup=False, soft_wrap=True)

    say("")
    for line in law_lines(discovery.law):
        say(f"  {line}", "bold")
    say("  where d = x2 - x1 and r is its length", "dim")
    for line in _remarks(discovery):
        say(f"  {line}")
    if discovery.masses is not None:
        say(f"\nmasses ({discovery.task.mass_meaning})")
        console.print(_masses(discovery))
    if discovery.trajectory is not None:
        say("\nconstants and their standard errors")
        console.print(_constants(discovery))
        for line in _predictions(discovery.trajectory):
            say(line)
    else:
        say(f"\nmedian relative error of {discovery.law.rate}")
        console.print(_errors(discovery))
    say(f"\n{verdict(discovery)}", _COLORS[discovery.recovered])
    if discovery.interrupted or discovery.out_of_time:
        say("Ended early: this is the best that was found until then.", "yellow")
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in discovery.seconds.items())
    total = sum(discovery.seconds.values())
    way = f"model {discovery.model}" if discovery.network else f"route {discovery.route}"
    spent = seconds_in_words(total, discovery.compile_seconds)
    say(f"{spent} ({phases}); {way}, seed {discovery.seed}", "dim")


def _remarks(discovery: Discovery) -> Iterator[str]:
    from jaxsym.distill import power_of_distance

    broken = [one for one in discovery.symmetries if not one.holds]
    if broken:
        told = ", ".join(f"{one.name} ({one.evidence})" for one in broken)
        yield f"symmetries that the law does not have: {told}"
    if discovery.free_exponent is not None:
        exact = power_of_distance(discovery.law)
        in_law = "" if exact is None else f", {0.0 - exact:g} in the law"
        free = -discovery.free_exponent
        yield f"the pull goes with distance to the power {free:.5f} as fitted freely{in_law}"
    if discovery.message_r2 is not None:
        plain, trimmed, modulo = discovery.message_r2
        yield (
            f"true forces explain the network's messages with R2 {plain:.4f} "
            f"({trimmed:.4f} trimmed, {modulo:.4f} up to factors of the receiver)"
        )


def _masses(discovery: Discovery) -> Table:
    parameters = discovery.to_json()["parameters"]
    found, true = parameters["found"], parameters.get("true")
    errors = parameters["uncertainty"]
    if errors is not None:
        table = _table("", "found", "standard error")
        for name, mass in found.items():
            table.add_row(name, f"{mass:.6g}", f"{errors[name] or 0.0:.2g}")
        return table
    if true is None:
        table = _table("", "found")
        for name, mass in found.items():
            table.add_row(name, f"{mass:.6g}")
        return table
    heaviest = max(true, key=true.__getitem__)
    table = _table("", "found", "true", f"relative error, by {heaviest}")
    for name, mass in found.items():
        error = "-" if name == heaviest else f"{parameters['relative_error'][name]:+.1e}"
        table.add_row(name, f"{mass:.6g}", f"{true[name]:.6g}", error)
    return table


def _constants(discovery: Discovery) -> Table:
    table = _table("", "value", "standard error")
    uncertainty = discovery.uncertainty or {}
    for name, value in discovery.constants.items():
        table.add_row(name, f"{value:.8g}", f"{uncertainty[name]:.2g}")
    return table


def _predictions(evidence: TrajectoryEvidence) -> Iterator[str]:
    if evidence.held_out_residual is None or evidence.horizon is None:
        return
    yield f"held-out motion: {evidence.held_out_residual:.3g} standard errors (root mean square)"
    lasts = "at least " if evidence.horizon == evidence.predicted else ""
    yield f"a prediction stays within three standard errors for {lasts}{evidence.horizon:.3g}"


def _errors(discovery: Discovery) -> Table:
    table = _table("", "held out", discovery.task.outside_is)
    for name, errors in (("network", discovery.neural), ("equation", discovery.symbolic)):
        if errors is None:
            continue
        outside = errors.out_of_distribution
        table.add_row(name, f"{errors.held_out:.2e}", "-" if outside is None else f"{outside:.2e}")
    return table


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column(first)
    for column in numbers:
        table.add_column(column, justify="right")
    return table
