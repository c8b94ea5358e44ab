"""Every published result says what it was measured with."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks import NAMES, common
from benchmarks.search.__main__ import RESULTS

FILES = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_results_have_commit_versions_and_machine(path):
    result = json.loads(path.read_text())
    assert result["benchmark"] in NAMES and "CPU" in result["machine"]
    assert {"python", "jax", "numpy"} <= set(result["versions"])
    if "commit_of_file" in result:  # from before commits were recorded
        assert "commit" not in result and result["note_of_commit"]
        commit = result["commit_of_file"]
    else:
        assert result["clean"] is True, "published results come from committed code"
        commit = result["commit"]
    assert re.fullmatch("[0-9a-f]{40}", commit)


def test_runs_that_are_kept_keep_their_commit(tmp_path):
    path, old = tmp_path / "file.json", {"commit_of_file": "a" * 40}
    common.write(old | {"runs": {"x": {"seconds": 1.0}}}, path)
    (kept,) = common.kept(path, "runs").values()
    assert kept == {"seconds": 1.0} | old and not common.is_current(kept)
    new = common.stamped({"seconds": 2.0})
    common.write({"commit": "b" * 40, "clean": True, "runs": {"x": kept, "y": new}}, path)
    assert common.kept(path, "runs") == {"x": kept, "y": new}
    assert common.is_current(new)
