"""Options that several commands have in common."""

from __future__ import annotations

from pathlib import Path

import click

seed_option = click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),  # what NumPy's and JAX's generators both take
    help="Of everything random.",
)
time_limit_option = click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="For the whole; the best found by then is the result.",
)
folder_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder for report.html and result.json, and for the result in LaTeX, in Python and "
    "as a figure.",
)
replace_files_option = click.option(
    "--force", is_flag=True, help="Replace these files if the folder exists."
)
replace_file_option = click.option("--force", is_flag=True, help="Replace that file if it exists.")
json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON, and nothing else, on standard output.",
)
