"""Engines to compare, each in a process of its own, kept to one core or on one accelerator.

Threads, compiler flags and allocators of one engine cannot touch another's, and the processes stay
alive between orders, so that the engines take turns on the same core or accelerator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

from benchmarks.common.machine import ROOT

Message: TypeAlias = dict[str, Any]

CAN_PIN = hasattr(os, "sched_setaffinity")
ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
ONE_THREAD_XLA = "--xla_cpu_multi_thread_eigen=false"
# JAX would take three quarters of an accelerator's memory at once, and another engine needs some.
SHARED_MEMORY = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


class Engine:
    """A module of this package running `serve` in its own process.

    Args:
      module: its name within this package.
      arguments: words of its command line.
      accelerator: leave it all cores and the accelerator, if there is one; otherwise it is kept to
        one thread of one core.

    Attributes:
      ready: what it said when it had started.
    """

    def __init__(self, module: str, *arguments: str, accelerator: bool = False):
        self._module = module
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        if accelerator:
            self._process = _started(command, os.environ | SHARED_MEMORY)
        else:
            flags = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD_XLA}".strip()
            self._process = _pinned(command, os.environ | ONE_THREAD | {"XLA_FLAGS": flags})
        self.ready = self._answer()

    def ask(self, **order: Any) -> Message:
        """Send an order and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Message:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks.{self._module} ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # end of orders: it leaves its loop


def serve(ready: Message, obey: Callable[..., Message]) -> None:
    """In the engine's process: say ``ready``, then answer orders until there are no more."""
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(**json.loads(line))), flush=True)


def _pinned(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a process on the last of our cores; children inherit the affinity of this thread."""
    ours = os.sched_getaffinity(0) if CAN_PIN else set()
    if CAN_PIN:
        os.sched_setaffinity(0, {max(ours)})
    try:
        return _started(command, environment)
    finally:
        if CAN_PIN:
            os.sched_setaffinity(0, ours)


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
