"""Rows of weak forms with the covariance of their noise, which also enters through the forces.

A row is ``int phi x^(order) dt = int phi f(x, v) dt`` for one component of the state. Its left side
is linear in the noisy samples; its right side feels them through the smoothed states at which f is
taken. To first order the row's noise is ``L n - R (df/dx) S n`` with the smoother S, as in WENDy
(Bortz, Messenger and Dukic 2023, arXiv 2302.13271, section 2.3), and rows of overlapping windows
share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float, Int

from jaxsym.inference.weak.matrices import WeakForm, weak_form

_MOST_ROWS = 1200  # whitened together: the time grows as their cube
_JITTER = 1e-9  # of the variances: rows of several windows may nearly be sums of others


class Jacobians(NamedTuple):
    """How f changes with the state: ``df/dx`` and, where it depends on it, ``df/dv``."""

    value: Float[np.ndarray, "Q C C"]
    velocity: Float[np.ndarray, "Q C C"] | None = None


class WeakRows(NamedTuple):
    """J rows over a state of C components, in the order of their windows' centers.

    Attributes:
      component: of each row.
      left: ``[J, T]``, on samples of that component.
      forms: of each component.
      place: which window of its component's form each row is.
    """

    component: Int[np.ndarray, " J"]
    left: scipy.sparse.csr_array
    forms: list[WeakForm]
    place: Int[np.ndarray, " J"]

    def lefts(self, samples: Float[np.ndarray, "T C"]) -> Float[np.ndarray, " J"]:
        """The left sides; missing samples (NaN) have no weight."""
        filled = np.nan_to_num(samples)[:, self.component]
        return np.asarray(self.left.multiply(filled.T).sum(axis=1)).ravel()

    def rights(self, f: Float[np.ndarray, "Q C ..."]) -> Float[np.ndarray, "J ..."]:
        """The right sides of f at the times of the states."""
        flat = f.reshape(*f.shape[:2], -1)
        found = [form.right @ flat[:, c] for c, form in enumerate(self.forms)]
        return self._ordered(found).reshape(-1, *f.shape[2:])

    def doubts(self, f: Float[np.ndarray, "Q C"]) -> Float[np.ndarray, " J"]:
        """Errors of the right sides' quadrature, see `WeakForm.doubt`."""
        return self._ordered([form.doubt(f[:, c]) for c, form in enumerate(self.forms)])

    def _ordered(self, parts: list[np.ndarray]) -> np.ndarray:
        start = np.cumsum([0] + [len(part) for part in parts[:-1]])
        return np.concatenate(parts)[start[self.component] + self.place]


def weak_rows(
    time: Float[np.ndarray, " T"],
    samples: Float[np.ndarray, "T C"],
    at: Float[np.ndarray, " Q"],
    *,
    order: int,
    lengths: Sequence[float],
    made: dict[bytes, WeakForm] | None = None,
) -> WeakRows:
    """All windows of all components.

    Args:
      time: of the samples.
      samples: NaN where one is missing.
      at: times of the states.
      order: of the equation of motion, 1 or 2.
      lengths: of the windows, see `weak_form`.
      made: weak forms of other runs at hand, which runs of the same times share.
    """
    made = {} if made is None else made
    forms = []
    for present in ~np.isnan(samples).T:
        name = time.tobytes() + present.tobytes()
        if name not in made:
            made[name] = weak_form(time, at=at, lengths=lengths, present=present)
        forms.append(made[name])
    component = np.concatenate([np.full(len(form.start), c) for c, form in enumerate(forms)])
    place = np.concatenate([np.arange(len(form.start)) for form in forms])
    center = np.concatenate([form.start + form.end for form in forms])
    order_of_rows = np.argsort(center, kind="stable")
    left = scipy.sparse.vstack([form.left(order) for form in forms], format="csr")
    return WeakRows(component[order_of_rows], left[order_of_rows], forms, place[order_of_rows])


def whiten(
    rows: WeakRows,
    tables: Float[np.ndarray, "J P"],
    sigma: Float[np.ndarray, " C"],
    *,
    operators: Sequence[tuple[scipy.sparse.csr_array, ...]] | None = None,
    jacobians: Jacobians | None = None,
    doubts: Float[np.ndarray, " J"] | None = None,
) -> Float[np.ndarray, "J P"]:
    """Columns over the rows, such that noise is of variance 1 and independent from row to row.

    Args:
      rows: J rows.
      tables: columns.
      sigma: standard deviation of each component's samples.
      operators: for each component the smoother's matrices, see `Smoothed`.
      jacobians: of f at the states; None to count noise on the left alone.
      doubts: further errors of the rows, independent of one another.
    """
    right = scipy.sparse.vstack([form.right for form in rows.forms], format="csr")
    start = np.cumsum([0] + [len(form.start) for form in rows.forms[:-1]])
    right = right[start[rows.component] + rows.place]
    result = np.empty_like(tables)
    blocks = np.array_split(np.arange(len(tables)), -(-len(tables) // _MOST_ROWS))
    for block in blocks:
        own = _covariance(rows, block, right[block], sigma, operators, jacobians)
        extra = 0.0 if doubts is None else doubts[block] ** 2
        own[np.diag_indices(len(block))] += extra + _JITTER * np.diag(own)
        factor = scipy.linalg.cholesky(own, lower=True)
        result[block] = scipy.linalg.solve_triangular(factor, tables[block], lower=True)
    return result


def _covariance(rows, block, right, sigma, operators, jacobians) -> Float[np.ndarray, "B B"]:
    left, component = rows.left[block].toarray(), rows.component[block]
    total = np.zeros((len(block), len(block)))
    touched = np.flatnonzero(right.count_nonzero(axis=0))
    right = right[:, touched].toarray()
    for source, noise in enumerate(sigma):
        matrix = np.where((component == source)[:, None], left, 0.0)
        if jacobians is not None:
            for jacobian, operator in zip(jacobians, operators[source], strict=False):
                if jacobian is not None:
                    change = right * jacobian[touched][:, component, source].T
                    matrix -= change @ operator[touched].toarray()
        used = np.flatnonzero(matrix.any(axis=0))
        total += noise**2 * matrix[:, used] @ matrix[:, used].T
    return total
