"""What is told of a law that was fitted to trajectories: JSON, words, figure, module, summary."""

from __future__ import annotations

import dataclasses
import io
import json

import made_measured
import numpy as np
import pytest
from rich.console import Console

from jaxsym.cli.summary import show_discovery
from jaxsym.plotting import draw, plot_motion, plot_profile, plot_residuals
from jaxsym.report import law_module, law_tex, verdict, write_report


def test_json_has_errors_noise_and_predictions():
    found = made_measured.spring()
    result = json.loads(json.dumps(found.to_json()))
    assert result["uncertainty"] == {"c1": 0.01, "c2": 0.02}
    assert result["noise"] == {"sigma": made_measured.SIGMA, "estimated": True}
    assert result["chi2_per_dof"] == pytest.approx(found.chi2 / found.trajectory.dof)
    assert result["route"] == "weak form" and result["refit"] == "trajectory"
    assert result["held_out"]["prediction_horizon"] == 4.0
    assert result["errors"]["neural"] is None and result["tangential"] is None


def test_words_say_what_holds_and_what_does_not():
    found = made_measured.spring()
    text = verdict(found)
    assert "chi2/dof" in text and "cannot tell it from force on 1 by 2 = (2.0 - 4.1/r) d" in text
    evidence = found.trajectory
    poor = dataclasses.replace(evidence, chi2=3.0 * evidence.dof)
    text = verdict(dataclasses.replace(found, trajectory=poor))
    assert "does not explain" in text


def test_the_summary_has_constants_with_errors():
    told = io.StringIO()
    show_discovery(Console(width=110, file=told), made_measured.spring())
    for part in ("standard error", "2.01", "0.02", "at least 4", "route weak form"):
        assert part in told.getvalue()


def test_views_draw_what_was_measured():
    found = made_measured.spring()
    assert len(draw(found).axes) == 3
    profile = plot_profile(found)
    curve = profile.get_lines()[0].get_xydata()
    np.testing.assert_allclose(curve[:, 1], 2.01 * (curve[:, 0] - 1.99), rtol=1e-9)
    assert [text.get_text() for text in plot_motion(found).get_legend().get_texts()] == [
        "body left", "body right",
    ]  # fmt: skip
    points = plot_residuals(found).get_lines()[-1].get_xydata()
    assert len(points) == np.isfinite(found.trajectory.residuals).sum()


def test_a_report_is_whole(tmp_path):
    found = made_measured.spring()
    write_report(found, tmp_path / "report")
    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["figure.png", "law.py", "law.tex", "report.html", "result.json"]
    assert "align" in law_tex(found) and "CONSTANTS" in law_module(found)
