"""What a callback is told while a long work passes through its phases."""

from __future__ import annotations

from typing import NamedTuple


class PhaseProgress(NamedTuple):
    """How far a phase is.

    Attributes:
      phase: its name: "data", "train", "extract", "search", "refit" or "verify" of a discovery of
        pair laws; "network", "harden", "direct" or "verify" of one of Lagrangians; "data",
        "sums", "search", "fit" or "verify" of equations of motion.
      done: share of the phase, 0 to 1.
      note: a few words or numbers.
      seconds_left: in the phase, where known.
    """

    phase: str
    done: float
    note: str
    seconds_left: float | None = None
