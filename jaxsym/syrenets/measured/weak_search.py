"""Which windows and which library explain the integrated torques of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.inference import window_lengths
from jaxsym.progress import PhaseProgress
from jaxsym.syrenets.besides import Options, Role, besides
from jaxsym.syrenets.direct import libraries_for
from jaxsym.syrenets.fitting import (
    FittedLagrangian,
    Solved,
    dissipative,
    read,
    relative_torque_error,
)
from jaxsym.syrenets.library import Library
from jaxsym.syrenets.measured.weak import Measured, WeakTorques, whitened
from jaxsym.syrenets.regression import sparse_fit

_MOST_ROWS = 1500  # whitened together: the time grows as their cube
_ROWS_EACH = 3  # rows for each term
_TURNS = 2  # in which a Lagrangian tells the noise of rows, and these the Lagrangian
# Of what is left over what noise explains: more is motion that smoothing or terms leave.
_NOISE_ALONE = 1.3
_LEARNED = 0.8  # share of the time; on the rest the torques are compared


class WeakFit(NamedTuple):
    """A Lagrangian, and the rows that it was fitted to.

    Attributes:
      fit: the Lagrangian.
      chi2: mean square of what is left of the whitened rows, about 1 where noise is all.
      bits: of its description: misfit and terms.
      rows: K windows.
      columns: of the S terms and what acts besides, that were chosen.
      target: what they add up to.
      covariance: of the rows' noise, J = K D.
    """

    fit: FittedLagrangian
    chi2: float
    bits: float
    rows: WeakTorques
    columns: Float[np.ndarray, "K D S"]
    target: Float[np.ndarray, "K D"]
    covariance: Float[np.ndarray, "J J"]

    def held_out_error(self) -> float:
        """Of the last part's integrated torques, by constants fitted to the part before."""
        (count, dims), ends = self.target.shape, (self.rows.start[0], self.rows.end[-1])
        border = ends[0] + _LEARNED * (ends[1] - ends[0])
        early = np.repeat(self.rows.end <= border, dims)
        flat = np.column_stack([self.target.ravel(), self.columns.reshape(count * dims, -1)])
        white = whitened(flat[early], self.covariance[np.ix_(early, early)])
        numbers = np.linalg.lstsq(white[:, 1:], white[:, 0])[0]
        late = self.rows.start >= border
        return relative_torque_error(self.columns[late] @ numbers, self.target[late])


def weak_search(
    measured: Measured,
    options: Options,
    terms: Sequence[Expression] | None,
    tell: Callable[[PhaseProgress], None],
    over: Callable[[], bool],
) -> WeakFit:
    """The smallest library that leaves noise alone, or the one of the shortest description.

    Args:
      measured: the run.
      options: what may act besides.
      terms: to choose from, instead of the usual libraries.
      tell: of what is done.
      over: whether to end early.

    Raises:
      ValueError: no term explains the torques.
    """
    search = _Search(measured, options, tell)
    libraries = libraries_for(search.states, terms)
    best = search.windows(next(libraries), over)
    for library in libraries:
        if best.chi2 <= _NOISE_ALONE or over() or not search.enough(best.rows, library):
            break
        other = search.fit(library, best.rows)
        if other is not None and other.bits < best.bits:
            best = other
    return best


class _Search:
    """Fits of one run."""

    def __init__(self, measured: Measured, options: Options, tell: Callable[[PhaseProgress], None]):
        self.measured, self.options, self.tell = measured, options, tell
        self.states, self.dims = measured.states, measured.q.shape[1]

    def windows(self, library: Library, over: Callable[[], bool]) -> WeakFit:
        """The fit with the shortest windows in which noise alone is left, or that leave least."""
        best = None
        for lengths in _pairs(self.measured.time):
            rows = WeakTorques.of(self.measured.time, lengths)
            if len(rows.end) * self.dims > _MOST_ROWS:
                continue
            if best is not None and (over() or not self.enough(rows, library)):
                break
            found = self.fit(library, rows)
            if found is not None and (best is None or found.chi2 < best.chi2):
                best = found
            if best is not None and best.chi2 <= _NOISE_ALONE:
                break
        if best is None:
            raise ValueError(
                "no term of the library explains the torques; expected torques that the motion "
                "needs, and samples that are close enough to follow it"
            )
        return best

    def enough(self, rows: WeakTorques, library: Library) -> bool:
        """Whether there are rows enough for a library."""
        return len(rows.end) * self.dims >= _ROWS_EACH * len(library)

    def fit(self, library: Library, rows: WeakTorques) -> WeakFit | None:
        """By rows as they are at first, then whitened with what the Lagrangian makes of noise."""
        if not self.enough(rows, library):
            return None
        columns, covariance, found = rows.columns(library, self.states), None, None
        for turn in range(_TURNS + 1):
            solve = partial(self._solve, columns, rows, covariance)
            solved = dissipative(solve, solve(frozenset()), library, self.dims)
            fit = read(solved, library, self.states, self.options)._replace(noise=None)
            if not len(fit.library):
                return None
            if covariance is not None:
                found = self._judged(fit, solved, columns, rows, covariance)
                note = f"{len(fit.library)} terms of {len(library)}, chi2 a row {found.chi2:.2f}"
                self.tell(PhaseProgress("weak form", turn / _TURNS, note))
            covariance = rows.covariance(self.measured, fit)
        return found

    def _solve(
        self,
        columns: Float[np.ndarray, "K D P"],
        rows: WeakTorques,
        covariance: Float[np.ndarray, "J J"] | None,
        refused: frozenset[Role],
    ) -> Solved:
        beside = besides(self.states, self.options, refused=refused)
        table = np.concatenate([columns, rows.torques(beside.columns)], axis=-1)
        target = rows.torques(beside.target)
        gains = [role.kind == "gain" for role in beside.roles]
        kept = np.array([False] * columns.shape[-1] + gains)
        if covariance is not None:
            flat = np.column_stack([target.ravel(), table.reshape(target.size, -1)])
            white = whitened(flat, covariance)
            table, target = white[:, None, 1:], white[:, :1]
        return Solved(sparse_fit(table, target, kept=kept), beside, {}, refused)

    def _judged(
        self,
        fit: FittedLagrangian,
        solved: Solved,
        columns: Float[np.ndarray, "K D P"],
        rows: WeakTorques,
        covariance: Float[np.ndarray, "J J"],
    ) -> WeakFit:
        table = np.concatenate([columns, rows.torques(solved.beside.columns)], axis=-1)
        chosen, target = solved.fit.support, rows.torques(solved.beside.target)
        chi2 = float(solved.fit.scale[0] ** 2)
        # the extended criterion of `sparse_fit`, in units of two nats
        price = np.log(target.size) + 2 * np.log(table.shape[-1])
        bits = target.size * chi2 + len(chosen) * price
        return WeakFit(fit, chi2, float(bits), rows, table[..., chosen], target, covariance)


def _pairs(time: Float[np.ndarray, " T"]) -> Iterator[tuple[float, float]]:
    """Lengths of windows, the second twice the first."""
    lengths = window_lengths(time)
    return ((float(x), float(min(2 * x, lengths[-1]))) for x in lengths[1:])
