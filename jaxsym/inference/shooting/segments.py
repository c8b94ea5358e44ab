"""Trajectories cut into segments of equally many integrator steps.

Where bodies meet, an interval between two samples needs many steps; where they are far apart, one
step reaches over it. The steps are counted beforehand by halving them until the motion stands
still, laid end to end, and cut into segments of the same number of steps, wherever that falls: so
every segment costs the same, and all of them are integrated side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym.inference.shooting.motion import Method, rollout
from jaxsym.inference.shooting.series import Observations

Numbers: TypeAlias = Array | np.ndarray

_MOST_STEPS = 256  # between two samples; what is not resolved then is left to robust weights
_ORDER = 5  # of the least exact method whose errors are extrapolated


class Segments(NamedTuple):
    """R trajectories in J segments of N steps, each with up to L samples of M columns.

    Attributes:
      start: times of the first states.
      steps: lengths; zero where a trajectory has ended.
      at: after how many steps each sample is taken.
      time: of the samples.
      value: measured.
      weight: one over the standard error; zero where nothing was measured.
    """

    start: Float[Numbers, "R J"]
    steps: Float[Numbers, "R J N"]
    at: Int[Numbers, "R J L"]
    time: Float[Numbers, "R J L"]
    value: Float[Numbers, "R J L M"]
    weight: Float[Numbers, "R J L M"]


class Path(NamedTuple):
    """States along one trajectory at Q increasing times."""

    time: Float[np.ndarray, " Q"]
    state: Float[np.ndarray, "Q S"]

    def before(
        self, time: Float[np.ndarray, " J"]
    ) -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, "J S"]]:
        """The last of its times that are not later than each of these, and the states there."""
        place = np.maximum(np.searchsorted(self.time, time, side="right") - 1, 0)
        return self.time[place], self.state[place]


class Places(NamedTuple):
    """Where the samples of `Observations` went: segment and slot, both ``[R, T]``."""

    segment: Int[np.ndarray, "R T"]
    slot: Int[np.ndarray, "R T"]

    def gather(self, values: np.ndarray) -> np.ndarray:
        """``[R, J, L, ...]`` as ``[R, T, ...]``."""
        return values[np.arange(len(self.segment))[:, None], self.segment, self.slot]


def cut(
    data: Observations, counts: Int[np.ndarray, "R T-1"], steps: int
) -> tuple[Segments, Places]:
    """Lay out the segments.

    Args:
      data: what was measured; sigma known.
      counts: steps in each interval between samples; zero beyond a trajectory's end.
      steps: N, of each segment.

    >>> from jaxsym.inference.shooting.series import observations
    >>> data = observations([0.0, 1.0, 2.0, 3.0], np.ones((4, 1)), sigma=1.0)
    >>> segments, _ = cut(data, np.array([[1, 3, 2]]), 3)
    >>> segments.start.round(3).tolist(), segments.at.tolist()
    ([[0.0, 1.667]], [[[0, 1], [1, 3]]])
    """
    runs = len(data.time)
    before = np.concatenate([np.zeros((runs, 1), int), np.cumsum(counts, axis=1)], axis=1)
    total = before[:, -1]
    segments = round_up(int(-(-total.max() // steps)))
    segment = np.minimum(before // steps, (-(-total // steps) - 1)[:, None])
    order = _place_in_group(segment, data.lengths)
    slots = round_up(int(order.max()) + 1)
    start, lengths = np.empty((runs, segments)), np.zeros((runs, segments * steps))
    for run, (time, number) in enumerate(zip(data.time, counts, strict=True)):
        each = np.repeat(np.diff(time) / np.maximum(number, 1), number)
        lengths[run, : len(each)] = each
        # times of the joints without the rounding of a sum of steps
        joints = np.arange(segments) * steps
        last = max(int(data.lengths[run]) - 1, 1)
        start[run] = np.interp(joints, before[run, : last + 1], time[: last + 1])
    shape = (runs, segments, slots)
    at, when = np.zeros(shape, int), np.broadcast_to(start[..., None], shape).copy()
    value, weight = (np.zeros((*shape, data.columns)) for _ in range(2))
    for run, count in enumerate(data.lengths):
        to = (run, segment[run, :count], order[run, :count])
        at[to] = before[run, :count] - segment[run, :count] * steps
        when[to] = data.time[run, :count]
        value[to] = data.value[run, :count]
        assert data.sigma is not None
        weight[to] = data.present[run, :count] / data.sigma[run, :count]
    laid = Segments(start, lengths.reshape(runs, segments, steps), at, when, value, weight)
    return laid, Places(segment, np.minimum(order, slots - 1))


def path_through(time: Float[np.ndarray, "J N1"], state: Float[np.ndarray, "J N1 S"]) -> Path:
    """Segments end to end; each joint belongs to the segment that starts there."""
    time, state = time.ravel(), state.reshape(-1, state.shape[-1])
    keep = np.append(np.diff(time) > 1e-14 * np.abs(time).max(), True)
    return Path(time[keep], state[keep])


def round_up(count: int) -> int:
    """To three binary digits, so that a few sizes are compiled and not all of them.

    >>> [round_up(n) for n in (1, 7, 9, 33)]
    [1, 7, 10, 40]
    """
    unit = 1 << max(count.bit_length() - 3, 0)
    return -(-count // unit) * unit


def count_steps(
    advance: Callable[[int], Float[np.ndarray, "R T-1 S"]],
    gaps: Float[np.ndarray, "R T-1"],
    scale: Float[np.ndarray, " S"],
    tolerance: float,
) -> Int[np.ndarray, "R T-1"]:
    """How many steps each interval between two samples needs.

    Args:
      advance: the states at the intervals' ends after so many steps in each.
      gaps: lengths of the intervals; zero beyond a trajectory's end.
      scale: of the states' components.
      tolerance: of the difference that halving the steps may make, in units of the scale.
    """
    counts = np.where(gaps > 0, _MOST_STEPS, 0)
    open_, steps, coarse = gaps > 0, 1, advance(1)
    while open_.any() and steps < _MOST_STEPS:
        fine = advance(2 * steps)
        allowed = tolerance * scale + 1e-13 * np.abs(fine)
        with np.errstate(invalid="ignore"):
            ratio = np.max(np.abs(fine - coarse) / allowed, axis=-1)
        done = open_ & (ratio <= 1)
        # between this number and half of it, by the order of the error
        counts[done] = np.ceil(steps * np.maximum(ratio[done], 1e-3) ** (1 / _ORDER)).astype(int)
        open_, steps, coarse = open_ & ~done, 2 * steps, fine
    return counts


def _place_in_group(segment: Int[np.ndarray, "R T"], count: np.ndarray) -> np.ndarray:
    """The number of each sample among those of its segment; 0 beyond a trajectory's end."""
    order = np.zeros_like(segment)
    for k in range(1, segment.shape[1]):
        same = segment[:, k] == segment[:, k - 1]
        order[:, k] = np.where(same & (k < count), order[:, k - 1] + 1, 0)
    return order


def advance_intervals(
    field: Callable[[Any, Array, Array, Any], Array],
    method: Method,
    constants: Any,
    inputs: Any,
    state: Float[Array, "R Q S"],
    time: Float[Array, "R Q"],
    gap: Float[Array, "R Q"],
    steps: Int[Array, ""],
    most: Float[Array, ""],
) -> Float[Array, "R Q S"]:
    """Where each state is after a gap of time, in so many steps."""

    def one(inputs: Any, state: Array, time: Array, gap: Array) -> Array:
        step = gap / steps
        rate = lambda x, t: field(constants, x, t, inputs)  # noqa: E731
        move = lambda i, x: rollout(  # noqa: E731
            rate, method, x, time + i * step, step[None], most
        )[-1]
        return jax.lax.fori_loop(0, steps, move, state)

    over_times = jax.vmap(one, (None, 0, 0, 0))
    return jax.vmap(over_times)(inputs, state, time, gap)
