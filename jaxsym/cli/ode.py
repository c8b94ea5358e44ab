"""`jaxsym ode`: from measured series to equations of motion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
    check_report,
    message_console,
    output_console,
)

if TYPE_CHECKING:
    from rich.console import Console

    from jaxsym.odes import OdeDiscovery


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in (value or "").split(",") if name.strip()]


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """One number, or one for each state."""
    try:
        found = [float(part) for part in value.split(",")] if value else None
    except ValueError:
        raise click.BadParameter(f"'{value}' is not numbers with commas between them") from None
    return found[0] if found and len(found) == 1 else found


@click.command()
@click.argument("series", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--time", "time", default="t", show_default=True, metavar="COLUMN", help="Of times.")
@click.option(
    "--states", required=True, callback=_names, metavar="A,B,...", help="Columns of the states."
)
@click.option("--inputs", callback=_names, metavar="U,...", help="Columns of known inputs.")
@click.option(
    "--sigma",
    callback=_numbers,
    metavar="S[,S...]",
    help="Standard error of the states, if it is known; one for all, or one for each.",
)
@click.option(
    "--kind",
    type=click.Choice(["ode", "map"]),
    default="ode",
    show_default=True,
    help="Differential equations, or maps x[n+1] = f(x[n]).",
)
@click.option("--order", type=click.IntRange(1, 2), default=1, show_default=True)
@click.option("--depends-on-time", is_flag=True, help="Time itself may stand in the equations.")
@seed_option
@time_limit_option
@folder_option
@replace_files_option
@json_option
@click.pass_context
def ode(
    context: click.Context,
    series: Path,
    time: str,
    states: list[str],
    inputs: list[str],
    sigma: Any,
    kind: str,
    order: int,
    depends_on_time: bool,
    seed: int,
    time_limit: float | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find the equations of motion that measured series obey.

    SERIES is a table (.csv, .tsv, .parquet, .npz) with a column of times and one for each state; a
    column named trajectory tells several experiments apart. Samples may be uneven, noisy and
    missing.

    \b
    Examples:
      jaxsym ode series.csv --time t --states x,y
      jaxsym ode pendulum.csv --states angle --order 2 --inputs torque --out report
      jaxsym ode populations.csv --time year --states n --kind map --json
    """
    from jaxsym.cli.progress import ProgressDisplay
    from jaxsym.odes import discover_series, read_series
    from jaxsym.report import ODE_FILES, write_ode
    from jaxsym.training import interrupt_flag

    check_report(out, force, ODE_FILES)
    data = read_series(series, time, states, inputs, sigma=sigma)
    messages = message_console()
    with ProgressDisplay(messages) as progress:
        found = discover_series(
            data,
            kind=kind,
            order=order,
            depends_on_time=depends_on_time,
            time_limit=time_limit,
            seed=seed,
            callback=progress,
        )
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    with interrupt_flag() as interrupted:
        if out is not None:
            write_ode(found, out, force=force)
            messages.print(f"report in {out}", markup=False, soft_wrap=True)
        console = messages if as_json else output_console()
        attempt("the summary", lambda: _show(console, found), None)
    context.exit(INTERRUPTED if interrupted() or found.interrupted else 0)


def _show(console: Console, found: OdeDiscovery) -> None:
    equations, *rest = str(found).split("\n\n")
    console.print(f"\n{equations}", style="bold", markup=False, soft_wrap=True)
    for part in rest:
        console.print(part, markup=False, soft_wrap=True)
    console.print(f"{found.seconds:.1f} s, seed {found.seed}", style="dim", markup=False)
