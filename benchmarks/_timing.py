"""What all benchmarks share: interleaved timing, the machine's description, JSON and tables."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("jaxsym", "jax", "jaxlib", "flax", "optax", "jraph", "numpy", "scipy", "sympy")
_ROOT = Path(__file__).parent.parent


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny: only shows that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured here")
    return parser


def machine(*packages: str) -> dict[str, Any]:
    """What a result was measured with: code, machine, and versions of Python and packages.

    Args:
      packages: to be listed beside jaxsym's own stack.

    Returns:
      `commit` and `clean` of the code (see `code_state`), `machine` in words, and `versions`.

    >>> machine()["versions"]["jaxsym"] == importlib.metadata.version("jaxsym")
    True
    """
    versions = {"python": platform.python_version()}
    for name in (*PACKAGES, *packages):
        versions[name] = importlib.metadata.version(name)
    processor = platform.machine().replace("_", "-")
    words = f"{os.cpu_count()}-core {processor} CPU"
    return code_state() | {"machine": words, "versions": versions}


def code_state() -> dict[str, Any]:
    """The `commit` that the code is at, and whether it is `clean`: without other changes.

    Results that a benchmark writes are no changes of its code. Both are None outside of a
    repository of git.

    >>> sorted(code_state())
    ['clean', 'commit']
    """
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changes = _git("status", "--porcelain", "--", ".", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "clean": None}
    return {"commit": commit, "clean": not changes.strip()}


def _git(*words: str) -> str:
    command = ["git", "-C", str(_ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def clock(call: Callable[[], object]) -> dict[str, float]:
    """Seconds that a call takes, and seconds of the processor, which other programs do not take.

    The call must block until its work is done.

    >>> sorted(clock(list))
    ['cpu_seconds', 'seconds']
    """
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def interleave(
    calls: Mapping[str, Callable[[], dict[str, float]]], turns: int
) -> list[dict[str, dict[str, float]]]:
    """The clocks that each call returns, turn by turn: a busy moment hits all calls alike.

    >>> len(interleave({"a": lambda: clock(list), "b": lambda: clock(dict)}, 3))
    3
    """
    return [{name: call() for name, call in calls.items()} for _ in range(turns)]


def times_faster(
    turns: Sequence[Mapping[str, dict[str, float]]], ours: str, other: str
) -> dict[str, dict[str, float]]:
    """How many times faster ours is than the other, by each clock, turn by turn.

    >>> turn = {"a": {"seconds": 1.0}, "b": {"seconds": 2.0}}
    >>> times_faster([turn], "a", "b")["seconds"]["median"]
    2.0
    """
    return {
        name: spread([turn[other][name] / turn[ours][name] for turn in turns])
        for name in turns[0][ours]
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'least': 1.0, 'most': 3.0}
    """
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def write(result: Mapping[str, Any], path: Path | None) -> None:
    """Write a result as JSON, whole or not at all; nothing without a path."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(result, indent=2) + "\n")
    partial.replace(path)


def kept(path: Path | None, part: str) -> dict[str, Any]:
    """What an earlier run left under ``part`` of a result's file; nothing without a file.

    >>> kept(None, "runs")
    {}
    """
    return json.loads(path.read_text())[part] if path is not None and path.exists() else {}


def show(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, columns aligned.

    >>> show(["case", "s"], [["spring", 1.5], ["r1", 10]])
    case    s
    spring  1.5
    r1      10
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
