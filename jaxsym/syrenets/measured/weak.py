"""Torques from noisy positions: the equations of motion as integrals, with all noise counted.

A test function psi that vanishes at the ends of a window takes the time derivative from the
momentum: ``int psi tau_i dt = -int psi' dL/dqd_i dt - int psi dL/dq_i dt``, linear in L. No
acceleration is needed. Positions enter through the smoothed states as well, so that to first order
a row's noise is a matrix times the noise of positions, besides that of the torques (as in WENDy:
Bortz, Messenger & Dukic 2023, arXiv 2302.13271, section 2.3). Rows are whitened with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float

from jaxsym.datasets import MechanicalData
from jaxsym.inference import Smoothed, smooth, weak_form
from jaxsym.syrenets.fitting import FittedLagrangian
from jaxsym.syrenets.library import Library

# Of the variances: rows of overlapping windows may nearly be sums of others.
_JITTER = 1e-9
_SMALL = 1e-5  # step of differences, in sizes of the state


class Measured(NamedTuple):
    """Positions and torques of one run, with their noise.

    Attributes:
      time: increasing.
      q, tau: measured.
      q_sigma, tau_sigma: standard deviations of their noise.
      smoothed: the states at the same times.
    """

    time: Float[np.ndarray, " T"]
    q: Float[np.ndarray, "T D"]
    tau: Float[np.ndarray, "T D"]
    q_sigma: Float[np.ndarray, " D"]
    tau_sigma: Float[np.ndarray, " D"]
    smoothed: Smoothed

    @classmethod
    def of(
        cls,
        time: Float[np.ndarray, " T"],
        q: Float[np.ndarray, "T D"],
        tau: Float[np.ndarray, "T D"],
        q_sigma: Float[np.ndarray, " D"],
        tau_sigma: Float[np.ndarray, " D"],
    ) -> Measured:
        """With the states smoothed."""
        return cls(time, q, tau, q_sigma, tau_sigma, smooth(time, q[:, :, None], q_sigma[:, None]))

    @property
    def states(self) -> MechanicalData:
        """Smoothed, with the torques as they were measured."""
        q, qd, qdd = self.smoothed.estimate[..., 0]
        return MechanicalData(q, qd, qdd, self.tau)


class WeakTorques(NamedTuple):
    """K windows for each of D coordinates: rows in which torques are integrals.

    Attributes:
      start, end: of the windows.
      held: ``[K, T]``: the integral of psi times a series.
      moved: that of psi' times a series.
    """

    start: Float[np.ndarray, " K"]
    end: Float[np.ndarray, " K"]
    held: scipy.sparse.csr_array
    moved: scipy.sparse.csr_array

    @classmethod
    def of(cls, time: Float[np.ndarray, " T"], lengths: Sequence[float]) -> WeakTorques:
        """Windows of some lengths, in the order of their ends."""
        form = weak_form(time, lengths=lengths)
        order = np.argsort(form.end, kind="stable")
        held, moved, _ = (matrix[order] for matrix in form.sampled)
        return cls(form.start[order], form.end[order], held, moved)

    def torques(self, values: Float[np.ndarray, "T D R"]) -> Float[np.ndarray, "K D R"]:
        """Integrals of what acts on the coordinates."""
        return _along(self.held, values)

    def columns(self, library: Library, states: MechanicalData) -> Float[np.ndarray, "K D P"]:
        """The torques that each term alone would need."""
        by_q, by_qd = library.gradients(states.q, states.qd)
        return -_along(self.moved, by_qd) - _along(self.held, by_q)

    def covariance(self, measured: Measured, fit: FittedLagrangian) -> Float[np.ndarray, "J J"]:
        """Of the noise of all rows, J = K D, the coordinate changing fastest.

        Args:
          measured: the run.
          fit: a Lagrangian near the right one.
        """
        count, dims = self.held.shape[0], measured.q.shape[1]
        total = np.zeros((count, dims, count, dims))
        own = (self.held @ self.held.T).toarray()
        for i, sigma in enumerate(fit.gains * measured.tau_sigma):
            total[:, i, :, i] += sigma**2 * own
        slopes = _hessians(fit, measured.states)
        for source, sigma in enumerate(measured.q_sigma):
            through = np.stack(
                [self._through(measured, fit, slopes, i, source) for i in range(dims)], axis=1
            ).reshape(count * dims, -1)
            total += (sigma**2 * through @ through.T).reshape(total.shape)
        return total.reshape(count * dims, count * dims)

    def _through(
        self, measured: Measured, fit: FittedLagrangian, slopes: np.ndarray, i: int, j: int
    ) -> Float[np.ndarray, "K T"]:
        """How the rows of coordinate i change with the samples of coordinate j."""
        dims, operators = measured.q.shape[1], measured.smoothed.operators[j]
        total = np.zeros(self.held.shape)
        for k, operator in enumerate(operators[:2]):
            place = j + k * dims
            momentum, force = slopes[:, dims + i, place], slopes[:, i, place]
            if k == 1:
                force = force - fit.friction[i, j]
            rows = self.moved @ scipy.sparse.diags_array(momentum)
            rows = rows + self.held @ scipy.sparse.diags_array(force)
            total += (rows @ operator).toarray()
        return total


def whitened(
    rows: Float[np.ndarray, "J C"], covariance: Float[np.ndarray, "J J"]
) -> Float[np.ndarray, "J C"]:
    """Columns over the rows, such that their noise is independent and of variance 1."""
    own = np.array(covariance)
    own[np.diag_indices(len(own))] *= 1 + _JITTER
    factor = scipy.linalg.cholesky(own, lower=True)
    return scipy.linalg.solve_triangular(factor, rows, lower=True)


def _along(matrix: scipy.sparse.csr_array, values: np.ndarray) -> np.ndarray:
    """A matrix times a table whose first axis is time."""
    flat = matrix @ values.reshape(len(values), int(np.prod(values.shape[1:])))
    return flat.reshape(len(flat), *values.shape[1:])


def _hessians(fit: FittedLagrangian, states: MechanicalData) -> Float[np.ndarray, "T 2D 2D"]:
    """Second derivatives of L by coordinates and velocities, by differences of the first.

    They weigh rows and enter no equation: six digits are more than enough.
    """
    state, dims = np.concatenate([states.q, states.qd], axis=1), states.q.shape[1]
    steps = _SMALL * (1 + np.abs(state).max(axis=0))

    def slopes(x: np.ndarray) -> np.ndarray:
        parts = fit.library.gradients(x[:, :dims], x[:, dims:])
        return np.concatenate(parts, axis=1) @ fit.numbers

    moves = np.diag(steps)
    changes = [(slopes(state + move) - slopes(state - move)) for move in moves]
    return np.stack(changes, axis=2) / (2 * steps)
