"""Results and their runs keep the commit of their code."""

from __future__ import annotations

from benchmarks import common


def test_runs_that_are_kept_keep_their_commit(tmp_path):
    path, old = tmp_path / "file.json", {"commit_of_file": "a" * 40}
    common.write(old | {"runs": {"x": {"seconds": 1.0}}}, path)
    (kept,) = common.kept(path, "runs").values()
    assert kept == {"seconds": 1.0} | old and not common.is_current(kept)
    new = common.stamped({"seconds": 2.0})
    common.write({"commit": "b" * 40, "clean": True, "runs": {"x": kept, "y": new}}, path)
    assert common.kept(path, "runs") == {"x": kept, "y": new}
    assert common.is_current(new)
