"""Terms of which right-hand sides are often sums: monomials, waves, saturating rates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, literal, variable
from jaxsym.odes.forms.rows import Points

_DEGREE = 3  # of monomials
_MOST = 90  # terms of a library; with many variables degrees are lower
_SHARES = (0.3, 1.0, 3.0)  # of a variable's usual size at which rates are half saturated


class Library(NamedTuple):
    """L terms and their values.

    Attributes:
      terms: some with constants inside, which are refitted later.
      table: their values at the points.
    """

    terms: tuple[Expression, ...]
    table: Float[np.ndarray, "N L"]


def library(points: Points, allowed: Sequence[str]) -> Library:
    """All terms in the allowed variables that have finite values, each different from the others.

    >>> points = Points(("x", "y"), np.random.default_rng(0).uniform(1.0, 2.0, (50, 2)))
    >>> [str(term) for term in library(points, ["x"]).terms[:4]]
    ['1', 'x', 'x**2', 'x**3']
    """
    names = [n for n in allowed if np.std(points.table[:, points.variables.index(n)]) > 0]
    terms = [*_monomials(names), *_waves(names), *_saturating(names, points)]
    kept, columns = [], []
    for term in terms:
        values = term.evaluate(points.table, points.variables)
        size = np.sqrt(np.mean(values**2))
        if np.isfinite(size) and size > 0:
            kept.append(term)
            columns.append(values)
    return Library(tuple(kept), np.stack(columns, axis=1))


def _monomials(names: Sequence[str]) -> list[Expression]:
    found: list[Expression] = [literal(1)]
    for degree in range(1, _DEGREE + 1):
        new = itertools.combinations_with_replacement(names, degree)
        terms = [_product(factors) for factors in new]
        if len(found) + len(terms) > _MOST:
            break
        found += terms
    return found


def _product(factors: Sequence[str]) -> Expression:
    powers = [(name, len(list(group))) for name, group in itertools.groupby(factors)]
    result = None
    for name, power in powers:
        part = variable(name) if power == 1 else variable(name) ** power
        result = part if result is None else result * part
    assert result is not None
    return result


def _waves(names: Sequence[str]) -> list[Expression]:
    found = []
    for name in names:
        wave = [apply(f, variable(name)) for f in ("sin", "cos")]
        found += [*wave, wave[0] * wave[1]]
        found += [variable(other) * w for other in names if other != name for w in wave]
    return found


def _saturating(names: Sequence[str], points: Points) -> list[Expression]:
    """``x / (c + x)`` and ``1 / (c + x^2)`` with multiples, c being a share of the usual x."""
    found = []
    for name in names:
        column, x = points.table[:, points.variables.index(name)], variable(name)
        usual = float(np.median(np.abs(column)))
        if usual == 0:
            continue
        for share in _SHARES:
            rates = [1 / (constant((share * usual) ** 2) + x**2)]
            rates += [x * rates[0], x**2 * rates[0]]
            if column.min() > 0:
                rates.append(x / (constant(share * usual) + x))
            found += rates
            found += [variable(o) * rates[-1] for o in names if o != name]
    return found
