"""What equations must satisfy, in rows whose noise is independent and of variance 1.

For differential equations rows are weak forms, ``-int phi' x dt = int phi f dt`` (Messenger and
Bortz 2021, arXiv 2005.04339, section 2), whitened with the noise that also enters through the
states at which f is taken (Bortz, Messenger and Dukic 2023, arXiv 2302.13271, section 2.3).
For maps they are the samples themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float

from jaxsym.inference import Jacobians, WeakRows, weak_rows, whiten, window_lengths
from jaxsym.odes.measured.series import TIME, TimeSeries
from jaxsym.odes.measured.states import States

VELOCITY = "_dot"  # follows the name of a state in the name of its velocity
_RIDGE = 1e-6  # on standardized columns of the polynomial that stands for f at first


class Points(NamedTuple):
    """Where right-hand sides are evaluated: all samples of all trajectories.

    Attributes:
      variables: V names: states, their velocities (order 2), time, inputs.
      table: the values.
    """

    variables: tuple[str, ...]
    table: Float[np.ndarray, "N V"]

    def columns(self) -> dict[str, Float[np.ndarray, " N"]]:
        """By name."""
        return dict(zip(self.variables, self.table.T, strict=True))


class Rows(NamedTuple):
    """One state's equation: ``through @ f = target`` with errors of variance 1.

    Attributes:
      target: J numbers.
      through: a matrix, sparse where there are several trajectories.
    """

    target: Float[np.ndarray, " J"]
    through: Float[np.ndarray, "J N"]


def variable_names(data: TimeSeries, order: int) -> tuple[str, ...]:
    """Names of all variables that a right-hand side may have."""
    velocities = [name + VELOCITY for name in data.names] if order == 2 else []
    return (*data.names, *velocities, TIME, *data.input_names)


def sample_points(data: TimeSeries, states: Sequence[States], order: int) -> Points:
    """The states at all samples, with time and inputs."""
    parts = []
    for time, inputs, run in zip(data.time, data.inputs, states, strict=True):
        velocities = [run.rates[0]] if order == 2 else []
        parts.append(np.column_stack([run.value, *velocities, time, inputs]))
    return Points(variable_names(data, order), np.concatenate(parts))


def map_points(data: TimeSeries) -> Points:
    """The samples from which a next one follows."""
    parts = [
        np.column_stack([v[:-1], t[:-1], u[:-1]])
        for t, v, u in zip(data.time, data.values, data.inputs, strict=True)
    ]
    return Points(variable_names(data, 1), np.concatenate(parts))


def general_jacobians(
    points: Points, rates: Float[np.ndarray, "N M"], errors: Float[np.ndarray, "N M"]
) -> Float[np.ndarray, "N M V"]:
    """How the right-hand sides change with the variables, by polynomials of degree 2."""
    center, spread = points.table.mean(axis=0), points.table.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    u = (points.table - center) / spread
    n, v = u.shape
    first, second = np.triu_indices(v)
    design = np.column_stack([np.ones(n), u, u[:, first] * u[:, second]])
    slopes = np.zeros((n, v, design.shape[1]))
    slopes[:, :, 1 : v + 1] = np.eye(v)
    for place, (i, j) in enumerate(zip(first, second, strict=True)):
        slopes[:, i, 1 + v + place] += u[:, j]
        slopes[:, j, 1 + v + place] += u[:, i]
    result = np.empty((n, rates.shape[1], v))
    for m in range(rates.shape[1]):
        weight = 1.0 / np.maximum(errors[:, m], 1e-3 * np.std(rates[:, m]) + 1e-300)
        weighted = design * weight[:, None]
        gram = weighted.T @ weighted
        gram[np.diag_indices(len(gram))] += _RIDGE * np.trace(gram) / len(gram)
        solved = np.linalg.solve(gram, weighted.T @ (weight * rates[:, m]))
        result[:, m] = slopes @ solved / spread
    return result


def weak_system(
    data: TimeSeries,
    states: Sequence[States],
    order: int,
    slopes: Float[np.ndarray, "N M V"],
    rates: Float[np.ndarray, "N M"],
) -> list[Rows]:
    """The rows of each state's equation.

    Args:
      data: the samples.
      states: of all trajectories.
      order: of the equations.
      slopes: of the right-hand sides, for the noise that comes in through the states.
      rates: the right-hand sides' values, for the errors of the integrals.
    """
    ends = np.cumsum([0, *map(len, data.time)])
    parts = [
        _of_run(
            data, r, states[r], order, slopes[ends[r] : ends[r + 1]], rates[ends[r] : ends[r + 1]]
        )
        for r in range(data.runs)
    ]
    return [_joined([part[m] for part in parts]) for m in range(len(data.names))]


def _joined(parts: list[Rows]) -> Rows:
    through = [part.through for part in parts]
    whole = through[0] if len(through) == 1 else scipy.sparse.block_diag(through, format="csr")
    return Rows(np.concatenate([part.target for part in parts]), whole)


def _of_run(data, run, states: States, order, slopes, rates) -> list[Rows]:
    time, samples = data.time[run], data.values[run]
    rows = weak_rows(time, samples, time, order=order, lengths=window_lengths(time).tolist())
    count = samples.shape[1]
    jacobians = Jacobians(
        slopes[:, :, :count], slopes[:, :, count : 2 * count] if order == 2 else None
    )
    operators = [
        tuple(matrix @ scipy.sparse.diags_array(states.sigma[:, m]) for matrix in each)
        for m, each in enumerate(states.operators)
    ]
    biased = np.einsum("tmv,tv->tm", np.abs(slopes[:, :, :count]), states.bias)
    lefts, doubts = rows.lefts(samples), np.hypot(rows.doubts(rates), rows.rights(biased))
    found = []
    for m in range(count):
        mine = rows.component == m
        left = rows.left[mine] @ scipy.sparse.diags_array(states.sigma[:, m])
        own = WeakRows(rows.component[mine], left.tocsr(), rows.forms, rows.place[mine])
        right = rows.forms[m].right[own.place].toarray()
        gaps = abs(rows.left[mine]) @ states.between[:, m] / 2
        table = whiten(
            own,
            np.column_stack([lefts[mine], right]),
            np.ones(count),
            operators=operators,
            jacobians=jacobians,
            doubts=np.hypot(doubts[mine], gaps),
        )
        found.append(Rows(table[:, 0], table[:, 1:]))
    return found
