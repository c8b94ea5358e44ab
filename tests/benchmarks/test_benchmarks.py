"""Every benchmark runs at its quick size and writes what it returns."""

import json

import pytest

from benchmarks import NAMES
from benchmarks.__main__ import command
from benchmarks.discovery import __main__ as discovery

LONG = {
    "graph_networks",
    "golden",
    "nesymres",
    "syrenets",
    "discovery",
    "dark_matter",
    "graph_rollouts",
    "other_laws",
    "solar_system_noise",
    "time_to_law",
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in NAMES]
)
def test_quick_run_writes_what_it_returns(name, tmp_path, capsys):
    path = tmp_path / "result.json"
    result = command(name)(["--quick", "--json", str(path)])
    assert json.loads(path.read_text()) == json.loads(json.dumps(result))
    assert result["benchmark"] == name and "jax" in result["versions"] and result["machine"]
    assert capsys.readouterr().out


def test_discovery_goes_on_where_a_file_ends(tmp_path, monkeypatch, capsys):
    done = []

    def run(case, seed, steps):
        done.append((case, seed))
        if len(done) == 2:
            raise KeyboardInterrupt
        return {"failed": "made up", "wall_seconds": 1.0}

    monkeypatch.setattr(discovery, "run", run)
    options = ["--json", str(tmp_path / "f.json"), "--seeds", "0,1", "--cases", "spring:l1"]
    with pytest.raises(KeyboardInterrupt):
        discovery.main(options)
    result = discovery.main(options)
    assert done == [("spring:l1", 0), ("spring:l1", 1), ("spring:l1", 1)]
    assert sorted(result["runs"]) == ["spring:l1/0", "spring:l1/1"]
    assert "FAILED made up" in capsys.readouterr().out
