"""`jaxsym doctor`: findings, and a wrong jaxlib."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types

import jax
import pytest

from jaxsym.search.engines import optional

doctor = importlib.import_module("jaxsym.cli.doctor")  # the package has a command of this name


def test_findings_as_json(run):
    result = run("doctor", "--json")
    findings = json.loads(result.stdout)
    assert result.exit_code == 0 and result.stderr == ""
    assert findings["versions"]["jax"] == jax.__version__
    assert findings["versions"]["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert len(findings["devices"]) == jax.device_count()
    assert findings["sums_are_right"] is True
    assert {b["name"] for b in findings["optional"]} >= {"de421", "pyarrow", "pysr", "pyoperon"}


def test_people_read_why_a_package_is_missing(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    shown = run("doctor").stdout
    assert "JAX's sums are right" in shown and f"jax {jax.__version__}" in shown
    assert "not installed" in shown and 'pip install "jaxsym[pysr]"' in shown


def test_wrong_sums_are_an_error(run, monkeypatch):
    monkeypatch.setattr(doctor, "sums_are_right", lambda: False)
    result = run("doctor")
    assert result.exit_code == 1 and "JAX computes wrong sums" in result.stdout
    assert json.loads(run("doctor", "--json").stdout)["sums_are_right"] is False


def test_a_required_package_that_is_missing_is_an_error(run, monkeypatch):
    required = doctor.metadata.requires("jaxsym")
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: [*required, "nowhere-to-be>=1"])
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["versions"]["nowhere-to-be"] == "missing"


@pytest.fixture
def no_julia(monkeypatch):
    for name in ("PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (True, None),
        (False, "Julia or its packages have not been set up"),
        (OSError("no network"), "Julia's packages cannot be checked: no network"),
    ],
)
def test_julia_as_juliapkg_has_it(monkeypatch, no_julia, answer, reason):
    asked = []

    def resolve(dry_run):
        asked.append(dry_run)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setitem(sys.modules, "juliapkg", types.SimpleNamespace(resolve=resolve))
    assert optional.missing_julia() == reason
    assert asked == [True], "anything but a dry run downloads Julia"


def test_julia_as_the_environment_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(tmp_path))
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", sys.executable)
    assert optional.missing_julia() is None
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(tmp_path / "julia"))
    assert "which is no program" in optional.missing_julia()


def test_pysr_is_never_imported(monkeypatch, no_julia):
    """Its import downloads Julia where there is none."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(optional.importlib.metadata, "version", lambda name: "1.0")
    monkeypatch.setattr(optional, "missing_julia", lambda: "no Julia")
    pysr = next(backend for backend in optional.backends() if backend.name == "pysr")
    assert (pysr.available, pysr.detail) == (False, "no Julia")
    assert "import pysr" in pysr.install and "pysr" not in sys.modules
