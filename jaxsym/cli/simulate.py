"""`jaxsym simulate`: trajectories of a law, in a file."""

from __future__ import annotations

from pathlib import Path

import click

from jaxsym.cli.options import replace_file_option, seed_option
from jaxsym.cli.shared import check_out, message_console


@click.command()
@click.argument("law")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="New .npz, .csv or .parquet file.",
)
@click.option("--bodies", default=4, show_default=True, type=click.IntRange(2), help="How many.")
@click.option(
    "--dims", default=2, show_default=True, type=click.IntRange(2, 3), help="Coordinates of each."
)
@click.option(
    "--trajectories",
    default=100,
    show_default=True,
    type=click.IntRange(1),
    help="How many, from random states.",
)
@click.option(
    "--steps", default=100, show_default=True, type=click.IntRange(1), help="Times in each."
)
@seed_option
@replace_file_option
def simulate(
    law: str,
    out: Path,
    bodies: int,
    dims: int,
    trajectories: int,
    steps: int,
    seed: int,
    force: bool,
) -> None:
    """Simulate bodies that follow LAW and save their motion, which `jaxsym discover` reads.

    LAW is r1, r2, spring, damped, damped_paper, charge, superposition, discontinuous, string,
    string_ball, swirl, viscous, flock, magnetic, trapped, sender, braked, dust, vortices or
    colloids.
    """
    import jax

    from jaxsym.datasets import check_suffix, save
    from jaxsym.simulate import particles

    check_suffix(out)
    check_out(out, force)
    system = particles(law, bodies=bodies, dims=dims)
    data = system.simulate(jax.random.key(seed), trajectories=trajectories, steps=steps)
    save(out, data, replace=force)
    message_console().print(f"{trajectories} trajectories of {steps} times in {out}", markup=False)
