"""How long compiling takes: it cannot be broken off, so time limits are told apart from it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache

from jax import monitoring

_EVENTS = "/jax/core/compile/"  # tracing, lowering and XLA's work, as JAX reports them
_KEPT = 1000  # last spans, which a span that holds them absorbs


class _Spans(threading.local):
    """Of one thread: the time that is within any of its spans."""

    def __init__(self) -> None:
        self.total = 0.0
        self.last: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def add(self, start: float, end: float) -> None:
        """A span that ends now; what it holds, such as a function traced within it, counts once."""
        while self.last and self.last[-1][0] >= start:
            inner, ended = self.last.pop()
            self.total -= ended - inner
        start = max(start, self.last[-1][1]) if self.last else start
        self.last.append((start, end))
        self.total += end - start


_spans = _Spans()


def compile_clock() -> Callable[[], float]:
    """A clock that tells for how many seconds this thread has compiled since now.

    >>> import jax
    >>> clock = compile_clock()
    >>> before = clock()
    >>> jax.block_until_ready(jax.jit(lambda x: 2 * x + 1)(1.0)).item()
    3.0
    >>> before, clock() > 0
    (0.0, True)
    """
    _listen()
    begin = _spans.total
    return lambda: _spans.total - begin


def count_since(start: float) -> None:
    """Count this thread's time since a moment as compiling: it waited for a thread that compiled.

    Args:
      start: by `time.monotonic`.
    """
    _spans.add(start, time.monotonic())


@cache
def _listen() -> None:
    """Be told by JAX, from the first clock on."""
    monitoring.register_event_duration_secs_listener(_note)


def _note(event: str, duration_secs: float, **about: str | int) -> None:
    if event.startswith(_EVENTS):
        now = time.monotonic()
        _spans.add(now - duration_secs, now)
