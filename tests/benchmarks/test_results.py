"""Every published result says what it was measured with."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks import NAMES, common
from benchmarks.search import __main__ as search

FILES = sorted(search.RESULTS.glob("*.json"))


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


def test_every_module_beside_the_rooms_is_a_benchmark():
    folder = common.ROOT / "benchmarks"
    commands = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    rooms = {path.parent.name for path in folder.glob("*/__main__.py")} - {"tables"}
    assert commands | rooms == set(NAMES)
