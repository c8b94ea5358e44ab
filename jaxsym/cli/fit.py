"""`jaxsym fit`: from a table to an equation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from jaxsym._check import listed, unknown_name
from jaxsym._views import attempt
from jaxsym.cli.options import json_option, replace_file_option, seed_option
from jaxsym.cli.shared import (
    INTERRUPTED,
    check_out,
    check_report,
    message_console,
    output_console,
    seconds_in_words,
)

if TYPE_CHECKING:
    from rich.console import Console

    from jaxsym.datasets import Columns
    from jaxsym.expr import Expression
    from jaxsym.search import Candidate, Progress, SymbolicRegressor

_DIGITS = 5  # of constants on the screen; files and JSON have them all
_HEADER = "header"  # in place of units: those that the file gives


@click.command()
@click.argument("table", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--target", metavar="COLUMN", help="The column to explain; the last one by default.")
@click.option(
    "--columns", metavar="A,B,...", help="The columns to explain it by; all others by default."
)
@click.option(
    "--units",
    metavar="A=UNIT,...",
    help="Units of columns and target, such as m=kg,a=m/s^2,F=N, or 'header' for those in brackets "
    "after the names in TABLE; what is not named has none.",
)
@click.option(
    "--free-constants", is_flag=True, help="With --units: constants may have any dimension."
)
@click.option("--template", metavar="FORMULA", help="Known structure, such as 'A(r)*d'.")
@click.option("--operators", metavar="A,B,...", help="To search with, instead of the usual ones.")
@click.option("--sigma", metavar="NUMBER|COLUMN", help="Standard deviation of the target's noise.")
@click.option(
    "--max-complexity", default=30, show_default=True, type=click.IntRange(1), help="Of equations."
)
@click.option(
    "--engine",
    default="native",
    show_default=True,
    help="native, nesymres, hybrid, operon or pysr.",
)
@click.option(
    "--time-limit",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="The best found by then is the result.",
)
@seed_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="New file for the model as JSON, which SymbolicRegressor.load reads.",
)
@replace_file_option
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="New folder for report.html, result.json, and the equation in LaTeX, in Python and as a "
    "figure; --force replaces these.",
)
@json_option
@click.pass_context
def fit(
    context: click.Context,
    table: Path,
    target: str | None,
    columns: str | None,
    units: str | None,
    free_constants: bool,
    template: str | None,
    operators: str | None,
    sigma: str | None,
    max_complexity: int,
    engine: str,
    time_limit: float,
    seed: int,
    out: Path | None,
    force: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Search for an equation that explains a column of TABLE by the others.

    TABLE is a .csv, .tsv or .parquet file with named columns, or an .npz file with an array [n] for
    each column.

    Ctrl-C ends the search early and keeps the best equation so far.

    \b
    Examples:
      jaxsym fit table.csv
      jaxsym fit fall.csv --target F --units m=kg,a=m/s^2,F=N --json
    """
    from jaxsym.datasets import read_columns

    if out is not None:
        check_out(out, force)
    if report is not None:
        from jaxsym.report import FIT_FILES

        check_report(report, force, FIT_FILES)
    data = read_columns(table)
    named = data.find(target) if target is not None else _last(data, sigma)
    inputs = _inputs(data, named, columns, sigma)
    read = _units(units, inputs, named, data)
    messages = message_console()
    if target is None:
        messages.print(f"target: '{named}', the last column", style="dim", markup=False)
    _tell_notes(messages, data, [*inputs, named], bool(read))
    # these take seconds: what is wrong with the file or the options is told before
    from jaxsym._compiling import compile_clock
    from jaxsym.search import SymbolicRegressor

    def tell(progress: Progress) -> None:
        if messages.is_terminal:
            messages.print(f"{progress.seconds:6.1f} s  {progress.stage}", style="dim")

    model = SymbolicRegressor(
        engine=engine,
        time_limit=time_limit,
        max_complexity=max_complexity,
        operators=None if operators is None else operators.split(","),
        template=template,
        units=read and {name: unit for name, unit in read.items() if name != named},
        y_units=None if read is None else read.get(named, ""),
        dimensionless_constants_only=not free_constants,
        callback=tell,
        random_state=seed,
    )
    began, compiling = time.perf_counter(), compile_clock()
    X, y = data.numbers(inputs), data.numbers([named])[named]
    model.fit(X, y, sigma=_sigma(sigma, data))
    seconds = time.perf_counter() - began, compiling()
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        model.save(out)
        messages.print(f"model in {out}", markup=False, soft_wrap=True)
    _tell(model, seconds, seed, as_json)
    if report is not None:
        from jaxsym.report import FitResult, write_fit

        more = {"seconds": seconds[0], "compile_seconds": seconds[1], "seed": seed}
        write_fit(FitResult(model, X, y.to_numpy(), named, more), report, force=force)
        messages.print(f"report in {report}", markup=False, soft_wrap=True)
    context.exit(INTERRUPTED if model.interrupted_ else 0)


