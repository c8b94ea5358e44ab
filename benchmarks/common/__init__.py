"""What all benchmarks share: clocks, the record of code and machine, files, tables, processes.

Engines that are compared run in processes of their own and import this room, so it needs nothing
but Python.
"""

from benchmarks.common.machine import ROOT, code_state, is_current, machine, stamped
from benchmarks.common.results import arguments, kept, show, write
from benchmarks.common.timing import clock, interleave, spread, times_faster

__all__ = [
    "ROOT",
    "arguments",
    "clock",
    "code_state",
    "interleave",
    "is_current",
    "kept",
    "machine",
    "show",
    "spread",
    "stamped",
    "times_faster",
    "write",
]
