"""`jaxsym discover` as a program: what it prints, writes and returns."""

from __future__ import annotations

import dataclasses
import json
import os
import re

import made_discovery
import pytest

from jaxsym.cli import summary
from jaxsym.report import FILES, writing
from jaxsym.simulate import LAWS


def test_options_reach_the_library(run, found):
    calls = found()
    options = [
        *"--bodies 5 --dims 3 --model l1 --seed 7 --steps 11".split(),
        *"--time-limit 2.5 --sigma 0.1 --box 6".split(),
    ]
    assert run("discover", "spring", *options).exit_code == 0
    callback = calls[0].pop("callback")
    assert callable(callback)
    assert calls == [
        {
            "source": "spring",
            "bodies": 5,
            "dims": 3,
            "model": "l1",
            "seed": 7,
            "steps": 11,
            "time_limit": 2.5,
            "sigma": 0.1,
            "box": 6.0,
            "terms": None,
            "order": None,
        }
    ]


def test_json_alone_is_on_standard_output(run, found):
    found()
    result = run("discover", "spring", "--json")
    assert json.loads(result.stdout) == made_discovery.spring().to_json()
    assert "Recovered" in result.stderr


def test_people_read_law_masses_errors_and_verdict(run, found):
    found(made_discovery.known_gravity())
    result = run("discover", "stars.csv")
    assert result.stderr == ""
    shown = result.stdout
    for part in (
        "a(1 by 2) = (m2/r**3) d",
        "power -2.00030 as fitted freely, -2 in the law",
        "masses (GM)",
        "R2 0.9800 (0.9900 trimmed",
        "relative error, by A",
        "+1.0e-03",
        "more of it",
        "Recovered: the law is within 2%",
        "train 60.2",
    ):
        assert part in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"recovered": True}, (), 0),
        ({"recovered": None}, (), 0),
        ({"recovered": False}, (), 3),
        ({"out_of_time": True, "recovered": True}, ("--time-limit", 60), 0),
        ({"out_of_time": True, "recovered": False}, ("--time-limit", 60), 3),
        ({"interrupted": True, "recovered": True}, (), 130),
        ({"interrupted": True, "recovered": False}, ("--time-limit", 600), 130),
    ],
)
def test_exit_codes(run, found, changes, options, code):
    found(dataclasses.replace(made_discovery.spring(), **changes))
    assert run("discover", "spring", *options).exit_code == code


def test_an_interrupted_discovery_is_reported(run, found, tmp_path):
    found(dataclasses.replace(made_discovery.spring(), interrupted=True))
    out = tmp_path / "report"
    result = run("discover", "spring", "--out", out, "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["interrupted"] is True
    assert "Ended early" in result.stderr
    assert sorted(os.listdir(out)) == sorted(FILES)


def test_a_second_interrupt_stops_at_once(run, monkeypatch, tmp_path):
    from jaxsym import distill

    def discover(source, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(distill, "discover", discover)
    result = run("discover", "spring", "--out", tmp_path / "report", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.strip() == "interrupted; nothing was written"
    assert os.listdir(tmp_path) == []


def test_a_folder_that_exists_is_told_of_before_the_work(run, found, tmp_path):
    calls = found()
    (tmp_path / "notes.txt").write_text("mine")
    result = run("discover", "spring", "--out", tmp_path)
    assert result.exit_code == 1 and calls == []
    assert result.stderr == f"error: {tmp_path} exists; --force replaces the report in it\n"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_force_keeps_what_others_put_there(run, found, tmp_path):
    found()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "law.py").write_text("old")
    result = run("discover", "spring", "--out", tmp_path, "--force")
    assert result.exit_code == 0 and f"report in {tmp_path}" in result.stderr
    assert sorted(os.listdir(tmp_path)) == sorted([*FILES, "notes.txt"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "law.py").read_text() != "old"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spring", "--force"], "--force replaces a report; it goes with --out"),
        (["solar-system", "--bodies", "3"], "--bodies is for simulated laws; 'solar-system' has"),
        (["run.csv", "--dims", "2"], "--dims is for simulated laws; 'run.csv' has its own"),
        (["spring", "--dims", "4"], "4 is not in the range 2<=x<=3"),
        (["spring", "--bodies", "1"], "1 is not in the range x>=2"),
        (["spring", "--time-limit", "0"], "0.0 is not in the range x>0"),
        (["spring", "--steps", "0"], "0 is not in the range x>=1"),
        (["spring", "--seed", "many"], "'many' is not a valid integer"),
        ([], "Missing argument 'SOURCE'"),
    ],
)
def test_usage_errors_are_one_line(run, found, arguments, message):
    calls = found()
    result = run("discover", *arguments)
    assert result.exit_code == 2 and calls == [] and result.stdout == ""
    assert result.stderr.startswith("error: ") and message in result.stderr
    assert result.stderr.endswith("(see jaxsym discover --help)\n")
    assert result.stderr.count("\n") == 1


def test_help_names_every_law(run):
    for command in ("discover", "simulate"):
        words = re.findall(r"\w+", run(command, "--help").stdout)
        assert set(LAWS) <= set(words)


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_does_not_hide_the_result(run, found, monkeypatch, tmp_path, written):
    write_folder, calls = writing.write_folder, []

    def fill(writers, out, **options):
        if len(calls) == written:
            raise OSError(28, "No space left on device", str(out))
        calls.append(out)
        write_folder(writers, out, **options)

    found()
    monkeypatch.setattr(writing, "write_folder", fill)
    out = tmp_path / "report"
    result = run("discover", "spring", "--json", "--out", out)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["recovered"] is True
    assert result.stderr.endswith(f"error: {out}: No space left on device\n")
    assert not out.exists() if written == 0 else os.listdir(out) == ["result.json"]


@pytest.mark.filterwarnings("always")
def test_a_failing_summary_loses_nothing(run, found, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no such glyph")

    found()
    monkeypatch.setattr(summary, "show_discovery", fail)
    result = run("discover", "spring", "--json", "--out", tmp_path / "report")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == made_discovery.spring().to_json()
    assert sorted(os.listdir(tmp_path / "report")) == sorted(FILES)
    assert "warning: the summary is left out: RuntimeError: no such glyph\n" in result.stderr
