"""`jaxsym fit`: tables in files, the result as text and as JSON, bad input in one line."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse

TABLE = pd.DataFrame(np.random.default_rng(0).uniform(1.0, 5.0, (60, 2)), columns=["m", "a"])
TABLE["F"] = TABLE.m * TABLE.a


@pytest.fixture(params=["table.csv", "table.parquet", "table.npz"])
def file(request, tmp_path):
    path = tmp_path / request.param
    match path.suffix:
        case ".csv":
            TABLE.to_csv(path, index=False)
        case ".parquet":
            TABLE.to_parquet(path)
        case ".npz":
            np.savez(path, **{name: TABLE[name].to_numpy() for name in TABLE})
    return path


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "table.csv"
    TABLE.to_csv(path, index=False)
    return path


def test_the_result_as_json(run, file):
    result = run("fit", file, "--target", "F", "--json", "--seed", 3)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found) == {"expression", "latex", "front", "seconds", "compile_seconds", "seed"}
    assert parse(found["expression"]) == parse("m*a") and found["latex"] == "a m"
    assert found["seed"] == 3 and found["seconds"] > 0
    assert [set(row) for row in found["front"]] == [{"complexity", "loss", "expression"}] * len(
        found["front"]
    )


def test_the_result_for_people(run, csv):
    result = run("fit", csv, "--target", "F")
    assert result.exit_code == 0
    assert "complexity" in result.stdout and "a*m" in result.stdout


def test_the_last_column_is_explained_unless_another_is_named(run, csv):
    last = list(TABLE.columns)[-1]
    result = run("fit", csv, "--json", "--time-limit", "5")
    assert result.exit_code == 0 and f"target: '{last}', the last column" in result.stderr
    named = run("fit", csv, "--target", last, "--json", "--time-limit", "5")
    assert "the last column" not in named.stderr
    assert json.loads(result.stdout)["expression"] == json.loads(named.stdout)["expression"]


def test_text_and_errors_of_the_target_are_not_explained(run, tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{x},{2 * x},0.1,{'ab'[x % 2]}" for x in range(1, 9)]
    path.write_text("\n".join(["x,y,dy,kind", *rows]))
    result = run("fit", path, "--sigma", "dy", "--json", "--time-limit", "5")
    assert result.exit_code == 0 and "target: 'y'" in result.stderr
    assert json.loads(result.stdout)["expression"] == "2*x"


def test_the_model_in_a_file(run, csv, tmp_path):
    out = tmp_path / "new" / "model.json"
    assert run("fit", csv, "--target", "F", "--out", out).exit_code == 0
    model = SymbolicRegressor.load(out)
    np.testing.assert_allclose(model.predict(TABLE[["m", "a"]]), TABLE.F)
    again = run("fit", csv, "--target", "F", "--out", out)
    assert again.exit_code == 1 and "--force replaces it" in again.stderr
    assert run("fit", csv, "--target", "F", "--out", out, "--force").exit_code == 0


@pytest.mark.filterwarnings("always")
def test_views_that_fail_lose_nothing(run, csv, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no view of this")

    monkeypatch.setattr(SymbolicRegressor, "latex", fail)
    monkeypatch.setattr(sys.modules["jaxsym.cli.fit"], "_show", fail)
    result = run("fit", csv, "--target", "F", "--json", "--out", tmp_path / "model.json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert parse(found["expression"]) == parse("m*a") and found["latex"] is None
    assert SymbolicRegressor.load(tmp_path / "model.json").expression_ == parse("m*a")
    for view in ("the equation in LaTeX", "the front"):
        assert f"warning: {view} is left out: RuntimeError: no view of this" in result.stderr


def test_options_reach_the_search(run, csv):
    found = run("fit", csv, "--target", "F", "--template", "A(a)*m", "--json", "--sigma", "0.1")
    assert parse(json.loads(found.stdout)["expression"]) == parse("m*a")
    chosen = run("fit", csv, "--target", "F", "--columns", "m", "--json", "--time-limit", "1")
    assert parse(json.loads(chosen.stdout)["expression"]).variables in ((), ("m",))
    few = run("fit", csv, "--target", "F", "--operators", "add,mul", "--json")
    assert json.loads(few.stdout)["expression"] == "a*m"


def test_an_interrupted_search_gives_what_it_has(run, csv, monkeypatch):
    whole = SymbolicRegressor.fit

    def fit(self, *arguments, **options):
        whole(self, *arguments, **options)
        self.interrupted_ = True
        return self

    monkeypatch.setattr(SymbolicRegressor, "fit", fit)
    result = run("fit", csv, "--target", "F", "--json")
    assert result.exit_code == 130 and json.loads(result.stdout)["front"]


def test_units(run, csv):
    pytest.importorskip("pint")
    found = run("fit", csv, "--target", "F", "--units", "m=kg,a=m/s^2,F=N", "--json")
    assert parse(json.loads(found.stdout)["expression"]) == parse("m*a")
    wrong = run("fit", csv, "--target", "F", "--units", "m=kg,a=m/s^2,F=V")
    assert wrong.exit_code == 1 and "target's dimension" in wrong.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--target", "f"), 1, "unknown column 'f'; known: m, a, F"),
        (("--target", "F", "--columns", "m,b"), 1, "unknown column 'b'"),
        (("--target", "F", "--columns", "F"), 1, "nothing explains 'F'"),
        (("--target", "F", "--units", "m"), 2, "expected COLUMN=UNIT"),
        (("--target", "F", "--units", "q=kg"), 1, "unknown column 'q'"),
        (("--target", "F", "--sigma", "s"), 1, "unknown column 's'"),
        (("--target", "F", "--engine", "natve"), 1, "did you mean 'native'"),
        (("--target", "F", "--operators", "sine"), 1, "unknown operator 'sine'"),
        (("--target", "F", "--template", "A(q)"), 1, "unknown variable 'q'"),
        (("--target", "F", "--time-limit", "0"), 2, "time-limit"),
    ],
)
def test_bad_options(run, csv, options, code, message):
    result = run("fit", csv, *options)
    assert result.exit_code == code and message in result.stderr and not result.stdout
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("table.csv", "", "not a table in text"),
        ("table.csv", "a,F\n", "has no rows"),
        (
            "table.csv",
            "a,F\n1,2\nfar,3\n",
            "'a' holds far in row 2 (line 3); expected a number",
        ),
        ("table.csv", "a,F\n1,2\n,3\n4,5\n", "row 1, column a is NaN"),
        ("table.csv", "a,F\n1,2\n", "at least 2 rows"),
        ("table.npz", "a,F\n1,2\n", "not an .npz archive"),
        ("table.parquet", "a,F\n1,2\n", "not a Parquet file"),
        ("table.txt", "a,F\n1,2\n", "unknown file type '.txt'"),
    ],
)
def test_bad_files(run, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    result = run("fit", tmp_path / name, "--target", "F")
    assert result.exit_code == 1 and message in result.stderr


def test_a_missing_file_and_arrays_of_other_lengths(run, tmp_path):
    assert "there is no file" in run("fit", tmp_path / "no.csv", "--target", "F").stderr
    np.savez(tmp_path / "t.npz", F=np.ones(3), a=np.ones(4))
    result = run("fit", tmp_path / "t.npz", "--target", "F")
    assert result.exit_code == 1 and "arrays are of shapes F (3,), a (4,)" in result.stderr


def test_a_comma_too_many_is_refused_and_not_shifted_over(run, tmp_path):
    rows = [f"{m},{a},{m * a}," for m, a, _ in TABLE.to_numpy().tolist()]
    (tmp_path / "t.csv").write_text("\n".join(["m,a,F", *rows]))
    result = run("fit", tmp_path / "t.csv", "--target", "F")
    assert result.exit_code == 1 and "line 2 has 4 fields; the header has 3 names" in result.stderr


def test_a_table_as_an_instrument_writes_it(run, tmp_path):
    pytest.importorskip("pint")
    rows = [";".join(f"{value}" for value in row) for row in TABLE.to_numpy().tolist()]
    rows = [f"{row.replace('.', ',')};run {i}" for i, row in enumerate(rows)]
    head = ["# Fallturm", "m (kg);a [m/s^2];F (N);Messung"]
    (tmp_path / "t.csv").write_text("\n".join(head + rows), encoding="latin-1")
    result = run("fit", tmp_path / "t.csv", "--target", "F [N]", "--units", "header", "--json")
    assert result.exit_code == 0 and parse(json.loads(result.stdout)["expression"]) == parse("m*a")
    assert "--units header uses them" not in result.stderr
    assert "note: columns of text are left out: Messung" in result.stderr
    assert "note: commas are read as decimal signs in m (kg), a" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--columns", "m,note"), "column 'note' holds good in row 1 (line 2); expected a number"),
        (("--units", "m=m**9**9**9"), "unit of m is 'm**9**9**9'; expected at most 200"),
        (("--units", "header"), "no name has a unit in brackets"),
        (("--sigma", "note"), "column 'note' holds good"),
    ],
)
def test_more_bad_options(run, tmp_path, options, message):
    TABLE.assign(note="good").to_csv(tmp_path / "t.csv", index=False)
    result = run("fit", tmp_path / "t.csv", "--target", "F", *options)
    assert result.exit_code == 1 and message in result.stderr and not result.stdout


def test_what_cannot_be_written_is_refused_before_the_search(run, csv, tmp_path, monkeypatch):
    monkeypatch.setattr(SymbolicRegressor, "fit", lambda *arguments, **options: 1 / 0)
    (tmp_path / "link").symlink_to("nowhere")
    for name, message in {
        "n" * 256: "name of 256 bytes",
        "link": "a symbolic link to nowhere",
        "table.csv/model": "is a file",
    }.items():
        result = run("fit", csv, "--target", "F", "--out", tmp_path / name)
        assert result.exit_code == 1 and message in result.stderr
