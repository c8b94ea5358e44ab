"""Phases of a discovery: their times, their shares of a time limit, and what is told of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsym._compiling import compile_clock
from jaxsym.progress import PhaseProgress
from jaxsym.training import Event

_VERIFYING_SHARE = 0.15  # of a time limit


class Run:
    """Time, phases and progress of one discovery.

    Attributes:
      seconds: that each phase took, over all of its turns.
      compile_seconds: tells how many of these were compiling, which no limit can break off.
      trained: whether there is a network.
    """

    def __init__(self, callback: Callable[[PhaseProgress], None], time_limit: float | None):
        self.callback = callback
        self.compile_seconds = compile_clock()
        usable = np.inf if time_limit is None else (1.0 - _VERIFYING_SHARE) * time_limit
        self.end = time.monotonic() + usable
        self.seconds: dict[str, float] = {}
        self.trained = False

    def phase(self, name: str, note: str = "") -> Phase:
        """A context in which a phase is timed; ``note`` is told at its begin."""
        return Phase(self, name, note)

    def share(self, fraction: float, most: float | None = None) -> float | None:
        """Seconds that a phase may take: a part of what is left."""
        left = self.end - time.monotonic()
        if left == np.inf:
            return most
        allowed = max(fraction * left, 0.5)
        return allowed if most is None else min(allowed, most)

    def over(self) -> bool:
        """Whether only the time to verify is left."""
        return time.monotonic() > self.end

    def on_training(self, event: Event) -> None:
        """Pass on how far training is."""
        self.trained = True
        error = float(event.metrics["error"])
        note = f"step {event.step} of {event.steps}, error {error:.3g}"
        done = event.step / event.steps
        self.callback(PhaseProgress("train", done, note, event.seconds_left))


class Phase:
    """Times a phase, over all of its turns, and tells of the begin and end of each."""

    def __init__(self, run: Run, name: str, note: str):
        self.run, self.name, self.note = run, name, note

    def __enter__(self) -> None:
        self.start = time.monotonic()
        self.run.callback(PhaseProgress(self.name, 0.0, self.note))

    def __exit__(self, *failure: Any) -> None:
        took = time.monotonic() - self.start
        self.run.seconds[self.name] = self.run.seconds.get(self.name, 0.0) + took
        if failure[0] is None:
            self.run.callback(PhaseProgress(self.name, 1.0, f"{took:.1f} s"))
