"""Trajectories cut into segments of whole intervals between samples.

Where bodies meet, an interval needs many steps, and small changes grow in it; where they are far
apart, one step reaches over it. A segment ends after some intervals, or before many more steps than
these usually need: so that encounters are segments of their own.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym.inference.shooting.series import Observations

Numbers: TypeAlias = Array | np.ndarray

_STEPS = 16  # that a segment may have in any case: about half a turn


class Segments(NamedTuple):
    """R trajectories in J segments of up to L intervals, with M measured columns.

    The samples of a segment are at its start and at its stops. The last of its stops is the start
    of the next segment, which has the sample there.

    Attributes:
      start: times of the first states.
      stops: times that follow; the last of them is repeated.
      count: how many there are.
      step: the first step that is tried in each segment.
      order: of the segments of a trajectory, by the steps that they are thought to need.
      value: measured.
      weight: one over the standard error; zero where nothing was measured.
    """

    start: Float[Numbers, "R J"]
    stops: Float[Numbers, "R J L"]
    count: Int[Numbers, "R J"]
    step: Float[Numbers, "R J"]
    order: Int[Numbers, "R J"]
    value: Float[Numbers, "R J L1 M"]
    weight: Float[Numbers, "R J L1 M"]


class Places(NamedTuple):
    """Where the samples of `Observations` went, and which of them starts each segment.

    Attributes:
      segment: of each sample.
      slot: of each sample in its segment.
      first: sample at the start of each segment.
    """

    segment: Int[np.ndarray, "R T"]
    slot: Int[np.ndarray, "R T"]
    first: Int[np.ndarray, "R J"]

    def gather(self, values: np.ndarray) -> np.ndarray:
        """``[R, J, L + 1, ...]`` as ``[R, T, ...]``."""
        return values[np.arange(len(self.segment))[:, None], self.segment, self.slot]


def cut(
    data: Observations,
    steps: Int[np.ndarray, "R T-1"],
    lengths: Float[np.ndarray, "R T-1"],
    intervals: int,
    segments: int = 0,
) -> tuple[Segments, Places]:
    """Lay out the segments.

    Args:
      data: what was measured; sigma known.
      steps: that each interval between samples needs.
      lengths: of these steps.
      intervals: L, the most in a segment.
      segments: J, if it is given: those at the end are empty, and segments with more steps are
        allowed where it would not do otherwise.

    >>> from jaxsym.inference.shooting.series import observations
    >>> data = observations([0.0, 1.0, 2.0, 3.0, 4.0], np.ones((5, 1)), sigma=1.0)
    >>> laid, _ = cut(data, np.array([[1, 1, 20, 1]]), np.ones((1, 4)), 2)
    >>> laid.start.tolist(), laid.count.tolist()
    ([[0.0, 2.0, 3.0]], [[2, 1, 1]])
    """
    assert data.sigma is not None
    runs = len(data.time)
    most = max(intervals * float(np.median(steps[np.diff(data.time, axis=1) > 0])), _STEPS)
    while True:
        joints = [
            joints_of(number[: length - 1], intervals, most)
            for number, length in zip(steps, data.lengths, strict=True)
        ]
        needed = max(map(len, joints)) - 1
        if not segments or needed <= segments or most > steps.sum(axis=1).max():
            break
        most *= 2
    count = max(segments, round_up(needed))
    first = np.stack([np.pad(each, (0, count + 1 - len(each)), mode="edge") for each in joints])
    slots = np.arange(intervals + 1)
    index = np.minimum(first[:, :-1, None] + slots, first[:, 1:, None])
    row = np.arange(runs)[:, None, None]
    # the sample at the end is the next segment's, but for the last one
    last = (first[:, 1:] == data.lengths[:, None] - 1) & (first[:, :-1] < first[:, 1:])
    inside = slots < (np.diff(first, axis=1) + last)[..., None]
    weight = np.where(inside[..., None], (data.present / data.sigma)[row, index], 0.0)
    time = data.time[row, index]
    interval = np.minimum(first[:, :-1], data.time.shape[1] - 2)
    before = np.concatenate([np.zeros((runs, 1), int), np.cumsum(steps, axis=1)], axis=1)
    cost = np.diff(np.take_along_axis(before, first, axis=1), axis=1)
    segment, slot = np.zeros(data.time.shape, int), np.zeros(data.time.shape, int)
    where = np.nonzero(inside)
    segment[where[0], index[where]] = where[1]
    slot[where[0], index[where]] = where[2]
    # beyond a trajectory's end, the last one
    sample = np.minimum(np.arange(data.time.shape[1]), data.lengths[:, None] - 1)
    segment, slot = (np.take_along_axis(a, sample, axis=1) for a in (segment, slot))
    laid = Segments(
        time[..., 0], time[..., 1:], np.diff(first, axis=1),
        np.take_along_axis(lengths, interval, axis=1), np.argsort(cost, axis=1, kind="stable"),
        data.value[row, index], weight,
    )  # fmt: skip
    return laid, Places(segment, slot, first[:, :-1])


def joints_of(steps: Int[np.ndarray, " I"], intervals: int, most: float) -> list[int]:
    """The samples at which segments start, and the last one.

    >>> joints_of(np.array([1, 1, 1, 9, 1]), 2, 2)
    [0, 2, 3, 4, 5]
    """
    joints, taken = [0], 0
    for place, number in enumerate(steps):
        full = place - joints[-1] == intervals or taken + number > most
        if place > joints[-1] and full:
            joints.append(place)
            taken = 0
        taken += number
    return [*joints, len(steps)]


def round_up(count: int) -> int:
    """To three binary digits, so that a few sizes are compiled and not all of them.

    >>> [round_up(n) for n in (1, 7, 9, 33)]
    [1, 7, 10, 40]
    """
    unit = 1 << max(count.bit_length() - 3, 0)
    return -(-count // unit) * unit
