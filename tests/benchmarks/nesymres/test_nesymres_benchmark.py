"""The NeSymReS benchmark: its problems, scores, studies and figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.nesymres import __main__ as nesymres
from benchmarks.nesymres.accuracy import MEASURES, measure, summary
from benchmarks.nesymres.figures import draw_all
from benchmarks.nesymres.methods import gaussian_process
from benchmarks.nesymres.problems import load_problems
from benchmarks.nesymres.studies import (
    BASE,
    base_run,
    by_size,
    by_variant,
    mean_and_error,
)
from jaxsym.nesymres.pretraining.runs import VARIANTS


def truth(problem, X, y):
    return lambda points: problem.truth.evaluate(points, list(problem.columns))


def failing(problem, X, y):
    raise ArithmeticError("made up")


def test_fresh_draws_have_the_constants_that_their_set_says():
    counts = {
        name: [len(p.truth.constants) for p in load_problems(name, 20)]
        for name in ("fresh", "fresh-constants", "fresh-everywhere")
    }
    assert set(counts["fresh"]) == {0}
    assert 0 < np.mean(counts["fresh-constants"]) < np.mean(counts["fresh-everywhere"])
    assert max(counts["fresh-constants"]) <= 3 and max(counts["fresh-everywhere"]) <= 6
    again = load_problems("fresh-constants", 5)
    assert [p.truth for p in again] == [p.truth for p in load_problems("fresh-constants", 5)]
    assert len(load_problems("aif52", None)) == 52


def test_the_truth_is_found_and_a_failure_is_not():
    sets = {"nguyen": load_problems("nguyen", 3)}
    told = []
    runs = measure(sets, {"truth": truth, "failing": failing}, [16], {}, told.append)
    rows = {row["method"]: row for row in summary(runs)}
    assert all(rows["truth"][name] == 1 for name in MEASURES)
    assert all(rows["failing"][name] == 0 for name in MEASURES)
    assert rows["truth"]["equations"] == 3 and len(told) == 2
    kept = dict(runs)
    measure(sets, {"truth": failing}, [16], kept, told.append)
    assert kept == runs  # what is there is not computed again
    for run in runs.values():
        run.pop("vNRR", None)  # as an earlier version wrote them
    (row,) = (row for row in summary(runs) if row["method"] == "truth")
    assert "vNRR" not in row and row["A1 iid"] == 1


def test_a_gaussian_process_is_right_near_its_points_alone():
    pytest.importorskip("sklearn")
    sets = {"nguyen": load_problems("nguyen", 1)}
    (run,) = measure(sets, {"gaussian-process": gaussian_process}, [64], {}, dict).values()
    assert run["A2 iid"] and not run["A1 ood"]


def test_studies_are_judged_on_skeletons_that_no_network_met():
    base = base_run("tiny", 10, 4)
    runs, judge = by_size(base, [1000, 5000, 2000])
    assert [run.skeletons for run in runs.values()] == [1000, 5000, 2000]
    assert judge == "5000" and all(run.decay == 10 for run in runs.values())
    runs, judge = by_variant(base, 1000, list(VARIANTS))
    judged = runs.pop(judge)
    assert judge == BASE and judged.skeletons == 1000 and set(runs) == set(VARIANTS)
    assert all(run != judged for run in runs.values())


def test_mean_and_standard_error():
    assert mean_and_error([1.0, 3.0]) == pytest.approx((2.0, 1.0))


def test_figures_are_drawn_of_what_there_is(tmp_path):
    error = {"standard_error": dict.fromkeys(MEASURES, 0.1)}
    accuracy = [
        {"set": "aif52", "method": method, "points": points, "cpu_seconds": 0.1 * points}
        | dict.fromkeys(MEASURES, 0.5)
        | error
        for method in ("nesymres:1", "nesymres:8", "pyoperon:1")
        for points in (16, 128)
    ]
    judged = {"loss": 1.0, "accuracy": 0.5}
    data = [{"skeletons": n, "judged": judged} for n in (1000, 1000, 5000, 5000)]
    log = [{"examples": n, "loss": 2.0, "held_out": judged} for n in (32, 64)]
    rounds = [(64, accuracy), (32, accuracy)]
    names = [path.name for path in draw_all(rounds, data, log, tmp_path)]
    numbered = [f"figure_{number}.png" for number in (2, 3, 4, 5)]
    assert names == ["rounds.png", "pretraining.png", *numbered]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)
    assert [path.name for path in draw_all([], data, [], tmp_path)] == ["figure_2.png"]


@pytest.mark.parametrize("part", ["data", "variants", "figures"])
def test_a_part_without_its_folder_is_refused(part, capsys):
    with pytest.raises(SystemExit):
        nesymres.main(["--only", part])
    assert "needs --" in capsys.readouterr().err


@pytest.mark.slow
def test_the_device_is_timed(tmp_path):
    found = nesymres.main(["--only", "device", "--quick", "--peak", "0.1"])["device"]
    assert all(value > 0 for value in found.values()) and "model FLOP utilisation" in found


@pytest.mark.slow  # trains two networks
def test_a_study_goes_on_where_its_directory_ends(tmp_path, monkeypatch):
    options = ["--only", "variants", "--names", "bits-32", "--quick", "--scale", "tiny"]
    options += ["--directory", str(tmp_path)]
    first = nesymres.main(options)["networks"]
    assert [row["run"] for row in first] == [BASE, "bits-32"]
    monkeypatch.setattr("benchmarks.nesymres.studies.pretrain", failing)  # nothing is left to do
    assert nesymres.main(options)["networks"] == first
