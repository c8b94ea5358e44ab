"""Formulas for a function of distance that is known with errors: textbook forms, and a search.

Textbook forms are fitted on grids of what is not linear in them, the best of them then in all of
their numbers. Whatever else a search finds is fitted and ranked in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
from jaxtyping import Float

from jaxsym.distill.measured.textbook import Form, textbook_forms
from jaxsym.expr import Expression

_GRID = 48  # rates of exponentials, and lengths of softening
_REFINED = 40  # forms whose constants are fitted one by one
_BITS_A_NODE = 3.0  # a choice among some eight symbols
# Errors of a profile beside its standard errors, as shares of its size: what splines and smoothed
# states are off by. Where bodies meet it is percents. The least counts with which a form fits.
_BIASES = (1e-3, 3e-3, 1e-2, 3e-2)
_FITS = 2.0  # chi squared of the best form over the numbers that a profile is worth
_SINGULAR = 1e-9  # of the greatest variance: directions that a spline has no pieces for
_SMALLEST = 1e-12
_NO_VALUES = 1e16  # chi squared of what has none


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
      form: the textbook form that it is, if it is one.
    """

    expression: Expression
    chi2: float
    bits: float
    form: Form | None = None


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
    forms = [_with_form(profile, start) for start in _textbook(profile)]
    forms += [_with_constants(profile, start) for start in found]
    usable = [form for form in forms if form.chi2 < _NO_VALUES]
    excess = _excess([form.chi2 for form in usable], profile)
    scored = [f._replace(bits=_bits(f.expression, f.chi2 / excess, profile.worth)) for f in usable]
    different: dict[str, RadialForm] = {}
    for form in sorted(scored, key=lambda form: form.bits):
        same = form.expression.with_constants([1.0] * len(form.expression.constants))
        different.setdefault(" ".join(same.tokens), form)
    return list(different.values())


def _excess(chi2: Sequence[float], profile: Profile) -> float:
    """By how much the profile's errors are too small, if no form comes closer.

    Where bodies meet, the weak form's bias is larger than it knows: all forms leave more than they
    should, and the simpler ones are not to pay for it.
    """
    return max(1.0, min(chi2, default=1.0) / profile.worth)


def _least(profile: Profile, value: Callable[[np.ndarray], np.ndarray], start: np.ndarray):
    """The numbers that fit best, and chi²."""

    def residual(numbers: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            off = profile.whitening @ (value(numbers) - profile.size)
        return np.clip(np.nan_to_num(off, nan=1e9), -1e9, 1e9)

    numbers = start
    if len(start):
        scale = np.maximum(np.abs(start), _SMALLEST)
        fit = scipy.optimize.least_squares(lambda u: residual(u * scale), start / scale)
        numbers = fit.x * scale
    return numbers, float(np.sum(residual(numbers) ** 2))


def _with_form(profile: Profile, start: Form) -> RadialForm:
    names = sorted(start.free)

    def moved(numbers: np.ndarray) -> Form:
        return start.moved(**dict(zip(names, numbers.tolist(), strict=True)))

    at = np.array([start.values[name] for name in names])
    numbers, chi2 = _least(profile, lambda x: moved(x).evaluate(profile.distance), at)
    form = moved(numbers)
    return RadialForm(form.expression(), chi2, math.inf, form)


def _with_constants(profile: Profile, start: Expression) -> RadialForm:
    table = profile.distance[:, None]

    def value(numbers: np.ndarray) -> np.ndarray:
        return start.with_constants(numbers.tolist()).evaluate(table, ["r"])

    numbers, chi2 = _least(profile, value, np.asarray(start.constants, np.float64))
    return RadialForm(start.with_constants(numbers.tolist()), chi2, math.inf)


def _bits(expression: Expression, chi2: float, count: int) -> float:
    numbers = len(expression.constants) * math.log2(max(count, 2)) / 2
    return chi2 / (2 * math.log(2)) + numbers + _BITS_A_NODE * expression.complexity


def _textbook(profile: Profile) -> list[Form]:
    """The forms that fit best for their length, coefficients by least squares, on grids."""
    r = profile.distance
    rates = np.geomspace(0.02, 30.0, _GRID) / np.median(r)
    # what has decayed a million times at the least distance cannot be seen
    rates = rates[rates * r.min() < 14.0]
    lengths = np.geomspace(1e-3, 3.0, _GRID) * r.min()
    target = profile.whitening @ profile.size
    ranked = []
    for forms in textbook_forms(rates, lengths):
        columns = np.stack([form.columns(r) for form in forms])
        columns = np.einsum("jk,gkc->gjc", profile.whitening, columns)
        if "b" not in forms[0].free:
            columns = columns[..., :1]
        size = np.sqrt(np.sum(columns**2, axis=1, keepdims=True)) + np.finfo(float).tiny
        normal = np.einsum("gjc,gjd->gcd", columns / size, columns / size)
        normal += 1e-12 * np.eye(columns.shape[2])
        right = np.einsum("gjc,j->gc", columns / size, target)
        found = np.linalg.solve(normal, right[..., None])[..., 0] / size[:, 0]
        left = np.sum((np.einsum("gjc,gc->gj", columns, found) - target) ** 2, axis=1)
        place = int(np.argmin(left))
        linear = dict(zip("ab", found[place].tolist(), strict=False))
        ranked.append((float(left[place]), forms[place].moved(**linear)))
    excess = _excess([chi2 for chi2, _ in ranked], profile)
    ranked.sort(key=lambda pair: _bits(pair[1].expression(), pair[0] / excess, profile.worth))
    return [form for _, form in ranked[:_REFINED]]
