"""Ctrl-C as a request to stop at the next safe place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Handler:
    """Notes the first Ctrl-C for all blocks that are open; a second one raises."""

    def __init__(self) -> None:
        self.noted = False
        self.flags: list[threading.Event] = []

    def __call__(self, signum: int, frame: object) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True
        for flag in self.flags:
            flag.set()


@contextmanager
def interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Inside the block the first Ctrl-C only sets a flag; a second one raises as usual.

    An exception between a dispatch, which consumes its input, and the assignment of its output
    would lose the state. Blocks nest: one Ctrl-C sets the flags of all blocks open at that moment,
    so that none is lost between two inner blocks, and a later inner block begins afresh. Yields a
    function that tells whether the flag is set. Threads other than the main one never see Ctrl-C,
    and a program's own handler is left alone: there it stays False.
    """
    flag = threading.Event()
    outer = signal.getsignal(signal.SIGINT)
    ours = isinstance(outer, _Handler)
    default = outer is signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or not (ours or default):
        yield flag.is_set
        return
    handler = outer if isinstance(outer, _Handler) else _Handler()
    handler.flags.append(flag)
    if default:
        signal.signal(signal.SIGINT, handler)
    try:
        yield flag.is_set
    finally:
        handler.flags.remove(flag)
        if default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
