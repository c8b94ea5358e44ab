"""Ctrl-C as a request to stop at the next safe place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Inside the block the first Ctrl-C only sets a flag; a second one raises as usual.

    An exception between a dispatch, which consumes its input, and the assignment of its output
    would lose the state. Yields a function that tells whether the flag is set. Threads other than
    the main one never see Ctrl-C, and a program's own handler is left alone: there it stays False.
    """
    flag = threading.Event()
    default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not default or threading.current_thread() is not threading.main_thread():
        yield flag.is_set
        return

    def on_interrupt(signum: int, frame: object) -> None:
        flag.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield flag.is_set
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
