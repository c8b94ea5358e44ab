"""`jaxsym lagrangian`: from motion and torque to a Lagrangian."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from jaxsym._check import unknown_name
from jaxsym._views import attempt
from jaxsym.cli.options import (
    folder_option,
    json_option,
    replace_files_option,
    seed_option,
    time_limit_option,
)
from jaxsym.cli.shared import (
    INTERRUPTED,
    NOT_RECOVERED,
    check_report,
    message_console,
    output_console,
    seconds_in_words,
)

if TYPE_CHECKING:
    from rich.console import Console

    from jaxsym.datasets import MechanicalData, MechanicalSeries
    from jaxsym.expr import Expression
    from jaxsym.syrenets import LagrangianDiscovery

_SIMULATED = ("links", "damping", "noise", "samples")


class Numbers(click.ParamType):
    """Numbers with commas between them."""

    name = "A,B,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is not numbers with commas between them", param, ctx)


@click.command()
@click.argument("source")
@click.option(
    "--route",
    default="auto",
    show_default=True,
    help="network, direct, or auto: the network's, and direct where that is not exact.",
)
@click.option(
    "--friction/--no-friction",
    default=True,
    show_default=True,
    help="Look for friction: viscous, Coulomb's, quadratic, Stribeck's.",
)
@click.option("--unknown-gains", is_flag=True, help="Torques are commands of unknown gains.")
@click.option("--links", type=click.IntRange(1), help="Of a simulated chain; 3 by default.")
@click.option("--damping", type=Numbers(), help="Viscous friction of a simulated system.")
@click.option(
    "--noise",
    default=0.0,
    type=click.FloatRange(0),
    help="On simulated torques, as a share of their standard deviation.",
)
@click.option(
    "--samples", default=10_000, show_default=True, type=click.IntRange(1), help="Simulated states."
)
@seed_option
@time_limit_option
@folder_option
@replace_files_option
@json_option
@click.pass_context
def lagrangian(
    context: click.Context,
    source: str,
    route: str,
    friction: bool,
    unknown_gains: bool,
    links: int | None,
    damping: tuple[float, ...] | None,
    noise: float,
    samples: int,
    seed: int,
    time_limit: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find the Lagrangian of a mechanical system from its motion and the torques on it.

    SOURCE is a system to simulate (double-pendulum, cart-pole, chain), or a file: .npz with arrays
    q, qd, qdd and tau, or a table (.csv, .tsv, .parquet) with columns q1 q2 ... qd1 qd2 ... qdd1
    qdd2 ... tau1 tau2 ...; angles in radians. A file with times (t or time), q and tau alone is a
    measured run: its positions and torques may be noisy.

    \b
    Examples:
      jaxsym lagrangian double-pendulum --out report
      jaxsym lagrangian chain --links 3 --damping 0.2,0.2,0.1
      jaxsym lagrangian my_robot.csv --unknown-gains --json
    """
    from jaxsym.cli.progress import ProgressDisplay
    from jaxsym.datasets import MechanicalSeries
    from jaxsym.report import LAGRANGIAN_FILES, write_lagrangian
    from jaxsym.syrenets import discover_lagrangian, lagrangian_from_positions
    from jaxsym.training import interrupt_flag

    check_report(out, force, LAGRANGIAN_FILES)
    data, truth = _data(context, source, links, damping, noise, samples, seed)
    messages = message_console()
    with ProgressDisplay(messages) as progress:
        wanted: dict[str, Any] = {
            "friction": friction,
            "gains": unknown_gains,
            "time_limit": time_limit,
            "truth": truth,
            "name": Path(source).name,
            "callback": progress,
        }
        if isinstance(data, MechanicalSeries):
            found = lagrangian_from_positions(*data, **wanted)
        else:
            found = discover_lagrangian(*data, seed=seed, route=route, **wanted)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    with interrupt_flag() as interrupted:
        if out is not None:
            write_lagrangian(found, out, force=force)
            messages.print(f"report in {out}", markup=False, soft_wrap=True)
        console = messages if as_json else output_console()
        attempt("the summary", lambda: _show(console, found), None)
    out_of_time = time_limit is not None and found.seconds >= time_limit
    if interrupted() or (found.interrupted and not out_of_time):
        context.exit(INTERRUPTED)
    context.exit(NOT_RECOVERED if found.recovered is False else 0)


def _data(
    context: click.Context,
    source: str,
    links: int | None,
    damping: tuple[float, ...] | None,
    noise: float,
    samples: int,
    seed: int,
) -> tuple[MechanicalData | MechanicalSeries, Expression | None]:
    """Motion and torque, and the truth if it is known."""
    import jax
    import numpy as np

    from jaxsym.datasets import load_mechanical
    from jaxsym.simulate import MECHANICAL, mechanical

    if source not in MECHANICAL:
        for name in _SIMULATED:
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise click.UsageError(f"--{name} is for simulated systems; '{source}' is none")
        if not Path(source).suffix and not Path(source).exists():
            raise unknown_name("system or file", source, MECHANICAL)
        return load_mechanical(source), None
    if links is not None and source != "chain":
        raise click.UsageError(f"--links is for a chain; '{source}' has its own")
    options: dict[str, Any] = {} if source != "chain" else {"links": links or 3}
    system = mechanical(source, friction=damping or (), **options)
    data = system.sample(jax.random.key(seed), samples)
    spread = noise * data.tau.std(axis=0)
    shaken = data.tau + spread * np.random.default_rng(seed).normal(size=data.tau.shape)
    return data._replace(tau=shaken), system.lagrangian


def _show(console: Console, found: LagrangianDiscovery) -> None:
    def say(line: str, style: str = "") -> None:
        console.print(line, style=style, markup=False, soft_wrap=True)

    say(f"\n  L = {found.lagrangian}", "bold")
    if found.fit.friction.any():
        say(f"  friction: {found.fit.friction.tolist()} times the velocities")
    for place, law in enumerate(found.fit.drag):
        if law.variables:
            say(f"  drag on coordinate {place + 1}: {law}")
    if (found.fit.gains != 1).any():
        say(f"  gains: {found.fit.gains.tolist()}")
    say(
        f"  mean squared torque error over variance, held out: {found.torque_mse_relative:.2g}"
        + (" (exact)" if found.exact else "")
    )
    if found.chi2_per_row is not None:
        say(f"  left of integrated torques: {found.chi2_per_row:.3g} times the noise's variance")
        pairs = zip(found.constants.items(), found.fit.uncertainty, strict=True)
        for (term, number), error in pairs:
            say(f"  {number:.6g} +- {abs(error * number):.2g}  {term}")
    if found.recovered is not None:
        verdict = "Recovered: it is" if found.recovered else "Not recovered: it is not"
        style = "bold green" if found.recovered else "bold red"
        say(f"{verdict} the true Lagrangian, up to what no torque shows.", style)
    for hint in found.hints:
        say(f"hint: {hint}", "yellow")
    if found.interrupted:
        say("Ended early: this is the best that was found until then.", "yellow")
    spent = seconds_in_words(found.seconds, found.compile_seconds)
    say(f"{spent}; {found.route} route, seed {found.seed}", "dim")
