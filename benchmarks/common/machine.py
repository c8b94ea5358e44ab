"""What a result was measured with: the code, the machine and the versions of packages."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("jaxsym", "jax", "jaxlib", "flax", "optax", "jraph", "numpy", "scipy", "sympy")
ROOT = Path(__file__).parents[2]


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


@functools.cache
def code_state() -> dict[str, Any]:
    """The `commit` that the code is at, and whether it is `clean`: without other changes.

    Asked once in a process, when it begins to measure. Results that a benchmark writes are no
    changes of its code. Both are None outside of a repository of git.

    >>> sorted(code_state())
    ['clean', 'commit']
    """
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changes = _git("status", "--porcelain", "--", ".", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "clean": None}
    return {"commit": commit, "clean": not changes.strip()}


def is_current(run: Mapping[str, Any]) -> bool:
    """Whether the package's code is what a stamped run was made with.

    >>> is_current(stamped({})), is_current({"commit_of_file": "0" * 40})
    (True, False)
    """
    if "commit" not in run:
        return False
    state = code_state()
    if all(run[name] == state[name] for name in state):
        return True
    try:
        return bool(run["clean"]) and not _git("diff", "--name-only", run["commit"], "--", "jaxsym")
    except subprocess.CalledProcessError:  # a commit that this repository does not know
        return False


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stamped(run: Mapping[str, Any]) -> dict[str, Any]:
    """One of the runs in a result with the commit of its own code.

    A file may hold runs of several commits, since runs that it has are not repeated.

    >>> sorted(stamped({"seconds": 1.0}))
    ['clean', 'commit', 'seconds']
    """
    return dict(run) | code_state()
