"""Formulas for a function of distance that is known with errors: textbook forms, and a search.

The textbook forms are sums of at most two terms ``r^p exp(-k r)`` with whole p, of which the pair
forces of physics are made: power laws, springs, Lennard-Jones, Yukawa and Buckingham, Morse, each
also with its distance softened. Their coefficients are linear, so that thousands of them are fitted
at once on a grid of rates. Whatever else the search finds is fitted and ranked in the same way.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, literal, variable

# 1/r^7 and 1/r^13 are Lennard-Jones; 1/r^6 and 1/r^4 are what dipoles and induced ones do
_POWERS = (-13, -9, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3)
_SOFTENED = (-4, -3, -2, -1)
_RATES = 48  # on the grid, of exponentials; of softening lengths
_REFINED = 40  # forms whose constants are fitted one by one
_BITS_A_NODE = 3.0  # a choice among some eight symbols
# Errors of a profile beside its standard errors, as shares of its size: what splines and smoothed
# states are off by. Where bodies meet it is percents. The least counts with which a form fits.
_BIASES = (1e-3, 3e-3, 1e-2, 3e-2)
_FITS = 2.0  # chi squared of the best form over the numbers that a profile is worth
_SINGULAR = 1e-9  # of the greatest variance: directions that a spline has no pieces for
_LEAST = 1e-12


class Profile(NamedTuple):
    """A function of distance as data tell it.

    Attributes:
      distance: r.
      size: f(r).
      whitening: turns errors of the sizes into independent ones of variance 1.
      worth: how many numbers the profile is worth.
    """

    distance: Float[np.ndarray, " K"]
    size: Float[np.ndarray, " K"]
    whitening: Float[np.ndarray, "K K"]
    worth: int

    @classmethod
    def of(
        cls,
        distance: Float[np.ndarray, " K"],
        size: Float[np.ndarray, " K"],
        covariance: Float[np.ndarray, "K K"],
        bias: float = _BIASES[0],
    ) -> Profile:
        """With errors that share what the covariance says, and a share of the size beside them."""
        # a function that passes through zero is off there as it is nearby
        usual = np.median(np.abs(size))
        bias = bias * np.maximum(np.abs(size), usual) + np.finfo(float).tiny
        variance, axes = np.linalg.eigh(covariance / np.outer(bias, bias))
        whitening = axes.T / np.sqrt(np.maximum(variance, 0.0) + 1.0)[:, None] / bias
        worth = int(np.sum(variance > _SINGULAR * variance[-1]))
        return cls(distance, size, whitening, worth)


class RadialForm(NamedTuple):
    """A formula in ``r`` fitted to a profile.

    Attributes:
      expression: with its constants.
      chi2: what it leaves.
      bits: description length of formula and misfit.
    """

    expression: Expression
    chi2: float
    bits: float


def radial_forms(
    distance: Float[np.ndarray, " K"],
    size: Float[np.ndarray, " K"],
    covariance: Float[np.ndarray, "K K"],
    found: Sequence[Expression] = (),
    *,
    most: int = 12,
) -> list[RadialForm]:
    """The formulas of least description length, best first.

    Args:
      distance: r.
      size: of the function there.
      covariance: of its errors.
      found: further formulas, as of a search; their constants are where the fit starts.
      most: how many to give.

    >>> r = np.linspace(0.5, 3.0, 40)
    >>> size = 2.0 * np.exp(-1.3 * r) - 3.0 * np.exp(-2.6 * r)
    >>> best = radial_forms(r, size, np.diag((1e-3 * size) ** 2))[0]
    >>> sorted(round(c, 1) for c in best.expression.constants)
    [-2.6, -1.3, 2.0, 3.0]
    """
    for bias in _BIASES:
        profile = Profile.of(distance, size, covariance, bias)
        forms = _ranked(profile, found)
        if forms[0].chi2 < _FITS * profile.worth:
            break
    return forms[:most]


def _ranked(profile: Profile, found: Sequence[Expression]) -> list[RadialForm]:
    starts = [*_textbook_forms(profile), *found]
    fits = [fit for start in starts if (fit := _fitted(profile, start)) is not None]
    excess = _excess([chi2 for _, chi2 in fits], profile)
    forms = [RadialForm(e, chi2, _bits(e, chi2 / excess, profile.worth)) for e, chi2 in fits]
    different: dict[str, RadialForm] = {}
    for form in sorted(forms, key=lambda form: form.bits):
        name = " ".join(form.expression.with_constants([1.0] * _free(form.expression)).tokens)
        different.setdefault(name, form)
    return list(different.values())


def _excess(chi2: Sequence[float], profile: Profile) -> float:
    """By how much the profile's errors are too small, if no form comes closer.

    Where bodies meet, the weak form's bias is larger than it knows: all forms leave more than they
    should, and the simpler ones are not to pay for it.
    """
    return max(1.0, min(chi2, default=1.0) / profile.worth)


def _fitted(profile: Profile, start: Expression) -> tuple[Expression, float] | None:
    """The formula with constants that fit best, and chi²; None where it has no values."""
    table = profile.distance[:, None]

    def residual(constants: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            value = start.with_constants(constants.tolist()).evaluate(table, ["r"])
        off = profile.whitening @ (value - profile.size)
        return np.clip(np.nan_to_num(off, nan=1e9), -1e9, 1e9)

    constants = np.asarray(start.constants, np.float64)
    if len(constants):
        scale = np.maximum(np.abs(constants), _LEAST)
        least = scipy.optimize.least_squares(lambda u: residual(u * scale), constants / scale)
        constants = least.x * scale
    chi2 = float(np.sum(residual(constants) ** 2))
    if not chi2 < 1e16:
        return None
    return start.with_constants(constants.tolist()), chi2


def _bits(expression: Expression, chi2: float, count: int) -> float:
    numbers = _free(expression) * math.log2(max(count, 2)) / 2
    return chi2 / (2 * math.log(2)) + numbers + _BITS_A_NODE * expression.complexity


def _free(expression: Expression) -> int:
    return len(expression.constants)


class _Term(NamedTuple):
    """``r^power exp(-multiple k r)``, or ``(r + s)^power``."""

    power: int
    multiple: int = 0
    softened: bool = False

    def values(self, r: np.ndarray, rate: np.ndarray) -> Float[np.ndarray, "G K"]:
        if self.softened:
            return (r + rate[:, None]) ** self.power
        return r**self.power * np.exp(-self.multiple * rate[:, None] * r)

    def expression(self, coefficient: float, rate: float) -> Expression:
        r = variable("r")
        base = r + constant(rate) if self.softened else r
        term = constant(coefficient) * base ** literal(self.power)
        if self.multiple:
            term = term * _decay(self.multiple, rate)
        return term


def _kinds() -> Iterable[tuple[_Term, ...]]:
    """The sums that are tried; those that share a rate share its constant in the grid alone."""
    plain = [_Term(p) for p in _POWERS]
    decaying = [_Term(p, 1) for p in _POWERS]
    yield from ((t,) for t in (*plain, *decaying))
    yield from ((_Term(p, softened=True),) for p in _SOFTENED)
    yield from itertools.combinations(plain, 2)
    yield from itertools.combinations(decaying, 2)
    yield from itertools.product(plain, decaying)
    yield from ((_Term(p, 1), _Term(q, 2)) for p in (-2, -1, 0) for q in (-2, -1, 0))


def _textbook_forms(profile: Profile) -> list[Expression]:
    """The sums that fit best for their length, coefficients by least squares, on grids of rates."""
    r = profile.distance
    rates = np.geomspace(0.02, 30.0, _RATES) / np.median(r)
    target = profile.whitening @ profile.size
    ranked: list[tuple[float, Expression]] = []
    for terms in _kinds():
        nonlinear = any(term.multiple or term.softened for term in terms)
        grid = _grid(terms, rates, r) if nonlinear else np.ones(1)
        columns = np.stack([term.values(r, grid) for term in terms], axis=-1)  # [G, K, C]
        columns = np.einsum("jk,gkc->gjc", profile.whitening, columns)
        size = np.sqrt(np.sum(columns**2, axis=1, keepdims=True)) + np.finfo(float).tiny
        normal = np.einsum("gjc,gjd->gcd", columns / size, columns / size)
        normal += 1e-12 * np.eye(len(terms))
        right = np.einsum("gjc,j->gc", columns / size, target)
        found = np.linalg.solve(normal, right[..., None])[..., 0] / size[:, 0]
        left = np.sum((np.einsum("gjc,gc->gj", columns, found) - target) ** 2, axis=1)
        place = int(np.argmin(left))
        expression = _written(terms, found[place], grid[place])
        ranked.append((float(left[place]), expression))
    excess = _excess([chi2 for chi2, _ in ranked], profile)
    ranked.sort(key=lambda pair: _bits(pair[1], pair[0] / excess, profile.worth))
    return [expression for _, expression in ranked[:_REFINED]]


def _written(terms: Sequence[_Term], coefficients: np.ndarray, rate: float) -> Expression:
    """The sum, with an exponential that all of its terms share before it."""
    if len(terms) > 1 and all(term.multiple == 1 for term in terms):
        inner = [term._replace(multiple=0) for term in terms]
        return (_written(inner, coefficients, rate) * _decay(1, rate)).canonical()
    parts = [t.expression(c, rate) for t, c in zip(terms, coefficients, strict=True)]
    return sum(parts[1:], parts[0]).canonical()


def _decay(multiple: int, rate: float) -> Expression:
    return apply("exp", constant(-multiple * rate) * variable("r"))


def _grid(terms: Sequence[_Term], rates: np.ndarray, r: np.ndarray) -> np.ndarray:
    if any(term.softened for term in terms):
        return np.geomspace(1e-3, 3.0, _RATES) * r.min()
    # what has decayed a million times at the least distance cannot be seen
    return rates[rates * r.min() < 14.0]
