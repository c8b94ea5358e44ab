"""`jaxsym examples`: files to try the commands on."""

from __future__ import annotations

from pathlib import Path

import click

from jaxsym.cli.options import replace_file_option
from jaxsym.cli.shared import check_out, output_console


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--to",
    default=".",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the copy; the present one by default.",
)
@replace_file_option
def examples(names: tuple[str, ...], to: Path, force: bool) -> None:
    """Copy examples by their NAMES into this folder; without a name, list them.

    \b
    Examples:
      jaxsym examples
      jaxsym examples planets && jaxsym fit planets.csv
    """
    from jaxsym.examples import EXAMPLES, copy_example, example_path

    for name in names:
        check_out(to / example_path(name).name, force)
    for name in names:
        copy = copy_example(name, to, replace=force)
        click.echo(f"{copy}: {EXAMPLES[name].holds}. Try: {EXAMPLES[name].command}")
    if names:
        return
    for key, example in EXAMPLES.items():
        output_console().print(f"{key}: {example.holds}", style="bold", markup=False)
        output_console().print(f"  {example.source}\n  {example.command}", markup=False)