def _last(data: Columns, sigma: str | None) -> str:
    """The last column of numbers that is not the target's standard deviation."""
    names = [name for name in data.names if name not in data.texts and name != sigma]
    if not names:
        raise ValueError(f"no column holds numbers: {listed(data.names)}")
    return names[-1]


def _inputs(data: Columns, target: str, columns: str | None, sigma: str | None) -> list[str]:
    """The columns to explain the target by: those asked for, or all others that are not text."""
    if columns is None:
        others = [name for name in data.names if name not in (target, sigma)]
        chosen = [name for name in others if name not in data.texts]
    else:
        chosen = [data.find(name) for name in columns.split(",")]
    if not chosen or target in chosen:
        raise ValueError(f"nothing explains '{target}': the columns are {listed(data.names)}")
    data.numbers([target, *chosen])
    return chosen


def _units(
    text: str | None, inputs: list[str], target: str, data: Columns
) -> dict[str, str] | None:
    """Units by column, as given or as in the file's header."""
    if text is None:
        return None
    known = [*inputs, target]
    if text == _HEADER:
        units = {name: data.units[name] for name in known if name in data.units}
        if not units:
            raise ValueError("--units header: no name has a unit in brackets, such as 'mass (kg)'")
    else:
        units = {}
        for part in text.split(","):
            name, equals, unit = part.partition("=")
            if not equals:
                raise click.UsageError(f"--units has {part!r}; expected COLUMN=UNIT")
            if name not in known:
                raise unknown_name("column", name, known)
            units[name] = unit
    return units


def _tell_notes(messages: Console, data: Columns, used: list[str], with_units: bool) -> None:
    """What the reader decided, and what is not used."""
    notes = list(data.notes)
    if data.texts:
        notes.append(f"columns of text are left out: {listed(data.texts)}")
    if not with_units and any(name in data.units for name in used):
        notes.append(f"the header gives units; --units {_HEADER} uses them")
    for note in notes:
        messages.print(f"note: {note}", markup=False, soft_wrap=True)


def _sigma(text: str | None, data: Columns) -> Any:
    """The noise as a number, or a column of numbers."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        name = data.find(text)
        return data.numbers([name])[name].to_numpy()


def _tell(model: SymbolicRegressor, seconds: tuple[float, float], seed: int, as_json: bool) -> None:
    (front,) = model.fronts_
    console = message_console() if as_json else output_console()
    if as_json:
        spent = {"seconds": seconds[0], "compile_seconds": seconds[1], "seed": seed}
        click.echo(json.dumps(model.to_json() | spent, indent=2))
    attempt("the front", lambda: _show(console, front, cast("Expression", model.expression_)), None)
    told = f"{model.residual_}\n{seconds_in_words(*seconds)}"
    console.print(told, style="dim", markup=False, soft_wrap=True)


def _show(console: Console, front: Iterable[Candidate], chosen: Expression) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("complexity", justify="right")
    table.add_column("mean squared error", justify="right")
    table.add_column("equation", overflow="fold")
    for row in front:
        style = "bold" if row.expression == chosen else ""
        equation = Text(str(row.expression.rounded(_DIGITS)), style)
        table.add_row(str(row.complexity), f"{row.loss:.3e}", equation)
    console.print(table)
    text = str(chosen.rounded(_DIGITS))
    console.print(f"\n  {text}\n", style="bold", markup=False, soft_wrap=True)
