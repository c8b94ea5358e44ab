"""Errors, help and progress of the command as a whole."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from jaxsym import __version__, distill
from jaxsym.cli.progress import ProgressDisplay
from jaxsym.progress import PhaseProgress


@pytest.fixture
def failing(monkeypatch):
    def fail_with(error):
        def discover(source, **options):
            raise error

        monkeypatch.setattr(distill, "discover", discover)

    return fail_with


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("mass is -1;\n  expected\tmore"), "mass is -1; expected more"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), "a.csv: No such file or dir"),
        (ModuleNotFoundError("needs `de421`; try: pip"), "needs `de421`; try: pip"),
        (RuntimeError("lost"), "RuntimeError: lost (unexpected; `jaxsym --debug` shows where)"),
    ],
)
def test_errors_are_one_line(run, failing, error, line):
    failing(error)
    result = run("discover", "spring")
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith(f"error: {line}") and result.stderr.count("\n") == 1


def test_debug_shows_where_errors_come_from(run, failing):
    failing(ValueError("wrong"))
    assert isinstance(run("--debug", "discover", "spring").exception, ValueError)
    assert isinstance(run("discover", "spring", JAXSYM_DEBUG="1").exception, ValueError)


def test_without_a_command_there_is_help(run):
    result = run()
    assert result.exit_code == 0 and "Exit codes:" in result.stdout
    for command in ("discover", "simulate", "doctor"):
        assert command in result.stdout


def test_an_unknown_command_is_an_error_with_the_nearest_name(run):
    result = run("discovr")
    assert result.exit_code == 2
    assert "discovr" in result.stderr and "'discover'" in result.stderr


def test_version_and_help_do_not_wait_for_jax():
    code = (
        "import sys; from jaxsym.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit as end: print(end.code, 'jax' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == [f"jaxsym, version {__version__}", "0 False"]


EVENTS = (
    PhaseProgress("train", 0.0, ""),
    PhaseProgress("train", 0.25, "step 1 of 4", 75.0),
    PhaseProgress("train", 1.0, "step 4 of 4", 0.0),
    PhaseProgress("train", 1.0, "100.0 s"),
    PhaseProgress("extract", 0.0, ""),
)


def test_logs_get_a_line_for_each_phase_that_is_over():
    file = io.StringIO()
    with ProgressDisplay(Console(file=file)) as progress:
        for event in EVENTS:
            progress(event)
    assert file.getvalue() == "train: 100.0 s\n"


def test_terminals_get_bars_with_the_time_left():
    file = io.StringIO()
    with ProgressDisplay(Console(file=file, force_terminal=True, width=100)) as progress:
        for event in EVENTS[:2]:
            progress(event)
    shown = file.getvalue()
    assert "train" in shown and "step 1 of 4, 1:15 left" in shown and "━" in shown


@pytest.mark.parametrize("command", ["discover", "fit", "lagrangian", "simulate"])
def test_seeds_that_no_generator_takes_are_refused(run, command):
    result = run(command, "nothing", "--seed", "9" * 20)
    assert result.exit_code == 2 and "0<=x<=4294967295" in result.stderr


@pytest.mark.parametrize("command", [[], ["discover"], ["fit"], ["lagrangian"], ["simulate"]])
def test_the_short_form_of_help(run, command):
    short, long = run(*command, "-h"), run(*command, "--help")
    assert short.exit_code == 0 and short.stdout == long.stdout
