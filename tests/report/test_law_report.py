"""The report of a discovery: its files, and the promise to lose nothing."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import made_discovery
import numpy as np
import pytest

from jaxsym import plotting
from jaxsym._views import LeftOutWarning
from jaxsym.distill import ParticleLaw, discovery
from jaxsym.distill.verdict import symbolic_accelerations
from jaxsym.expr import OPERATORS, apply, parse
from jaxsym.graphs import snapshots
from jaxsym.report import (
    FILES,
    check_folder,
    folder,
    law_lines,
    law_module,
    law_tex,
    python_code,
    verdict,
    write_report,
)


def load_module(source: str, folder: Path):
    path = folder / "law.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("law", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_law(discovery, coefficient: str, pairs=None):
    law = ParticleLaw(parse(coefficient), True, discovery.law.dims)
    train = dataclasses.replace(discovery.task.train, pairs=pairs)
    task = dataclasses.replace(discovery.task, train=train)
    return dataclasses.replace(discovery, law=law, task=task)


@pytest.mark.parametrize(
    "make",
    [
        made_discovery.spring,
        made_discovery.gravity,
        lambda: with_law(made_discovery.spring(), "q1*q2 - 0.5*m1*m2/r", ((0, 1), (1, 2))),
        lambda: with_law(made_discovery.spring(), "(2*m2 if r > 1.5 else min(r, 1.25))"),
        lambda: with_law(made_discovery.spring(), "-0.75"),
    ],
    ids=["drag and field", "masses found", "charges in a chain", "conditional", "constant"],
)
def test_module_of_the_law_accelerates_bodies_as_the_law_does(make, tmp_path, x64):
    discovery = make()
    source = law_module(discovery)
    assert "import jaxsym" not in source and "from jaxsym" not in source
    module = load_module(source, tmp_path)
    data = discovery.task.train
    bodies = snapshots(data).bodies
    masses = discovery.masses
    expected = symbolic_accelerations(
        discovery.law, None if masses is None else np.log(list(masses.values())), data
    )
    mass = None if masses is not None else bodies.mass
    got = jax.jit(module.acceleration)(bodies.position, bodies.velocity, mass, bodies.charge)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_constants_of_the_module_are_trainable(tmp_path):
    module = load_module(law_module(made_discovery.spring()), tmp_path)
    at = jnp.array([[0.0, 0.0], [3.0, 0.0]])

    def pull(constants):
        return module.acceleration(at, 0 * at, jnp.ones(2), constants=constants)[0, 0]

    slopes = jax.grad(pull)(dict(module.CONSTANTS))
    # 2 (r - c1) + drag * 0 + field
    assert {name: float(slope) for name, slope in slopes.items()} == {
        "c1": -2.0,
        "drag1": 0.0,
        "field_x": 1.0,
        "field_y": 0.0,
    }


@pytest.mark.parametrize("name", OPERATORS)
def test_python_code_of_every_operator(name, tmp_path, x64):
    arguments = [parse(text) for text in ("x - 1/3", "0.25", "-x", "pi*x")][: OPERATORS[name].arity]
    expression = apply(name, *arguments)
    lines = ["import jax.numpy as jnp", "def f(x, constants):"]
    module = load_module("\n".join([*lines, f"    return {python_code(expression)}"]), tmp_path)
    x = np.linspace(0.4, 1.2, 7)
    constants = {f"c{k + 1}": c for k, c in enumerate(expression.constants)}
    expected = expression.evaluate(x[:, None], ["x"])
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(module.f(x, constants), expected, rtol=1e-12)


def test_written_files_hold_the_discovery(tmp_path):
    discovery = made_discovery.known_gravity()
    out = tmp_path / "new" / "report"
    write_report(discovery, out)
    assert sorted(os.listdir(out)) == sorted(FILES)
    assert os.listdir(out.parent) == ["report"]
    assert json.loads((out / "result.json").read_text()) == discovery.to_json()
    assert (out / "law.tex").read_text() == law_tex(discovery)
    assert (out / "law.py").read_text() == law_module(discovery)
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def old_report(tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "law.tex").write_text("of last week")
    (out / "notes.txt").write_text("the user's own")
    return out


def test_a_folder_that_exists_is_not_touched(old_report):
    before = tree(old_report)
    with pytest.raises(FileExistsError, match=r"report exists; --force replaces the report in it"):
        write_report(made_discovery.spring(), old_report)
    assert tree(old_report.parent) == {f"report/{name}": text for name, text in before.items()}


def test_force_replaces_the_report_and_nothing_else(old_report):
    write_report(made_discovery.spring(), old_report, force=True)
    assert sorted(os.listdir(old_report)) == sorted([*FILES, "notes.txt"])
    assert (old_report / "notes.txt").read_text() == "the user's own"
    assert (old_report / "law.tex").read_text() == law_tex(made_discovery.spring())
    assert os.listdir(old_report.parent) == ["report"]


VIEWS = {
    "figure.png": (plotting, "draw"),
    "law.tex": (folder, "law_tex"),
    "law.py": (folder, "law_module"),
}


def fail(*arguments):
    raise OSError("no space left")


@pytest.mark.filterwarnings("ignore:the figure on the page")
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_fails_is_left_out_and_nothing_else(old_report, monkeypatch, name):
    monkeypatch.setattr(*VIEWS[name], fail)
    with pytest.warns(LeftOutWarning, match=f"{name} is left out: OSError: no space left"):
        write_report(made_discovery.spring(), old_report, force=True)
    left = set(FILES) - {name}
    assert sorted(os.listdir(old_report)) == sorted([*left, "notes.txt"])
    result = json.loads((old_report / "result.json").read_text())
    assert result == made_discovery.spring().to_json()
    assert os.listdir(old_report.parent) == ["report"]


@pytest.mark.parametrize("new", [True, False])
def test_the_result_is_on_the_disk_before_any_view_is_made(old_report, monkeypatch, new):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "law_tex", interrupt)
    out = old_report.parent / "new" if new else old_report
    with pytest.raises(KeyboardInterrupt):
        write_report(made_discovery.spring(), out, force=not new)
    # views of an older result do not stay beside the new one
    assert set(os.listdir(out)) == {"result.json"} | (set() if new else {"notes.txt"})
    assert json.loads((out / "result.json").read_text()) == made_discovery.spring().to_json()


@pytest.mark.parametrize("view", ["pair_energy", "latex"])
def test_what_cannot_be_derived_is_null_in_the_result(monkeypatch, view):
    whole = made_discovery.spring().to_json()
    monkeypatch.setattr(discovery, view, fail)
    with pytest.warns(LeftOutWarning, match="no space left"):
        result = made_discovery.spring().to_json()
    assert result["law"][view] is None
    result["law"][view] = whole["law"][view]
    assert result == whole


@pytest.mark.parametrize("coefficient", ["0", "2.5/r", "m1*m2/r", "2.5"])
def test_laws_without_a_distance_are_reported(tmp_path, coefficient):
    write_report(with_law(made_discovery.spring(), coefficient), tmp_path / "report")
    assert sorted(os.listdir(tmp_path / "report")) == sorted(FILES)


def test_a_law_of_a_network_that_learned_nothing_says_so():
    knows = made_discovery.spring()
    assert knows.network_learned and "learned" not in verdict(knows) + repr(knows)
    nothing = dataclasses.replace(knows, neural=knows.neural._replace(held_out=0.97))
    assert not nothing.network_learned and nothing.to_json()["errors"]["network_learned"] is False
    assert "learned next to nothing" in verdict(nothing) and "error is 97%" in verdict(nothing)
    assert "learned next to nothing" in repr(nothing)


def test_a_discovery_is_shown_by_its_law_and_errors():
    assert re.fullmatch(
        r"Discovery of stars: a\(1 by 2\) = \(m2/r\*\*3\) d; a\(1\) = sum a\(1 by 2\) "
        r"\(held-out errors: network .*, equation .*\)",
        repr(made_discovery.gravity()),
    )


def test_a_file_in_the_way_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(NotADirectoryError, match="file is a file; expected a folder"):
        check_folder(file, force=True)
    with pytest.raises(NotADirectoryError, match="cannot be made: .*file is a file"):
        check_folder(file / "report")
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=re.escape(f"{tmp_path} cannot be written to")):
        check_folder(tmp_path / "new" / "report")


def test_latex_is_balanced_and_has_every_term():
    text = law_tex(made_discovery.spring())
    assert text.count("{") == text.count("}")
    assert re.findall(r"\\(begin|end)\{(\w+)\}", text) == [
        ("begin", "align"),
        ("begin", "pmatrix"),
        ("end", "pmatrix"),
        ("end", "align"),
    ]
    assert r"\frac{1}{m_1} \sum_2" in text and r"\dot{\vec{x}}_1" in text
    assert r"\frac{1}{m_1}" not in law_tex(made_discovery.gravity())


def test_lines_round_constants_for_people():
    law = ParticleLaw(parse("1.23456789*m2/r**3"), False, 3, field=(0.0, -9.80665123, 0.0))
    assert law_lines(law, digits=3) == [
        "a(1 by 2) = (1.23*m2/r**3) d",
        "a(1) = sum a(1 by 2) + (0, -9.81, 0)",
    ]


def test_verdicts():
    spring = made_discovery.spring()
    assert verdict(spring).startswith("Recovered: the law is within 2%")
    wrong = verdict(dataclasses.replace(spring, recovered=False))
    assert wrong.startswith("Not recovered") and "F(1 by 2) = (2*(r - 0.99)/r) d" in wrong
    assert verdict(made_discovery.gravity()).startswith("No truth is known")
    truth = dataclasses.replace(spring.task.truth, own=None)
    task = dataclasses.replace(spring.task, truth=truth)
    impossible = dataclasses.replace(spring, task=task, recovered=False)
    assert "no function of the bodies' states" in verdict(impossible)
