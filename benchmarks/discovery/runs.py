"""One discovery by the command `jaxsym discover`, in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any


def run(case: str, seed: int, steps: int | None = None) -> dict[str, Any]:
    """One discovery in a process of its own; its result object, wall seconds and peak memory.

    Args:
      case: a source, or "law:model", or "law:model:dims".
      seed: of everything random.
      steps: of training, by default those of `jaxsym discover`.
    """
    source, *rest = case.split(":")
    command = [sys.executable, "-m", "jaxsym", "discover", source, "--seed", str(seed), "--json"]
    for option, value in zip(("--model", "--dims"), rest, strict=False):
        command += [option, value]
    command += ["--steps", str(steps)] if steps else []
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if not done.stdout:
        return {"failed": done.stderr[-2000:], "wall_seconds": seconds}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    found = json.loads(done.stdout)
    return found | {"wall_seconds": seconds, "largest_process_gib_so_far": peak}


def line(found: dict[str, Any]) -> str:
    """One run in a line."""
    if "failed" in found:
        return f"FAILED {found['failed'][-200:]}"
    law = found["law"]["components"][0]
    return f"recovered={found['recovered']} {found['wall_seconds']:.0f} s  {law}"
