"""`TimeSeries`: measured states of a system, with gaps as may be, and inputs that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

TIME = "t"  # the name of time in equations
_ROUNDING = 1e-12  # of a state's size


class TimeSeries(NamedTuple):
    """R trajectories of M states and U inputs, the trajectory r at T_r times.

    Attributes:
      names: of the states.
      input_names: of the inputs.
      time: ``[T_r]`` for each trajectory, increasing.
      values: ``[T_r, M]``, NaN where nothing was measured.
      inputs: ``[T_r, U]``, without gaps.
      sigma: ``[T_r, M]`` standard errors; None where they are not known.
    """

    names: tuple[str, ...]
    input_names: tuple[str, ...]
    time: list[Float[np.ndarray, " T"]]
    values: list[Float[np.ndarray, "T M"]]
    inputs: list[Float[np.ndarray, "T U"]]
    sigma: list[Float[np.ndarray, "T M"]] | None

    @property
    def runs(self) -> int:
        """R, the number of trajectories."""
        return len(self.time)

    @property
    def stacked(self) -> Float[np.ndarray, "N M"]:
        """The states of all trajectories, one after another."""
        return np.concatenate(self.values)

    @property
    def deviation(self) -> Float[np.ndarray, " M"]:
        """Standard deviation of each state over all trajectories."""
        return np.nanstd(self.stacked, axis=0)

    @property
    def constant(self) -> Bool[np.ndarray, " M"]:
        """Which states never change, up to rounding."""
        return self.deviation <= _ROUNDING * np.nanmax(np.abs(self.stacked), axis=0)

    def without(self, run: int) -> TimeSeries:
        """All trajectories but one."""
        return self._cut([slice(0, 0 if r == run else None) for r in range(self.runs)])

    def only(self, run: int) -> TimeSeries:
        """One of the trajectories."""
        return self._cut([slice(0, None if r == run else 0) for r in range(self.runs)])

    def begin(self, share: float) -> TimeSeries:
        """The first part of every trajectory, a share of its samples."""
        return self._cut([slice(0, round(share * len(t))) for t in self.time])

    def _cut(self, chosen: Sequence[slice]) -> TimeSeries:
        def kept(arrays: list[np.ndarray]) -> list[np.ndarray]:
            parts = (array[where] for array, where in zip(arrays, chosen, strict=True))
            return [part for part in parts if len(part)]

        return self._replace(
            time=kept(self.time),
            values=kept(self.values),
            inputs=kept(self.inputs),
            sigma=None if self.sigma is None else kept(self.sigma),
        )
