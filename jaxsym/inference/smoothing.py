"""Noisy series smoothed by local polynomials: values and derivatives with their errors.

The window about each time is as wide as the data allow: samples that were left out must be
predicted best in its neighborhood. So a close encounter gets a narrow window and the quiet motion
before it a wide one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.inference.polynomials import LocalPolynomials, local_polynomials

FEWEST_SAMPLES = 5
_DEGREES = (3, 5)  # odd ones suit values and velocities (Fan and Gijbels 1996, section 3.3)
_SPARE = 2  # samples of a window beyond those that determine its polynomial, where there are many
_GROWTH = 1.4  # of one window over the next
_GAP = 1.5  # usual steps from the nearest sample: there, the bias is not that at the sample
_NEIGHBORHOOD = 12  # samples to either side over which predictions are compared


class Smoothed(NamedTuple):
    """Value, velocity and acceleration (first axis) of S series at Q times, in D coordinates.

    Attributes:
      estimate: of each.
      error: standard errors, the estimated bias included. That windows are chosen by the same data
        they do not know: twice the error covers the truth in nine cases of ten (values and
        velocities) or eight (accelerations).
      operators: for each series the matrices ``[Q, T]`` that made value, velocity and acceleration
        of its samples: the covariance of the errors in time is ``sigma^2 M M^T``.
    """

    estimate: Float[np.ndarray, "3 Q S D"]
    error: Float[np.ndarray, "3 Q S D"]
    operators: list[tuple[scipy.sparse.csr_array, ...]]

    def independent(self, order: int) -> Float[np.ndarray, " S"]:
        """How many independent rows the Q estimates are worth: ``tr(C)^2 / tr(C^2)``."""
        covariances = [m[order] @ m[order].T for m in self.operators]
        return np.array([c.trace() ** 2 / (c.multiply(c)).sum() for c in covariances])


def smooth(
    time: Float[np.ndarray, " T"],
    values: Float[np.ndarray, "T S D"],
    sigma: Float[np.ndarray, "S D"],
    *,
    at: Float[np.ndarray, " Q"] | None = None,
) -> Smoothed:
    """Smooth S series, each a vector of D coordinates whose samples come together.

    Args:
      time: increasing, unevenly spaced as may be.
      values: NaN where a sample is missing; there, too, is an estimate given.
      sigma: standard deviation of the noise.
      at: times of the estimates, by default those of the samples.

    Raises:
      ValueError: a series of fewer than five samples.

    >>> time = np.linspace(0.0, 6.0, 200)
    >>> noise = 0.01 * np.random.default_rng(0).normal(size=200)
    >>> found = smooth(time, (np.sin(time) + noise)[:, None, None], np.full((1, 1), 0.01))
    >>> off = (found.estimate[1, :, 0, 0] - np.cos(time)) / found.error[1, :, 0, 0]
    >>> bool(np.mean(np.abs(off) < 2.0) > 0.85)
    True
    """
    missing = np.isnan(values).any(axis=2)
    fewest = int((~missing).sum(axis=0).min())
    require(
        fewest >= FEWEST_SAMPLES,
        f"a series has {fewest} samples; expected at least {FEWEST_SAMPLES} to smooth",
    )
    at = time if at is None else at
    shape = (3, len(at), *values.shape[1:])
    estimate, error = np.empty(shape), np.empty(shape)
    operators: list = [()] * values.shape[1]
    patterns, which = np.unique(missing.T, axis=0, return_inverse=True)
    for k, gone in enumerate(patterns):
        series = np.flatnonzero(which.ravel() == k)
        onto = scipy.sparse.eye_array(len(time), format="csr")[~gone]
        found, doubt, made = _smooth(at, time[~gone], values[~gone][:, series], sigma[series])
        estimate[:, :, series], error[:, :, series] = found, doubt
        for one, matrices in zip(series, made, strict=True):
            operators[one] = tuple((m @ onto).tocsr() for m in matrices)
    return Smoothed(estimate, error, operators)


def _smooth(at, time, values, sigma):
    """Estimates and errors ``[3, Q, S, D]``, and the matrices of each series."""
    fits = _candidates(time)
    scores = [_score(time, fit.inside, values, sigma) for fit in fits]
    best = np.argmin(scores, axis=0)  # [T, S]
    at_samples = np.searchsorted((time[1:] + time[:-1]) / 2.0, at)
    best = best[at_samples]
    estimate, error = (
        np.zeros((3, len(at), *values.shape[1:])),
        np.zeros((3, len(at), *sigma.shape)),
    )
    operators = [[scipy.sparse.csr_array((len(at), len(time)))] * 3 for _ in range(len(sigma))]
    for k, candidate in enumerate(fits):
        if not (best == k).any():
            continue
        fit = local_polynomials(time, at, count=candidate.samples, degree=candidate.degree)
        for order in range(3):
            chosen = (best == k)[:, :, None]
            found = fit.apply(values, order)
            spread = sigma**2 * np.sum(fit.weights[order] ** 2, axis=1)[:, None, None]
            bias = _bias(time, at, at_samples, candidate, values, sigma, order)
            estimate[order] = np.where(chosen, found, estimate[order])
            error[order] = np.where(chosen, np.sqrt(spread + bias), error[order])
            matrix = fit.matrix(order)
            for s in np.flatnonzero(chosen.any(axis=0)):
                mine = scipy.sparse.diags_array((best[:, s] == k).astype(float))
                operators[s][order] = operators[s][order] + mine @ matrix
    return estimate, error, operators


class _Candidate(NamedTuple):
    samples: int
    degree: int
    inside: LocalPolynomials


def _candidates(time: np.ndarray) -> list[_Candidate]:
    """Windows from the narrowest that can be checked to all samples."""
    found = []
    spare = min(_SPARE, len(time) - 1 - _DEGREES[0])
    for degree in _DEGREES:
        count = degree + 1 + spare
        while count <= len(time):
            fit = local_polynomials(time, time, count=count, degree=degree)
            found.append(_Candidate(count, degree, fit))
            count = max(count + 1, round(_GROWTH * count))
    return found


def _score(time, fit: LocalPolynomials, values, sigma) -> Float[np.ndarray, "T S"]:
    """Squared errors of left-out samples, averaged over the neighborhood and the coordinates."""
    own = fit.weights[0][fit.nearest == np.arange(len(time))[:, None]]
    left_out = (values - fit.apply(values)) / (1.0 - own)[:, None, None]
    return _nearby(time) @ np.mean((left_out / sigma) ** 2, axis=2)


def _nearby(time: np.ndarray) -> scipy.sparse.csr_array:
    """Weighted means over neighboring samples."""
    places = np.arange(len(time))
    reach = min(_NEIGHBORHOOD, len(time) - 1)
    bands = range(-reach, reach + 1)
    weight = scipy.sparse.diags_array(
        [np.full(len(time), 1.0 - abs(k) / (_NEIGHBORHOOD + 1.0)) for k in bands],
        offsets=list(bands),
        shape=(len(places), len(places)),
    ).tocsr()
    return scipy.sparse.diags_array(1.0 / weight.sum(axis=1)) @ weight


def _bias(time, at, at_samples, candidate, values, sigma, order) -> Float[np.ndarray, "Q S 1"]:
    """Squared bias: what two degrees more change beyond their own noise, in the neighborhood."""
    usual = _nearby(time) @ _excess(time, time, candidate, values, sigma, order)
    in_gap = np.abs(at - time[at_samples]) > _GAP * np.median(np.diff(time))
    found = usual[at_samples]
    if in_gap.any():
        own = _excess(time, at[in_gap], candidate, values, sigma, order)
        found[in_gap] = np.maximum(found[in_gap], own)
    return np.maximum(found, 0.0)[:, :, None]


def _excess(time, at, candidate, values, sigma, order) -> Float[np.ndarray, "Q S"]:
    fit, richer = (
        local_polynomials(time, at, count=candidate.samples, degree=candidate.degree + more)
        for more in (0, 2)
    )
    change = richer.weights[order] - fit.weights[order]
    moved = np.einsum("qn,qnsd->qsd", change, values[fit.nearest]) ** 2
    return np.mean(moved - sigma**2 * np.sum(change**2, axis=1)[:, None, None], axis=2)
