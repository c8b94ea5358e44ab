"""`Observations`: measured series of any number of trajectories, with their errors and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from jaxsym._check import require


class Observations(NamedTuple):
    """R trajectories of M measured columns at up to T times each.

    Shorter trajectories are padded at the end: their last time is repeated and nothing is present.

    Attributes:
      time: increasing up to the trajectory's length.
      value: zero where nothing was measured.
      present: where something was.
      sigma: standard error of each value, 1 where nothing was measured; None where it is unknown.
      lengths: how many times each trajectory has.
      inputs: what the vector field is given beside constants, state and time: a pytree of arrays
        with the trajectories on their first axis; None for nothing.
    """

    time: Float[np.ndarray, "R T"]
    value: Float[np.ndarray, "R T M"]
    present: Bool[np.ndarray, "R T M"]
    sigma: Float[np.ndarray, "R T M"] | None
    lengths: Int[np.ndarray, " R"]
    inputs: Any = None

    @property
    def columns(self) -> int:
        """M, the number of measured columns."""
        return self.value.shape[2]

    def with_sigma(self, sigma: ArrayLike) -> Observations:
        """With other standard errors: a number, ``[M]``, or ``[R, T, M]``."""
        spread = np.broadcast_to(np.asarray(sigma, np.float64), self.value.shape)
        return self._replace(sigma=np.where(self.present, spread, 1.0))

    def backward(self) -> tuple[Observations, Int[np.ndarray, "R T"]]:
        """The last samples first, at times of the other sign; and where each sample was or is.

        >>> data = observations([[0.0, 1.0, 3.0]], [[[5.0], [6.0], [7.0]]])
        >>> back, place = data.backward()
        >>> back.time.tolist(), back.value[0, :, 0].tolist(), place.tolist()
        ([[-3.0, -1.0, -0.0]], [7.0, 6.0, 5.0], [[2, 1, 0]])
        """
        runs, times = self.time.shape
        place = np.maximum(self.lengths[:, None] - 1 - np.arange(times), 0)
        row, padding = np.arange(runs)[:, None], np.arange(times) >= self.lengths[:, None]
        sigma = None if self.sigma is None else self.sigma[row, place]
        back = self._replace(
            time=-self.time[row, place],
            value=self.value[row, place],
            present=self.present[row, place] & ~padding[..., None],
            sigma=sigma,
        )
        return back, place


def observations(
    time: ArrayLike | Sequence[ArrayLike],
    value: ArrayLike | Sequence[ArrayLike],
    *,
    sigma: ArrayLike | Sequence[ArrayLike] | None = None,
    inputs: Any = None,
) -> Observations:
    """Check measured series and pad them to one size.

    Args:
      time: ``[T]`` for all trajectories, or a list of ``[T_r]`` for R trajectories.
      value: ``[R, T, M]``, ``[T, M]`` for one trajectory, or a list of ``[T_r, M]``; NaN where
        nothing was measured.
      sigma: standard errors: a number, ``[M]``, or the shape of ``value``; None if unknown.
      inputs: a pytree of arrays with R trajectories on the first axis.

    Raises:
      ValueError: shapes that disagree, infinite values, times that do not increase, fewer than two
        times, a column that was never measured, a sigma that is not positive.

    >>> seen = observations([0.0, 0.1, 0.3], [[1.0, 2.0], [np.nan, 2.1], [1.2, 2.4]], sigma=0.1)
    >>> seen.value.shape, int(seen.present.sum())
    ((1, 3, 2), 5)
    """
    values = _series(value)
    times = _times(time, [len(each) for each in values])
    count = np.array([len(each) for each in times])
    shape = (len(values), int(count.max()), values[0].shape[1])
    t, y, present = np.empty(shape[:2]), np.zeros(shape), np.zeros(shape, bool)
    for run, (when, series) in enumerate(zip(times, values, strict=True)):
        t[run] = np.pad(when, (0, shape[1] - len(when)), mode="edge")
        present[run, : len(when)] = np.isfinite(series)
        y[run, : len(when)] = np.nan_to_num(series)
    never = np.flatnonzero(~present.any(axis=(0, 1)))
    require(
        not len(never),
        f"value has no measurement in column {never[:1].tolist()}; expected some in each column",
    )
    _check_inputs(inputs, len(values))
    errors = None if sigma is None else _sigma(sigma, values, shape, present)
    return Observations(t, y, present, errors, count, inputs)


def _series(value: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    if isinstance(value, list | tuple) and len(value) and np.ndim(value[0]) == 2:
        series = [np.asarray(each, np.float64) for each in value]
    else:
        array = np.asarray(value, np.float64)
        require(
            array.ndim in (2, 3) and array.size > 0,
            f"value has shape {array.shape}; expected [R, T, M] or [T, M], nothing empty",
        )
        series = list(array if array.ndim == 3 else array[None])
    for run, each in enumerate(series):
        require(
            each.ndim == 2 and each.shape[1] == series[0].shape[1],
            f"value of trajectory {run} has shape {each.shape}; expected [T, M] with the same M "
            f"as the first, {series[0].shape[1:]}",
        )
        require(
            len(each) >= 2, f"value of trajectory {run} has {len(each)} times; expected at least 2"
        )
        require(
            not np.isinf(each).any(),
            f"value of trajectory {run} is infinite; expected numbers, or NaN where nothing "
            "was measured",
        )
    return series


def _times(time: ArrayLike | Sequence[ArrayLike], counts: list[int]) -> list[np.ndarray]:
    if isinstance(time, list | tuple) and len(time) and np.ndim(time[0]) == 1:
        times = [np.asarray(each, np.float64) for each in time]
    else:
        array = np.asarray(time, np.float64)
        times = list(array) if array.ndim == 2 else [array] * len(counts)
    require(
        [each.shape for each in times] == [(count,) for count in counts],
        f"time has shapes {[each.shape for each in times]}; expected one entry for each time of "
        f"value, {[(count,) for count in counts]}",
    )
    for run, each in enumerate(times):
        wrong = np.flatnonzero(~(np.diff(each) > 0))
        if len(wrong):
            i = int(wrong[0])
            raise ValueError(
                f"time of trajectory {run} does not increase at index {i + 1}: {each[i + 1]} after "
                f"{each[i]}; expected increasing times"
            )
    return times


def _sigma(
    sigma: ArrayLike | Sequence[ArrayLike],
    values: list[np.ndarray],
    shape: tuple[int, int, int],
    present: np.ndarray,
) -> np.ndarray:
    errors = np.ones(shape)
    listed = isinstance(sigma, list | tuple) and len(sigma) and np.ndim(sigma[0]) == 2
    array = None if listed else np.asarray(sigma, np.float64)
    for run, series in enumerate(values):
        own = np.asarray(sigma[run] if listed else array, np.float64)  # type: ignore[index]
        own = own[run] if own.ndim == 3 else own
        try:
            errors[run, : len(series)] = np.broadcast_to(own, series.shape)
        except ValueError:
            raise ValueError(
                f"sigma has shape {own.shape} for trajectory {run}; expected a number, "
                f"({shape[2]},) or {series.shape}"
            ) from None
    wrong = np.argwhere(present & ~((errors > 0) & np.isfinite(errors)))
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        raise ValueError(f"sigma is {errors[place]} at index {place}; expected positive numbers")
    return np.where(present, errors, 1.0)


def _check_inputs(inputs: Any, runs: int) -> None:
    for leaf in jax.tree.leaves(inputs):
        require(
            np.ndim(leaf) >= 1 and len(leaf) == runs,
            f"inputs holds an array of shape {np.shape(leaf)}; expected {runs} trajectories on the "
            "first axis",
        )
