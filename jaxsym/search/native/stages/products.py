"""Stage: a power law times two functions, the best pairs of columns of logarithms.

`y = c M g1**p1 g2**p2` with any product of powers M: every simple column is paired with all columns
of a library's entries and of functions of simple entries, by one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula
from jaxsym.search.native.linear import two_regressors
from jaxsym.search.native.ranking import least
from jaxsym.search.native.stages.factors import Factors
from jaxsym.search.native.stages.powers import Part

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_PAIRED = 1500  # simple columns that are paired with all
_BLOCK = 128  # of them at a time
_EACH = 2  # partners of each that are looked at
_LEAST = 1e-6  # share below which float32 sees nothing
_APART = 1e-4  # share by which columns in float32 must differ
_COST = 0.1  # logarithms of the share left that a node is worth


def product_formulas(
    desired: Float[np.ndarray, " n"], factors: Factors, count: int
) -> Iterator[Formula]:
    """The products of two factors that fit desired values best.

    Args:
      desired: values on the rows of the library.
      factors: functions over the library; those with a constant inside are not paired.
      count: products.
    """
    powers = factors.semantics.powers
    plain = [column for column, key in enumerate(factors.keys) if abs(key[2]) == 1]
    units = np.concatenate([powers.units, factors.units[plain]])
    costs = _COST * np.concatenate([powers.costs, factors.costs[plain] + 2]).astype(np.float32)
    simple = np.argsort(costs, kind="stable")[:_PAIRED]
    with np.errstate(all="ignore"):
        target = factors.logarithms.units(np.log(np.abs(desired))[None])[0].astype(np.float32)
    fit = units @ target
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(simple), _BLOCK):
        rows = simple[start : start + _BLOCK]
        overlap = units[rows] @ units.T
        share = two_regressors(fit[rows, None], fit, overlap, min_rest=_APART)
        left = np.log(np.maximum(1 - share, _LEAST)) + costs + costs[rows, None]
        partners = least(left, _EACH)
        for row, chosen, scores in zip(
            rows.tolist(), partners, np.take_along_axis(left, partners, 1), strict=True
        ):
            for partner, score in zip(chosen.tolist(), scores.tolist(), strict=True):
                found[min(row, partner), max(row, partner)] = score

    def part(column: int) -> Part:
        own = column - len(powers.units)
        return powers.part(column) if own < 0 else factors.part(plain[own])

    for pair in sorted(found, key=found.__getitem__)[:count]:
        formula = factors.logarithms.product(desired, [part(column) for column in pair])
        if formula is not None:
            yield formula


def products(state: SearchState) -> Iterator[Expression]:
    """Stage: power laws times two functions of entries."""
    for context in state.contexts[:1]:  # the target itself
        values, count = context.target.product, state.budget.pairs
        state.evolution.seed(product_formulas(values, state.factors, count))
    yield from state.evolution.fitted(state.budget.fitted)
