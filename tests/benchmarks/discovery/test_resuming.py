"""A discovery benchmark that was interrupted goes on."""

import pytest

from benchmarks.discovery import __main__ as discovery


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
