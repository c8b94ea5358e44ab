"""Jobs of all kinds with kills, Ctrl-C, full disks, damaged files and settings, for a while.

One job runs at a time, in a process of its own. After each its folder is looked at; after one that
was disturbed the same job runs undisturbed, must succeed, and must leave nothing but its results.

    python -m benchmarks.soak --minutes 30 [--seed N] [--doors fit,train] [--quick] [--json FILE]
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import common
from benchmarks.reliability.doors import DOORS, Door
from benchmarks.reliability.soak_work import damaged

LAUNCH = str(Path(__file__).with_name("launch.py"))
_PATIENCE = 300.0  # seconds after which a job hangs
_MEMORY = 4.0  # GB
_SETTINGS: tuple[dict[str, str], ...] = (
    {"JAX_ENABLE_X64": "1"},
    {"JAX_NUMPY_RANK_PROMOTION": "raise"},
    {"JAX_DEBUG_NANS": "1"},
    {"JAX_NUM_CPU_DEVICES": "4"},
    {"LC_ALL": "C", "PYTHONUTF8": "0"},
)
_STARTED = (0, 3)  # exit codes of a job that did its work; 3: the true law is another one
# By what disturbs a job: what it may end with.
_ENDS = {
    "nothing": _STARTED,
    "settings": _STARTED,
    "kill": (*_STARTED, -signal.SIGKILL),
    "interrupt": (*_STARTED, 1, 130, -signal.SIGINT),
    "full disk": (*_STARTED, 1),
    "damaged input": (*_STARTED, 1),
}


class Job(NamedTuple):
    """How a job ended.

    Attributes:
      code: of its exit.
      told: what it wrote to standard error.
      memory: its peak in GB.
      seconds: that it took.
    """

    code: int
    told: str
    memory: float
    seconds: float


class Soak:
    """Doors in a folder, what disturbs them, and what was seen."""

    def __init__(self, folder: Path, names: Sequence[str], seed: int):
        self.random = random.Random(seed)
        self.bytes = np.random.default_rng(seed)
        self.doors = {name: DOORS[name](folder / name) for name in names}
        self.jobs: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.memory: dict[str, float] = dict.fromkeys(names, 0.0)
        self.failures: list[dict[str, Any]] = []
        for door in self.doors.values():
            door.folder.mkdir(parents=True)
            door.prepare()

    def turn(self) -> None:
        """A job that may be disturbed, and one that must succeed."""
        name = self.random.choice(list(self.doors))
        door = self.doors[name]
        faults = [f for f in _ENDS if f != "damaged input" or door.input() is not None]
        fault = self.random.choice(faults)
        seed = self.random.randrange(10**6)
        for disturbed in [fault] * (fault != "nothing") + ["nothing"]:
            self._job(name, door, disturbed, seed)

    def _job(self, name: str, door: Door, fault: str, seed: int) -> None:
        door.begin()
        path = door.input()
        whole = path.read_bytes() if path is not None else b""
        if path is not None and fault == "damaged input":
            path.write_bytes(damaged(whole, self.bytes))
        job = run(door.words(seed), door.folder, self._disturbance(fault, door))
        if path is not None:
            path.write_bytes(whole)
        wrong = [*_wrong_end(job, fault), *door.faults()]
        if fault in ("nothing", "settings"):
            wrong += door.finished()
        self.jobs[f"{name}, {fault}"] += 1
        self.ends[f"{fault}, {job.code}"] += 1
        self.memory[name] = max(self.memory[name], job.memory)
        for what in wrong:
            failure = {"door": name, "fault": fault, "seed": seed, "what": what, "code": job.code}
            self.failures.append(failure | {"told": job.told[-2000:]})
            print(f"FAILED: {failure}\n{job.told[-2000:]}", flush=True)

    def _disturbance(self, fault: str, door: Door) -> Disturbance:
        moment = self.random.uniform(0.0, 2.0 * door.seconds)
        match fault:
            case "kill":
                return Disturbance(signal_at=(moment, signal.SIGKILL))
            case "interrupt":
                return Disturbance(signal_at=(moment, signal.SIGINT))
            case "full disk":
                return Disturbance(largest=self.random.choice([0, 100, 2000, 30_000]))
            case "settings":
                return Disturbance(variables=self.random.choice(_SETTINGS))
        return Disturbance()


class Disturbance(NamedTuple):
    """What happens to a job.

    Attributes:
      signal_at: after so many seconds, which signal.
      largest: bytes of a file that the disk has room for; -1 for as many as there are.
      variables: of its environment.
    """

    signal_at: tuple[float, int] | None = None
    largest: int = -1
    variables: dict[str, str] = {}


def run(words: Sequence[str], folder: Path, disturbed: Disturbance) -> Job:
    """Start a job and see it end; one that does not is killed after five minutes."""
    quiet = {"PYTHONPATH": str(common.ROOT), "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if disturbed.largest >= 0:  # nothing but the job's own files
        quiet["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "1e9"
    begin = time.monotonic()
    with subprocess.Popen(
        [sys.executable, LAUNCH, str(disturbed.largest), *words],
        cwd=folder,
        env=os.environ | quiet | disturbed.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        told: list[bytes] = []
        reader = threading.Thread(target=lambda: told.append(process.stderr.read()))
        reader.start()
        code, memory = _wait(process, begin, disturbed.signal_at)
        reader.join()
    return Job(code, b"".join(told).decode(errors="replace"), memory, time.monotonic() - begin)


def _wait(
    process: subprocess.Popen[bytes], begin: float, signal_at: tuple[float, int] | None
) -> tuple[int, float]:
    """Exit code and peak memory in GB; the signal is sent when it is time."""
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_maxrss / 2**20
        now = time.monotonic() - begin
        if signal_at is not None and now >= signal_at[0]:
            process.send_signal(signal_at[1])
            signal_at = None
        if now > _PATIENCE:
            process.kill()
        time.sleep(0.02)


def _wrong_end(job: Job, fault: str) -> list[str]:
    wrong = []
    if job.seconds > _PATIENCE:
        wrong.append("it hangs")
    elif job.code not in _ENDS[fault]:
        wrong.append(f"exit code {job.code}")
    if "unexpected" in job.told or ("Traceback" in job.told and fault != "interrupt"):
        wrong.append("an error that is not one line")
    if job.memory > _MEMORY:
        wrong.append(f"{job.memory:.1f} GB of memory")
    return wrong


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--seed", type=int, default=0, help="of all that is random")
    options.add_argument("--doors", default=",".join(DOORS), help="separated by commas")
    given = options.parse_args(argv)
    doors = ["simulate"] if given.quick else given.doors.split(",")
    end = time.monotonic() + (0.0 if given.quick else 60 * given.minutes)
    measured_with = common.machine()
    folder = Path(tempfile.mkdtemp(prefix="jaxsym-soak-"))
    soak = Soak(folder, doors, given.seed)
    begin = time.monotonic()
    try:
        while not soak.jobs or time.monotonic() < end:
            soak.turn()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {"benchmark": "soak"} | measured_with | {
        "minutes": round((time.monotonic() - begin) / 60, 1),
        "seed": given.seed,
        "jobs": soak.jobs.total(),
        "by_door_and_fault": dict(sorted(soak.jobs.items())),
        "by_fault_and_exit_code": dict(sorted(soak.ends.items())),
        "peak_gb": {name: round(peak, 2) for name, peak in soak.memory.items()},
        "failures": soak.failures,
    }  # fmt: skip
    common.write(result, given.json)
    common.show(["job, disturbed by", "times"], sorted(soak.jobs.items()))
    print(f"{result['jobs']} jobs in {result['minutes']} minutes, {len(soak.failures)} failures, ")
    print(f"peak memory in GB: {result['peak_gb']}")
    return result


if __name__ == "__main__":
    main()
