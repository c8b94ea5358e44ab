"""All published passes of the search, a process for each file, several at a time.

A file that is whole is not measured again, an interrupted one goes on, and answers that another
code has given are replaced, while those of other packages stay. On two cores all passes take about
half an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from benchmarks.common.machine import ROOT
from benchmarks.common.processes import CAN_PIN, ONE_THREAD


class Pass(NamedTuple):
    """One file of results.

    Attributes:
      file: its name in the folder of results.
      options: of `python -m benchmarks.search`.
      needs: a module without which the pass is left out.
    """

    file: str
    options: tuple[str, ...]
    needs: str = "jaxsym"


_CATALOG = "symbolic_data"  # equations of feynman and fastsrb


# The longest first, so that the processes end at about the same time.
PASSES = (
    Pass("search_aif52.json", ("--set", "aif52", "--noise", "0,0.01,0.1")),
    Pass("search_soose.json", ("--set", "soose")),
    Pass("search_fastsrb.json", ("--set", "fastsrb", "--engines", "native,native+units"), _CATALOG),
    Pass("search_development.json", ("--set", "development", "--work")),
    Pass("search_feynman.json", ("--set", "feynman"), _CATALOG),
    Pass("search_messages.json", ("--set", "gn", "--noise", "0,0.01")),
    Pass("search_nguyen.json", ("--set", "nguyen")),
)


def run_all(folder: Path, jobs: int, more: tuple[str, ...] = ()) -> list[Path]:
    """Make all passes, and tell when each is done.

    Args:
      folder: of the results.
      jobs: processes at a time, each on a core of its own where the system allows it.
      more: options for every pass.

    Returns:
      The files.

    Raises:
      subprocess.CalledProcessError: a pass failed; the others have ended.
    """
    cores: SimpleQueue[int] = SimpleQueue()
    available = sorted(os.sched_getaffinity(0)) if CAN_PIN else [0]
    for number in range(jobs):
        cores.put(available[number % len(available)])

    def make(one: Pass) -> Path:
        core, path, began = cores.get(), folder / one.file, time.monotonic()
        try:
            words = [*one.options, *more, "--renew", "--json", str(path)]
            _run([sys.executable, "-m", "benchmarks.search", *words], core)
        finally:
            cores.put(core)
        print(f"{one.file}: {time.monotonic() - began:.0f} s", flush=True)
        return path

    possible = [one for one in PASSES if find_spec(one.needs)]
    for one in PASSES:
        if one not in possible:
            print(
                f"{one.file}: left out, since {one.needs} is missing: pip install 'jaxsym[bench]'"
            )
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(make, possible))


def _run(command: list[str], core: int) -> None:
    process = subprocess.Popen(command, env=os.environ | ONE_THREAD, cwd=ROOT)
    if CAN_PIN:
        os.sched_setaffinity(process.pid, {core})
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, command)
