"""The report of a Lagrangian: each of its views may fail, the result stays."""

import json
import os

import jax
import pytest

from jaxsym import plotting
from jaxsym._views import LeftOutWarning
from jaxsym.report import LAGRANGIAN_FILES, lagrangian, lagrangian_tex, write_lagrangian
from jaxsym.simulate import mechanical
from jaxsym.syrenets import LagrangianDiscovery, discover_lagrangian

VIEWS = {
    "figure.png": (plotting, "draw_lagrangian"),
    "lagrangian.tex": (lagrangian, "lagrangian_tex"),
    "lagrangian.py": (lagrangian, "lagrangian_module"),
}


@pytest.fixture(scope="module")
def found():
    data = mechanical("cart-pole").sample(jax.random.key(0), 300)
    return discover_lagrangian(*data, route="direct")


def fail(*arguments):
    raise RuntimeError("no view of this")


@pytest.mark.filterwarnings("ignore:the figure on the page")
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_fails_is_left_out_and_nothing_else(found, tmp_path, monkeypatch, name):
    monkeypatch.setattr(*VIEWS[name], fail)
    with pytest.warns(LeftOutWarning, match=f"{name} is left out: RuntimeError: no view"):
        write_lagrangian(found, tmp_path / "report")
    assert set(os.listdir(tmp_path / "report")) == set(LAGRANGIAN_FILES) - {name}
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    assert result == json.loads(json.dumps(found.to_json()))


@pytest.mark.parametrize("view", ["mass_matrix", "coriolis", "gravity", "energy"])
def test_what_does_not_follow_is_null_in_the_result(found, monkeypatch, view):
    whole = found.to_json()
    monkeypatch.setattr(LagrangianDiscovery, view, property(fail))
    with pytest.warns(LeftOutWarning, match="no view of this"):
        result = found.to_json()
    assert result[view] is None and result | {view: whole[view]} == whole


def test_velocities_are_typeset_as_dotted_coordinates(found):
    text = lagrangian_tex(found)
    assert r"\dot{q}_{1}^{2}" in text and "qd_" not in text
    assert "\\\\\n\\end{align}" not in text  # no empty numbered line
