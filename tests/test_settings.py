"""Global settings of JAX's: wider numbers, no promotion of ranks, an error at every NaN."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parent / "settings_check.py"


@pytest.mark.parametrize(
    "settings",
    [
        {"JAX_ENABLE_X64": "1"},
        {"JAX_NUMPY_RANK_PROMOTION": "raise"},
        {"JAX_DEBUG_NANS": "1"},
    ],
)
def test_expressions_and_simulators_work_under(settings):
    done = subprocess.run(
        [sys.executable, str(CHECK)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | settings,
    )
    assert done.returncode == 0, done.stderr[-2000:]
