"""Published passes of the search: what is made again, and what stays."""

from __future__ import annotations

import json

import pytest

from benchmarks import common
from benchmarks.search import __main__ as search


def test_answers_of_other_code_are_made_again_and_those_of_peers_stay(
    tmp_path, monkeypatch, capsys
):
    path, asked = tmp_path / "search.json", []
    old = {"commit": "0" * 40, "clean": True, "seconds": 1.0, "length_ratio": 1.0}
    keys = [f"nguyen/Nguyen-1/{engine}/0/0" for engine in ("native", "pyoperon")]
    kept = {"versions": {"pyoperon": "0.6.2"}, "runs": dict.fromkeys(keys, old)}
    common.write(kept, path)

    def solve(problem, engine, *rest):
        asked.append((problem.name, engine))
        return old | {"found": "x", "exact": True, "form": True, "vnrr": True, "best_vnrr": True}

    monkeypatch.setattr(search, "solve", solve)
    options = ["--set", "nguyen", "--problems", "Nguyen-1", "--json", str(path)]
    search.main(options)
    assert asked == []
    result = search.main([*options, "--renew"])
    assert asked == [("warm-up", "native"), ("Nguyen-1", "native")]
    assert result["runs"][keys[0]]["commit"] == common.code_state()["commit"]
    assert result["runs"][keys[1]] == old and result["versions"]["pyoperon"] == "0.6.2"
    search.main([*options, "--renew"])
    assert len(asked) == 2  # an interrupted pass goes on
    assert json.loads(path.read_text())["runs"] == result["runs"]
    capsys.readouterr()


def test_a_quick_pass_does_not_replace_what_is_published(capsys):
    with pytest.raises(SystemExit):
        search.main(["--all", "--quick"])
    assert "--results" in capsys.readouterr().err
