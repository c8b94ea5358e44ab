"""`jaxsym discover`: from trajectories to a law."""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.core import ParameterSource

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
)


@click.command()
@click.argument("source")
@click.option(
    "--bodies",
    default=4,
    show_default=True,
    type=click.IntRange(2),
    help="How many, if the law is simulated.",
)
@click.option(
    "--dims",
    default=2,
    show_default=True,
    type=click.IntRange(2, 3),
    help="Coordinates of each, if the law is simulated.",
)
@click.option(
    "--model",
    default="auto",
    show_default=True,
    help="bottleneck, l1, kl, standard, hamiltonian, central, or auto, which is central for bodies "
    "of unknown mass, else bottleneck.",
)
@seed_option
@click.option("--steps", type=click.IntRange(1), help="Of training, instead of the usual number.")
@time_limit_option
@click.option(
    "--sigma",
    type=float,
    help="Standard error of measured positions, in their unit; estimated if it is not given.",
)
@click.option(
    "--box",
    type=float,
    metavar="LENGTH",
    help="Of the periodic box that measured positions are in.",
)
@click.option(
    "--terms",
    metavar="NAMES",
    help="Kinds of terms that may occur, with commas between them: pair, across, friction, drag, "
    "trap, magnetic, field and others; all by default.",
)
@click.option(
    "--order",
    type=click.Choice(["1", "2"]),
    help="1 if terms add up to velocities, 2 if to accelerations; the data choose by default.",
)
@folder_option
@replace_files_option
@json_option
@click.pass_context
def discover(
    context: click.Context,
    source: str,
    bodies: int,
    dims: int,
    model: str,
    seed: int,
    steps: int | None,
    time_limit: float | None,
    sigma: float | None,
    box: float | None,
    terms: str | None,
    order: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Find the force law in motion, and test it.

    SOURCE is "solar-system" (JPL's ephemeris), a law to simulate (r1, r2, spring, damped,
    damped_paper, charge, superposition, discontinuous, string, string_ball, swirl, viscous, flock,
    magnetic, trapped, sender, braked, dust, vortices, colloids), or a file of trajectories (.npz,
    .csv, .tsv, .parquet).

    Where there are accelerations, the kinds of terms that act are told from these. Where pulls
    along the lines between bodies do, a graph network is trained, its law read, put back in its
    place and tested. Where there are positions alone, noisy and with gaps as may be, the law is
    fitted to the trajectories, and its constants come with standard errors.

    Ctrl-C ends the work early and keeps the best law so far; a second one stops at once.

    \b
    Examples:
      jaxsym discover solar-system --out report
      jaxsym discover spring --bodies 4 --dims 2 --model l1
      jaxsym discover my_run.csv --json > law.json
      jaxsym discover tracks.csv --sigma 0.002
      jaxsym discover swarm.csv --terms pair,friction,trap
    """
    from jaxsym import distill
    from jaxsym.cli.progress import ProgressDisplay
    from jaxsym.cli.summary import show_discovery
    from jaxsym.report import FILES, write_report
    from jaxsym.training import interrupt_flag

    check_report(out, force, FILES)
    _check_simulated(context, source)
    messages = message_console()
    # minutes of work are not lost to a Ctrl-C in the last second
    with interrupt_flag() as interrupted:
        with ProgressDisplay(messages) as progress:
            found = distill.discover(
                source,
                bodies=bodies,
                dims=dims,
                model=model,
                seed=seed,
                steps=steps,
                time_limit=time_limit,
                sigma=sigma,
                box=box,
                terms=terms,
                order=None if order is None else int(order),
                callback=progress,
            )
        if as_json:
            click.echo(json.dumps(found.to_json(), indent=2))
        if out is not None:
            write_report(found, out, force=force)
            messages.print(f"report in {out}", markup=False, soft_wrap=True)
        console = messages if as_json else output_console()
        attempt("the summary", lambda: show_discovery(console, found), None)
    early = found.interrupted or interrupted()
    not_recovered = NOT_RECOVERED if found.recovered is False else 0
    context.exit(INTERRUPTED if early else not_recovered)


def _check_simulated(context: click.Context, source: str) -> None:
    """Options of a simulation mean nothing for data that are there."""
    from jaxsym.simulate import LAWS

    for name in ("bodies", "dims"):
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and source not in LAWS:
            raise click.UsageError(f"--{name} is for simulated laws; '{source}' has its own")
