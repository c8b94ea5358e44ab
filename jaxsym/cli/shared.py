"""What all commands share: errors in one line, exit codes, consoles."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jaxsym._files import check_file

if TYPE_CHECKING:
    from rich.console import Console

NOT_RECOVERED, INTERRUPTED = 3, 130


class Application(click.Group):
    """A group of commands whose errors are one line on standard error, and an exit code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run as a program: never returns."""
        options["standalone_mode"] = False
        try:
            code = super().main(*args, **options)
        except click.Abort:
            click.echo("interrupted; nothing was written", err=True)
            code = INTERRUPTED
        except click.ClickException as error:
            click.echo(f"error: {error.format_message()}{_hint(error)}", err=True)
            code = error.exit_code
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning  # type: ignore[assignment]
                return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(_in_one_line(error)) from error


def check_out(file: Path, force: bool) -> None:
    """Whether a command may write its file; asked before the work."""
    check_file(file, replace=True)
    if file.exists() and not force:
        raise FileExistsError(f"{file} exists; --force replaces it")


def check_report(out: Path | None, force: bool, files: Sequence[str]) -> None:
    """Whether a command may write its report of these files; asked before the work."""
    from jaxsym.report import check_folder

    if out is not None:
        check_folder(out, force=force, files=files)
    elif force:
        raise click.UsageError("--force replaces a report; it goes with --out")


def output_console() -> Console:
    """Where people read results: standard output."""
    return _console(stderr=False)


def message_console() -> Console:
    """Where people read progress, and results when a program reads standard output."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    # a file or a pipe has no width of its own; 80 columns would break tables
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=110)


def seconds_in_words(seconds: float, compiling: float) -> str:
    """Time taken, and how much of it went into compiling, which time limits cannot break off.

    >>> seconds_in_words(12.0, 4.26), seconds_in_words(3.0, 0.01)
    ('12.0 s, 4.3 of them compiling', '3.0 s')
    """
    told = f", {compiling:.1f} of them compiling" if compiling >= 0.05 else ""
    return f"{seconds:.1f} s{told}"


def _show_warning(message: Warning | str, *where: Any) -> None:
    """A warning as one line, without the place in the code that it came from."""
    click.echo(f"warning: {message}", err=True)


def _hint(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f" (see {error.ctx.command_path} --help)"
    return ""


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ValueError | OSError | ImportError):
        return text
    return f"{type(error).__name__}: {text} (unexpected; `jaxsym --debug` shows where)"
