"""States and their rates of change at the sampled times, with errors that are known.

Where noise is larger than what interpolation leaves, states are smoothed; where it is not, they
are the samples. Errors of rates tell a search which digits of its target are real: a spline's own
error is no term of an equation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float

from jaxsym.inference import LocalPolynomials, estimate_noise, local_polynomials, smooth
from jaxsym.odes.measured.series import TimeSeries

# Of a state's deviation. Fewer digits than these decide nothing, and integration is as exact.
FLOOR = 1e-6
_DEGREES = (4, 6, 8)  # of interpolating polynomials, where noise is next to nothing
_NEIGHBORS = 8  # samples of a polynomial that tells how large uneven noise is
_MEDIAN = 0.455  # of the square of a normal number
_AROUND = 5  # samples over which errors of interpolation are averaged


class States(NamedTuple):
    """One trajectory: M states at its T times.

    Attributes:
      value: without gaps.
      error: standard errors.
      bias: the part of these that is not noise.
      rates: first and second derivative.
      rate_errors: standard errors of these.
      sigma: of the noise of each sample.
      between: what interpolation between the samples may be off by, beside noise.
      operators: for each state the matrices ``[T, T]`` that make value and rate of its samples.
    """

    value: Float[np.ndarray, "T M"]
    error: Float[np.ndarray, "T M"]
    bias: Float[np.ndarray, "T M"]
    rates: Float[np.ndarray, "2 T M"]
    rate_errors: Float[np.ndarray, "2 T M"]
    sigma: Float[np.ndarray, "T M"]
    between: Float[np.ndarray, "T M"]
    operators: list[tuple[scipy.sparse.csr_array, ...]]


def sample_noise(data: TimeSeries) -> list[Float[np.ndarray, "T M"]]:
    """Standard errors of all samples: given, or by what smoothing leaves.

    Noise is ``hypot(a, b |x|)`` with a and b of each state's own: instruments have an error of
    their range, of their reading, or both.
    """
    least = np.maximum(FLOOR * data.deviation, np.finfo(float).tiny)
    if data.sigma is not None:
        return [np.maximum(s, least) for s in data.sigma]
    constant = np.stack([_constant_noise(data, m) for m in range(len(data.names))])
    sigma = [np.tile(np.maximum(constant, least), (len(t), 1)) for t in data.time]
    for m in np.flatnonzero(~data.constant):
        left, size = _left_over(data, sigma, m)
        a, b = _proportions(left, size, constant[m])
        series = _smoothed_values(data, sigma, m)
        spread = [np.hypot(a, b * np.abs(each)) for each in series]
        scale = _scale(data, spread, int(m)) if b else 1.0
        for run, each in enumerate(spread):
            sigma[run][:, m] = np.maximum(scale * each, least[m])
    return sigma


def _scale(data: TimeSeries, spread: list[np.ndarray], state: int) -> float:
    """How many times a noise of uneven size is larger than was thought.

    By the median of what samples differ from the polynomial through their neighbors, in units of
    that: an estimate of even noise takes the larger part for motion.
    """
    off = []
    for time, values, sigma in zip(data.time, data.values, spread, strict=True):
        there = ~np.isnan(values[:, state])
        seen, size = values[there, state], np.maximum(sigma[there], np.finfo(float).tiny)
        fit = local_polynomials(time[there], time[there], count=_NEIGHBORS, degree=4)
        left = np.eye(len(seen)) - fit.matrix().toarray()
        off.append((left @ seen) ** 2 / (left**2 @ size**2))
    usual = np.median(np.concatenate(off)) / _MEDIAN
    return float(np.sqrt(max(usual, 1.0)))


def smoothed(data: TimeSeries, sigma: list[Float[np.ndarray, "T M"]]) -> list[States]:
    """States and rates of all trajectories."""
    return [
        _states(time, values, noise)
        for time, values, noise in zip(data.time, data.values, sigma, strict=True)
    ]


def _constant_noise(data: TimeSeries, state: int) -> float:
    found = [
        estimate_noise(t, v[:, [state]])
        for t, v in zip(data.time, data.values, strict=True)
        if np.nanstd(v[:, state]) > 0
    ]
    weights = [(~np.isnan(v[:, state])).sum() for v in data.values][: len(found)]
    if not found:
        return 0.0
    return float(np.sqrt(np.average([f.sigma[0] ** 2 for f in found], weights=weights)))


def _smoothed_values(data, sigma, state) -> list[np.ndarray]:
    one = [state]
    return [
        smooth(t, v[:, one][:, None], _usual(s[:, one])[None]).estimate[0, :, 0, 0]
        for t, v, s in zip(data.time, data.values, sigma, strict=True)
    ]


def _left_over(data, sigma, state) -> tuple[np.ndarray, np.ndarray]:
    """What smoothing leaves of the samples, and the sizes of these."""
    series = np.concatenate(_smoothed_values(data, sigma, state))
    seen = np.concatenate([v[:, state] for v in data.values])
    there = ~np.isnan(seen)
    return (seen - series)[there], np.abs(series[there])


def _proportions(left: np.ndarray, size: np.ndarray, constant: float) -> tuple[float, float]:
    """The a and b of the noise whose likelihood is greatest, b of zero unless it pays.

    The total is that of the constant noise, of which local polynomials tell without smoothing.
    """
    square = np.mean(size**2)
    if not square or not constant:
        return constant, 0.0
    scale = constant**2 / max(np.mean(left**2), 1e-300)
    shares = np.linspace(0.0, 1.0, 21)
    variances = constant**2 * ((1 - shares) + shares * (size**2)[:, None] / square)
    variances = np.maximum(variances, 1e-3 * constant**2)
    cost = np.sum(np.log(variances) + scale * left[:, None] ** 2 / variances, axis=0)
    best = int(np.argmin(cost))
    if cost[0] - cost[best] < np.log(len(left)):  # what a further number costs
        return constant, 0.0
    return constant * np.sqrt(1 - shares[best]), constant * np.sqrt(shares[best] / square)


def _usual(sigma: np.ndarray) -> np.ndarray:
    """One standard error for each state."""
    return np.sqrt(np.mean(sigma**2, axis=0))


def _states(time: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> States:
    usual = _usual(sigma)
    flat = np.flatnonzero(np.nanstd(values, axis=0) == 0)
    found = smooth(time, values[:, :, None], usual[:, None])
    estimate, error = found.estimate[..., 0], found.error[..., 0]
    value, value_error = estimate[0].copy(), error[0].copy()
    operators = [tuple(o[:2]) for o in found.operators]
    bias = np.zeros_like(value)
    for m in range(values.shape[1]):
        if m in flat:
            continue
        there = ~np.isnan(values[:, m])
        sharp = there & (error[0, :, m] > sigma[:, m])  # smoothing costs more than it gains
        value[sharp, m], value_error[sharp, m] = values[sharp, m], sigma[sharp, m]
        same, kept = (scipy.sparse.diags_array(w.astype(float)) for w in (sharp, ~sharp))
        noise = (kept @ operators[m][0]).power(2).sum(axis=1) * usual[m] ** 2
        bias[:, m] = np.sqrt(np.where(sharp, 0.0, np.maximum(error[0, :, m] ** 2 - noise, 0.0)))
        operators[m] = ((same + kept @ operators[m][0]).tocsr(), operators[m][1])
        _sharpen(time, values[:, m], usual[m], there, estimate[1:, :, m], error[1:, :, m])
    between = np.stack(
        [_between(time, values[:, m], usual[m]) for m in range(values.shape[1])], axis=1
    )
    return States(value, value_error, bias, estimate[1:], error[1:], sigma, between, operators)


def _between(time: np.ndarray, series: np.ndarray, sigma: float) -> Float[np.ndarray, " T"]:
    """By what polynomials of degree 5 and 7 differ in the middle between samples, beside noise."""
    there = ~np.isnan(series)
    middle = (time[1:] + time[:-1]) / 2
    fits = [
        local_polynomials(time[there], middle, count=degree + 1, degree=degree) for degree in (5, 7)
    ]
    onto = [fit.matrix() for fit in fits]
    change = onto[1] - onto[0]
    noise = sigma**2 * np.asarray(change.multiply(change).sum(axis=1)).ravel()
    square = np.maximum((change @ series[there]) ** 2 - noise, 0.0)
    usual = np.convolve(square, np.full(_AROUND, 1 / _AROUND), mode="same")
    return np.sqrt(np.maximum(np.append(usual, 0.0), np.append(0.0, usual)))


def _sharpen(time, series, sigma, there, rates, errors) -> None:
    """Takes interpolating polynomials' derivatives where their errors are smaller."""
    known, seen = time[there], series[there]
    fits = [
        local_polynomials(known, time, count=degree + 1, degree=degree)
        for degree in (*_DEGREES, _DEGREES[-1] + 2)
        if degree < len(known)
    ]
    for fit, richer in zip(fits, fits[1:], strict=False):
        for order in (1, 2):
            found, doubt = _with_error(fit, richer, seen, sigma, order)
            better = doubt < errors[order - 1]
            rates[order - 1] = np.where(better, found, rates[order - 1])
            errors[order - 1] = np.where(better, doubt, errors[order - 1])


