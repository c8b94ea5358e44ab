"""Reports as one page: whole HTML, nothing from elsewhere, and what was found in it."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import jax
import made_discovery
import numpy as np
import pytest

from jaxsym import SymbolicRegressor, plotting
from jaxsym._views import LeftOutWarning
from jaxsym.cli import main as command
from jaxsym.report import FIT_FILES, FitResult, folder, lagrangian, page, regression, write_fit
from jaxsym.simulate import mechanical
from jaxsym.syrenets import discover_lagrangian

VOID = {"meta", "br", "hr", "img", "link"}


class Checker(HTMLParser):
    """Collects elements that are opened and never closed, and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(text: str) -> dict:
    """That a page is whole and stands alone; the result that is folded into it."""
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not [a for a in checker.addresses if a and not a.startswith("#")]
    assert "<svg" in text
    (result,) = re.findall(r"<summary>result.json</summary><pre>(.*?)</pre>", text, re.S)
    return json.loads(html.unescape(result))


@pytest.fixture(scope="module")
def fitted():
    X = np.random.default_rng(0).uniform(1.0, 3.0, (40, 2))
    y = 2.5 * X[:, 0] * X[:, 1]
    model = SymbolicRegressor(time_limit=3).fit(X, y, variables=["a", "b"])
    return FitResult(model, X, y, "F", {"seed": 0})


@pytest.mark.parametrize("make", [made_discovery.spring, made_discovery.gravity])
def test_page_of_a_law(make):
    found = make()
    text = folder.law_page(found)
    assert check(text) == json.loads(json.dumps(found.to_json()))
    assert html.escape(folder.law_lines(found.law)[0]) in text
    for name in found.masses or ():
        assert f"<td>{name}</td>" in text


def test_page_of_a_lagrangian():
    data = mechanical("cart-pole").sample(jax.random.key(0), 300)
    found = discover_lagrangian(*data, route="direct")
    assert check(lagrangian.lagrangian_page(found))["lagrangian"] == str(found.lagrangian)


def test_report_of_a_fit(fitted, tmp_path):
    write_fit(fitted, tmp_path / "report")
    assert {path.name for path in (tmp_path / "report").iterdir()} == set(FIT_FILES)
    result = check((tmp_path / "report" / "report.html").read_text())
    assert result["expression"] == "5*a*b/2" or "2.5*a*b" in result["expression"]
    scope: dict = {}
    exec(regression.fit_module(fitted), scope)
    np.testing.assert_allclose(scope["equation"](fitted.X), fitted.y, rtol=1e-5)
    assert r"\begin{equation}" in regression.fit_tex(fitted)


def test_the_page_is_there_without_its_figure(fitted, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no paper")

    monkeypatch.setattr(plotting, "draw_fit", fail)
    with pytest.warns(LeftOutWarning, match="the figure on the page is left out"):
        assert "F = " in regression.fit_page(fitted)


def test_names_cannot_break_out_of_the_page():
    text = page.page("<b>", [page.words("a < b & c"), page.table(["<i>"], [["</table>"]])])
    assert "<b>" not in text and "<i>" not in text and text.count("</table>") == 1


def test_command_writes_a_report_of_a_table(tmp_path, capsys):
    x = np.linspace(1, 3, 30)
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "\n".join(f"{a},{3 * a**2}" for a in x))
    words = ["fit", str(table), "--time-limit", "2", "--report", str(tmp_path / "r")]
    with pytest.raises(SystemExit) as ended:
        command(words)
    assert ended.value.code == 0
    assert json.loads((tmp_path / "r" / "result.json").read_text())["target"] == "y"
    with pytest.raises(SystemExit) as ended:  # nothing of the user's is replaced unasked
        command(words)
    assert ended.value.code == 1 and "--force" in capsys.readouterr().err
