"""The `jaxsym` command."""

from __future__ import annotations

import click

from jaxsym import __version__
from jaxsym.cli.discover import discover
from jaxsym.cli.doctor import doctor
from jaxsym.cli.examples import examples
from jaxsym.cli.fit import fit
from jaxsym.cli.lagrangian import lagrangian
from jaxsym.cli.ode import ode
from jaxsym.cli.shared import Application
from jaxsym.cli.simulate import simulate

__all__ = ["main"]


@click.group(
    "jaxsym",
    cls=Application,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="jaxsym")
@click.option("--debug", is_flag=True, envvar="JAXSYM_DEBUG", help="Show where errors come from.")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Equations out of networks whose structure matches the problem.

    \b
    Exit codes:
      0    all is well
      1    something is wrong with the input, the files or the installation
      2    the command line cannot be understood
      3    discover, lagrangian: the truth is known, and what was found is another law
      130  interrupted; what was found until then has been written
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (discover, fit, ode, lagrangian, simulate, examples, doctor):
    main.add_command(_command)
