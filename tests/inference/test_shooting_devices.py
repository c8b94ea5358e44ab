"""Trajectories are shared out among devices, and what is found does not depend on their number."""

import os
import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).parent / "shooting_devices_check.py"


def found_on(devices):
    return subprocess.run(
        [sys.executable, str(CHECK)],
        capture_output=True,
        text=True,
        check=True,
        timeout=400,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)},
    ).stdout.splitlines()


def test_two_devices_find_what_one_does():
    one, two = found_on(1), found_on(2)
    assert one[0] == "1 devices" and two[0] == "2 devices"
    assert one[1] == two[1]
    assert abs(float(one[1].split()[0]) - 4) < 0.05
