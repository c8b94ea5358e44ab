"""Tests on the accelerator: sums that a faulty build gets wrong, then files of every room."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import common
from benchmarks.accelerator import part
from benchmarks.common.processes import SHARED_MEMORY

CANARY = ("tests/test_canary.py", "tests/test_products.py")
FILES = (
    "tests/expr/test_fit.py",
    "tests/mechanics/test_mechanics.py",
    "tests/training/test_step.py",
    "tests/training/test_loop.py",
    "tests/graphs/test_chunked.py",
    "tests/graphs/test_weak_form_loss.py",
    "tests/laws/test_programs.py",
    "tests/search/front/test_residual.py",
    "tests/simulate",
    "tests/nesymres/test_decoding.py",
    "tests/nesymres/test_model.py",
    "tests/inference/test_weak_form.py",
    "tests/inference/test_chain.py",
    "tests/syrenets/test_layers.py",
)
_PROCESSES = "12"
_NAMES = {"gpu": "cuda,cpu"}  # of platforms, as JAX_PLATFORMS has them; the tests ask for a CPU


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    given = part.arguments(__doc__).parse_args(argv)
    files = FILES[:1] if given.quick else FILES
    platform = part.device()["platform"]
    canary = _pytest(CANARY, given.seconds / 2, "0", platform)
    result = {"device": part.device(), "canary": canary}
    common.write(result, given.json)
    processes = "0" if given.quick else _PROCESSES
    result["files"] = _pytest(files, given.seconds - canary["seconds"], processes, platform)
    common.write(result, given.json)
    return result


def _pytest(files: Sequence[str], seconds: float, processes: str, platform: str) -> dict[str, Any]:
    """Numbers of tests that passed and failed, and the names of the latter; ended in time."""
    # warnings that a newer release of a package brings are no failures here
    words = ["-m", "not slow", "-W", "default", "-n", processes, "--dist", "loadfile", "-rfE"]
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *words, "--tb=short", *files],
        cwd=common.ROOT,
        env=os.environ | SHARED_MEMORY | {"JAX_PLATFORMS": _NAMES.get(platform, platform)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        told, _ = process.communicate(timeout=seconds)
        ended = f"exit status {process.returncode}"
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # of which pytest tells what it has
        told, _ = process.communicate()
        ended = f"at its limit of {seconds:.0f} s"
    print(told, flush=True)
    counts = {n: int(c) for c, n in re.findall(r"(\d+) (passed|failed|error|skipped)", told[-400:])}
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", told, re.MULTILINE)
    return {"ended": ended, "seconds": time.monotonic() - begun, "failed_tests": failed} | counts


if __name__ == "__main__":
    main()
