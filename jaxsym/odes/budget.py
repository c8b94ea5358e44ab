"""What every step of a discovery knows: how much time is left, and whom to tell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from jaxsym.progress import PhaseProgress

Callback = Callable[[PhaseProgress], None]


class Budget:
    """Time and progress of one discovery.

    Args:
      limit: seconds for the whole; None for as long as it takes.
      callback: is told of progress.
    """

    def __init__(self, limit: float | None, callback: Callback | None):
        self.began, self.limit, self.callback = time.monotonic(), limit, callback
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def over(self, share: float = 1.0) -> bool:
        """Whether a share of the time limit has passed, or Ctrl-C came."""
        return self.interrupted or self.seconds > share * (self.limit or math.inf)

    def tell(self, phase: str, done: float, note: str) -> None:
        """Of a phase, how far it is."""
        if self.callback is not None:
            self.callback(PhaseProgress(phase, done, note))
