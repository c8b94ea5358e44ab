"""Clocks of calls that take turns, and what they say."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def clock(call: Callable[[], object]) -> dict[str, float]:
    """Seconds that a call takes, and seconds of the processor, which other programs do not take.

    The call must block until its work is done.

    >>> sorted(clock(list))
    ['cpu_seconds', 'seconds']
    """
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def interleave(
    calls: Mapping[str, Callable[[], dict[str, float]]], turns: int
) -> list[dict[str, dict[str, float]]]:
    """The clocks that each call returns, turn by turn: a busy moment hits all calls alike.

    >>> len(interleave({"a": lambda: clock(list), "b": lambda: clock(dict)}, 3))
    3
    """
    return [{name: call() for name, call in calls.items()} for _ in range(turns)]


def times_faster(
    turns: Sequence[Mapping[str, dict[str, float]]], ours: str, other: str
) -> dict[str, dict[str, float]]:
    """How many times faster ours is than the other, by each clock, turn by turn.

    >>> turn = {"a": {"seconds": 1.0}, "b": {"seconds": 2.0}}
    >>> times_faster([turn], "a", "b")["seconds"]["median"]
    2.0
    """
    return {
        name: spread([turn[other][name] / turn[ours][name] for turn in turns])
        for name in turns[0][ours]
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'least': 1.0, 'most': 3.0}
    """
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}
