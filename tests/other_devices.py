"""Checks that need another number of devices run in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def printed_on(devices: int, check: Path, *arguments: str) -> list[str]:
    """Lines that a script prints where JAX has so many devices of the CPU."""
    done = subprocess.run(
        [sys.executable, str(check), *arguments],
        capture_output=True,
        text=True,
        timeout=1200,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()
