"""Sums of few terms, by regression on the rows: subsets grow term by term, several at a time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, constant, literal
from jaxsym.odes.forms.rows import Rows
from jaxsym.odes.forms.terms import Library

_BEAM = 10  # subsets of each size that are followed
_KEPT = 3  # subsets of each size that become candidates
_MOST_BACKWARD = 40  # terms of a library that is thinned out from the whole
_SAME = 1e-9  # of a column's length: less beside the subset's span is rounding


def sparse_sums(library: Library, rows: Rows) -> list[Expression]:
    """Sums of few terms of the library that leave least of the rows.

    Subsets grow from nothing, the best of one size extended by every term, and shrink from the
    whole, without the least significant term each time (Miller 2002, "Subset Selection in
    Regression", section 3). The one finds the strong terms in noise, the other those of exact data
    that cancel each other.

    Args:
      library: terms.
      rows: whose chi squared counts.
    """
    table = np.asarray(rows.through @ library.table)
    size = np.linalg.norm(table, axis=0)
    usable = np.flatnonzero(np.isfinite(size) & (size > 0))
    unit = table[:, usable] / size[usable]
    beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    found: list[tuple[int, ...]] = []
    for _ in range(min(library.most, len(usable))):
        beam = _extended(beam, unit, rows.target)
        found += [subset for _, subset in beam[:_KEPT]]
    if len(usable) <= min(_MOST_BACKWARD, len(rows.target) - 1):
        found += [s for s in _thinned(unit, rows.target) if len(s) <= library.most]
    chosen = dict.fromkeys(found)
    return [_sum(library, usable[list(subset)], table, rows.target) for subset in chosen]


def _thinned(unit: Float[np.ndarray, "J L"], target) -> list[tuple[int, ...]]:
    """All terms, and again without the one of least significance, down to a single one."""
    subset, found = list(range(unit.shape[1])), []
    while len(subset) > 1:
        values, _, rank, _ = np.linalg.lstsq(unit[:, subset], target, rcond=_SAME)
        spread = np.diag(np.linalg.pinv(unit[:, subset].T @ unit[:, subset], rcond=_SAME**2))
        significance = np.abs(values) / np.sqrt(np.maximum(spread, 1e-300))
        subset.pop(int(np.argmin(significance)))
        found.append(tuple(subset))
    return found


def _extended(beam, unit: Float[np.ndarray, "J L"], target) -> list[tuple[float, tuple[int, ...]]]:
    """The best subsets of one term more, with what they leave."""
    found: dict[tuple[int, ...], float] = {}
    for _, subset in beam:
        basis = np.linalg.qr(unit[:, list(subset)])[0]
        left = target - basis @ (basis.T @ target)
        beside = unit - basis @ (basis.T @ unit)
        length = np.sum(beside**2, axis=0)
        gain = np.where(length > _SAME**2, (left @ beside) ** 2 / np.maximum(length, 1e-300), 0.0)
        total = left @ left
        for term in np.argsort(-gain)[:_BEAM]:
            if gain[term] > 0:
                found[tuple(sorted((*subset, int(term))))] = total - gain[term]
    return sorted((left, subset) for subset, left in found.items())[:_BEAM]


def _sum(library: Library, chosen, table, target) -> Expression:
    scale = np.linalg.norm(table[:, chosen], axis=0)
    numbers = np.linalg.lstsq(table[:, chosen] / scale, target, rcond=None)[0] / scale
    result: Expression | None = None
    for place, number in zip(chosen.tolist(), numbers.tolist(), strict=True):
        term = library.terms[place]
        part = constant(number) if term == literal(1) else constant(number) * term
        result = part if result is None else result + part
    assert result is not None
    return result
