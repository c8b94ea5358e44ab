"""Terms of which right-hand sides are often sums: monomials, waves, saturating rates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, literal, variable
from jaxsym.odes.forms.rows import Points

_WIDEST = 90  # monomials of a library; with many variables degrees are lower
_MOST, _FEW = 7, 4  # terms of a sum, and of one with a saturating rate
_SHARES = (0.3, 1.0, 3.0)  # of a variable's usual size at which rates are half saturated


class Library(NamedTuple):
    """L terms and their values.

    Attributes:
      terms: some with constants inside, which are refitted later.
      table: their values at the points.
      most: terms of a sum.
    """

    terms: tuple[Expression, ...]
    table: Float[np.ndarray, "N L"]
    most: int


def libraries(points: Points, allowed: Sequence[str]) -> list[Library]:
    """Libraries from narrow to wide, since in a wide one terms that look alike hide the right ones.

    Monomials of degree 2, of degree 3, with waves, with one kind of saturating rate, and all.

    >>> points = Points(("x", "y"), np.random.default_rng(0).uniform(1.0, 2.0, (50, 2)))
    >>> [str(term) for term in libraries(points, ["x"])[1].terms]
    ['1', 'x', 'x**2', 'x**3']
    """
    names = [n for n in allowed if np.std(points.table[:, points.variables.index(n)]) > 0]
    quadratic, cubic, waves = _monomials(names, 2), _monomials(names, 3), _waves(names)
    rates = _saturating(names, points)
    every = [term for kind in rates for term in kind]
    made = [(quadratic, _MOST), (cubic, _MOST), (quadratic + waves, _MOST)]
    made += [(quadratic + kind, _FEW) for kind in rates]
    return [
        _library(terms, points, most) for terms, most in [*made, (cubic + waves + every, _MOST)]
    ]


def _library(terms: Sequence[Expression], points: Points, most: int) -> Library:
    """Of those terms that have finite values."""
    kept, columns = [], []
    for term in terms:
        values = term.evaluate(points.table, points.variables)
        size = np.sqrt(np.mean(values**2))
        if np.isfinite(size) and size > 0:
            kept.append(term)
            columns.append(values)
    return Library(tuple(kept), np.stack(columns, axis=1), most)


def _monomials(names: Sequence[str], highest: int) -> list[Expression]:
    found: list[Expression] = [literal(1)]
    for degree in range(1, highest + 1):
        new = itertools.combinations_with_replacement(names, degree)
        terms = [_product(factors) for factors in new]
        if len(found) + len(terms) > _WIDEST:
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


def _saturating(names: Sequence[str], points: Points) -> list[list[Expression]]:
    """``x / (c + x)``, ``x^p / (c + x^2)`` and their products with other variables.

    Each kind with several c, shares of the usual x, from which a fit of c starts.
    """
    found = []
    for name in names:
        column, x = points.table[:, points.variables.index(name)], variable(name)
        usual = float(np.median(np.abs(column)))
        if usual == 0:
            continue
        starts = [share * usual for share in _SHARES]
        bells = [1 / (constant(c**2) + x**2) for c in starts]
        kinds = [bells, [x * b for b in bells], [x**2 * b for b in bells]]
        if column.min() > 0:
            kinds.append([x / (constant(c) + x) for c in starts])
        found += kinds
        found += [[variable(o) * r for r in kinds[-1]] for o in names if o != name]
    return found
