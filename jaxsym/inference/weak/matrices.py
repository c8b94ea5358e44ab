"""Weak forms: equations of motion as integrals against test functions, without derivatives.

A test function phi that vanishes with its derivatives at both ends of a window moves derivatives
from the data to itself: ``int phi'' x dt = int phi a dt`` where ``x'' = a``, and
``-int phi' x dt = int phi f dt`` where ``x' = f`` (weak SINDy: Messenger and Bortz 2021,
arXiv 2005.04339, section 2). Integrals are sums over samples, with weights that are found once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.inference.polynomials import local_polynomials

POWER = 4  # of the test functions (1 - u^2)^4: three derivatives vanish at the ends
FEWEST_SAMPLES = 5  # of a series: four determine a motion with a constant slope of acceleration
_IN_WINDOW = 7  # samples of a window, of which the first and the last count nothing
_DEGREE = 5  # of the polynomials between samples
_NODES = 7  # of Gauss' quadrature between samples: exact for degree 13, POWER * 2 + _DEGREE
_TINY = np.finfo(float).tiny
_STEP = 0.25  # between windows of one length, in lengths
_GROWTH = 1.5  # of one length over the next


class WeakForm(NamedTuple):
    """K windows over a series of T samples. Each test function has the integral 1.

    Attributes:
      start: of the windows.
      end: of the windows.
      sampled: matrices ``[K, T]`` that make ``int phi x dt``, ``int phi' x dt`` and
        ``int phi'' x dt`` of the samples of x.
      right: matrix ``[K, Q]`` that makes ``int phi f dt`` of the values of f at Q times.
      halves: the same from every second of these times, the even and the odd ones.
    """

    start: Float[np.ndarray, " K"]
    end: Float[np.ndarray, " K"]
    sampled: tuple[scipy.sparse.csr_array, ...]
    right: scipy.sparse.csr_array
    halves: tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]

    def left(self, order: int) -> scipy.sparse.csr_array:
        """The matrix ``[K, T]`` of ``int phi x^(order) dt`` by parts, on the samples of x.

        Args:
          order: of the equation, 1 or 2.
        """
        return (-1) ** order * self.sampled[order]

    def doubt(self, f: Float[np.ndarray, "Q ..."]) -> Float[np.ndarray, "K ..."]:
        """The error of ``right @ f``, estimated.

        With steps h it falls as ``A exp(-c / h)`` where f is smooth (Trefethen and Weideman 2014,
        SIAM Review 56, 385), so that the error e with steps of twice the length tells it:
        ``e^2 / A``, A being the integral of ``phi |f|``. Where f has kinks it falls as ``h^2``.
        """
        flat = f.reshape(len(f), -1)
        even, odd = self.halves
        doubled = np.abs(even @ flat - odd @ flat) / 2.0
        ratio = doubled / (abs(self.right) @ np.abs(flat) + _TINY)
        return (doubled * np.clip(ratio, 0.25, 1.0)).reshape(-1, *f.shape[1:])


def weak_form(
    time: Float[np.ndarray, " T"],
    *,
    at: Float[np.ndarray, " Q"] | None = None,
    lengths: Sequence[float] | None = None,
    present: np.ndarray | None = None,
) -> WeakForm:
    """Windows of several lengths, a quarter of a length apart, over unevenly spaced times.

    Between samples the series is the polynomial of degree 5 through the six nearest, and the
    integral of its product with the test function is exact. A series of which no window of these
    lengths holds seven samples is one window.

    Args:
      time: of the samples, increasing.
      at: times at which the right-hand side is known, by default those of the samples.
      lengths: of the windows; by default `window_lengths`.
      present: which samples there are, all by default; the others get no weight.

    Raises:
      ValueError: fewer than five samples, or lengths in which no seven successive times lie.

    >>> time = np.sort(np.random.default_rng(0).uniform(0.0, 3.0, 60))
    >>> form = weak_form(time, lengths=[1.5])
    >>> left, right = form.left(2) @ np.sin(time), form.right @ -np.sin(time)
    >>> bool(np.abs(left - right).max() < 1e-5)
    True
    """
    present = np.ones(len(time), bool) if present is None else present
    at = time if at is None else at
    known = time[present]
    require(
        len(known) >= FEWEST_SAMPLES,
        f"there are {len(known)} samples; expected at least {FEWEST_SAMPLES} for a weak form",
    )
    ends = known[
        _windows(known, window_lengths(known) if lengths is None else _long(time, lengths))
    ]
    sampled = (_integrals(ends, known, len(time), np.flatnonzero(present), k) for k in range(3))
    halves = [np.unique(np.r_[0, np.arange(k, len(at), 2), len(at) - 1]) for k in (0, 1)]
    every, even, odd = (
        _integrals(ends, at[chosen], len(at), chosen, 0) for chosen in (np.arange(len(at)), *halves)
    )
    return WeakForm(ends[:, 0], ends[:, 1], tuple(sampled), every, (even, odd))


def window_lengths(time: Float[np.ndarray, " T"]) -> Float[np.ndarray, " L"]:
    """Lengths in a geometric series, from those of seven samples to the whole span.

    >>> window_lengths(np.arange(31.0)).round(1).tolist()
    [6.0, 9.0, 13.5, 20.2, 30.0]
    """
    span, least = time[-1] - time[0], (_IN_WINDOW - 1) * np.median(np.diff(time))
    count = max(0, int(np.ceil(np.log(span / least) / np.log(_GROWTH))))
    return np.minimum(least * _GROWTH ** np.arange(count + 1), span)


def bump(u: Float[np.ndarray, ...], derivative: int = 0) -> Float[np.ndarray, ...]:
    """The test function on the window from -1 to 1, with the integral 1, or its derivative.

    >>> bump(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [0.0, 1.23, 0.0]
    """
    curve = np.polynomial.Polynomial([1.0, 0.0, -1.0]) ** POWER
    area = curve.integ()(1.0) - curve.integ()(-1.0)
    return (curve.deriv(derivative) if derivative else curve)(u) / area


def _windows(time: np.ndarray, lengths: Sequence[float] | np.ndarray) -> np.ndarray:
    """The first and the last sample of each window: ``[K, 2]``."""
    found = []
    for length in lengths:
        steps = max(0, int((time[-1] - time[0] - length) / (_STEP * length) + 1e-9))
        begin = np.linspace(time[0], max(time[-1] - length, time[0]), steps + 1)
        found.append(np.stack([_closest(time, begin), _closest(time, begin + length)], axis=1))
    ends = np.unique(np.concatenate(found), axis=0)
    ends = ends[ends[:, 1] - ends[:, 0] >= _IN_WINDOW - 1]
    return ends if len(ends) else np.array([[0, len(time) - 1]])


def _long(time: np.ndarray, lengths: Sequence[float]) -> Sequence[float]:
    """Lengths in which enough successive times lie, or all times."""
    more = min(_IN_WINDOW, len(time)) - 1
    require(
        max(lengths) >= (1.0 - 0.5 / more) * np.min(time[more:] - time[:-more]),
        f"lengths is {list(lengths)}, and no window holds {_IN_WINDOW} samples; "
        "expected longer windows",
    )
    return lengths


def _closest(time: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.searchsorted((time[1:] + time[:-1]) / 2.0, at)


def _integrals(ends, time, total, place, derivative) -> scipy.sparse.csr_array:
    """``[K, total]``: integrals of a derivative of phi times a series, from samples at `place`."""
    step = np.unique(np.r_[time, ends.ravel()])
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(step)[:, None] / 2.0
    nodes, weights = (step[:-1, None] + half * (1.0 + node)).ravel(), (half * weight).ravel()
    count = min(_DEGREE + 1, len(time))
    fit = local_polynomials(time, nodes, count=count, degree=count - 1)
    fit = fit._replace(nearest=place[fit.nearest], samples=total)
    return (_test_functions(ends, nodes, weights, derivative) @ fit.matrix()).tocsr()


def _test_functions(ends, nodes, weights, derivative) -> scipy.sparse.csr_array:
    """A derivative of each test function at the nodes, times their weights: ``[K, G]``."""
    places = np.searchsorted(nodes, ends)
    rows = np.repeat(np.arange(len(ends)), places[:, 1] - places[:, 0])
    columns = np.concatenate([np.arange(*pair) for pair in places])
    half = (ends[rows, 1] - ends[rows, 0]) / 2.0
    u = (nodes[columns] - ends[rows, 0]) / half - 1.0
    entries = bump(u, derivative) / half ** (derivative + 1) * weights[columns]
    return scipy.sparse.csr_array((entries, (rows, columns)), shape=(len(ends), len(nodes)))
