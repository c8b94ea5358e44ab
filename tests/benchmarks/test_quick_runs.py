"""Every benchmark runs at its quick size and writes what it returns."""

import json

import pytest

from benchmarks import NAMES
from benchmarks.__main__ import command

LONG = {
    "graph_networks",
    "golden",
    "nesymres",
    "syrenets",
    "discovery",
    "dark_matter",
    "graph_rollouts",
    "noisy_motion",
    "interactions",
    "odes",
    "soak",
    "symbolify",
    "accelerator",
    "time_limits",
    "other_laws",
    "solar_system_noise",
    "solar_system_masses",
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