def _with_error(fit: LocalPolynomials, richer: LocalPolynomials, seen, sigma, order):
    """A derivative, and the error that noise and two degrees more tell of."""
    found = fit.apply(seen, order)
    change = (richer.apply(seen, order) - found) ** 2
    usual = np.convolve(change, np.full(_AROUND, 1 / _AROUND), mode="same")
    noise = sigma**2 * np.sum(fit.weights[order] ** 2, axis=1)
    return found, np.sqrt(np.maximum(change, usual) + noise)


def renewed_noise(
    data: TimeSeries, predicted: list[Float[np.ndarray, "T M"]]
) -> list[Float[np.ndarray, "T M"]]:
    """Standard errors of all samples by what equations leave that explain them."""
    least = np.maximum(FLOOR * data.deviation, np.finfo(float).tiny)
    sigma = [np.empty_like(v) for v in data.values]
    seen, shown = data.stacked, np.concatenate(predicted)
    for m in range(len(data.names)):
        there = ~np.isnan(seen[:, m])
        left, size = (seen - shown)[there, m], np.abs(shown[there, m])
        a, b = _proportions(left, size, float(np.sqrt(np.mean(left**2))))
        for run, series in enumerate(predicted):
            sigma[run][:, m] = np.maximum(np.hypot(a, b * np.abs(series[:, m])), least[m])
    return sigma
