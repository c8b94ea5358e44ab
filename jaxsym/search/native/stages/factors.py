"""Stages: a power law times one function with a constant inside, or times any two.

`y = c M F(k G)**p` with any product of powers M: for many functions F, simple entries G and scales
k the logarithm of F is a column, of which the logarithms of the variables are projected out. The
columns that go best with the target's are the starts of fits of all constants. With `k = 1` they
and the columns of the whole library are paired, `y = c M g1**p1 g2**p2`, by one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, literal
from jaxsym.expr.subtrees import Formula
from jaxsym.search.native.linear import two_regressors
from jaxsym.search.native.ranking import smallest
from jaxsym.search.native.stages.log_linear import Logarithms, Part
from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import NODE, ROUNDING, SAME, SHARE_SINGLE, SPANNED_SINGLE

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_ENTRIES = 160  # simple entries G: some 30,000 columns for all functions and scales
_PAIRED = 1500  # simple columns that are paired with all: 15 billion products at 20,000 columns
_BLOCK = 128  # of them at a time: 10 MB
_EACH = 2  # partners of each that are looked at; the same pair comes from both ends
_STEPS = 0.5 * 0.22 ** np.arange(12)  # relative, of seven trials each; a step covers a spacing
_SCALES = 0.06 * 1.9 ** np.arange(
    9
)  # of k G, from where functions are linear to where they saturate
_POWERS = (("inv",), ("square",), ("sqrt",))  # outer functions that logarithms do not see


class Family(NamedTuple):
    """A function F of a scaled entry.

    Attributes:
      needs: operators that it is written with.
      values: of an array.
      expression: of an expression.
      both: whether negative scales count too.
    """

    needs: tuple[str, ...]
    values: Callable[[np.ndarray], np.ndarray]
    expression: Callable[[Expression], Expression]
    both: bool = False


_ONE = literal(1)


def _of(name: str) -> Callable[[Expression], Expression]:
    return lambda u: apply(name, u)


FAMILIES = (
    Family((), lambda u: 1 + u, lambda u: _ONE + u, both=True),
    Family(("exp",), np.expm1, lambda u: apply("exp", u) - _ONE, both=True),
    Family(("exp",), lambda u: 1 + np.exp(u), lambda u: _ONE + apply("exp", u), both=True),
    Family(("exp",), lambda u: 2 * np.sinh(u), lambda u: apply("exp", u) - apply("exp", -u)),
    Family(("exp",), lambda u: 2 * np.cosh(u), lambda u: apply("exp", u) + apply("exp", -u)),
    Family(("log",), np.log1p, lambda u: apply("log", _ONE + u), both=True),
    Family(("sin",), np.sin, _of("sin")),
    Family(("cos",), np.cos, _of("cos")),
    Family(("cos",), lambda u: 1 - np.cos(u), lambda u: _ONE - apply("cos", u)),
    Family(("cos",), lambda u: 1 + np.cos(u), lambda u: _ONE + apply("cos", u)),
    Family(("tanh",), np.tanh, _of("tanh")),
    Family(
        ("sqrt",), lambda u: np.sqrt(1 + u) - 1, lambda u: apply("sqrt", _ONE + u) - _ONE, both=True
    ),
    Family(
        ("sqrt",),
        lambda u: 1 / np.sqrt(1 + u) - 1,
        lambda u: _ONE / apply("sqrt", _ONE + u) - _ONE,
        both=True,
    ),
)


class Factors:
    """Columns `log F(k G)` of a library.

    Args:
      library: where the entries G come from.
      sample: the rows that it was built on.
    """

    def __init__(self, semantics: SemanticSearch, sample: Problem):
        self.semantics = semantics
        self.logarithms: Logarithms = semantics.powers.logarithms
        library = semantics.library
        order = np.argsort(library.complexity, kind="stable")[1 : _ENTRIES + 1]
        values = library.values[order]
        size = np.sqrt(values**2 @ sample.weights)
        self.families = _usable(sample.operators)
        self.keys: list[tuple[int, int, float]] = []
        units = []
        with np.errstate(all="ignore"):
            for number, family in enumerate(self.families):
                for scales in (np.ones_like(size), *(scale / size for scale in _SCALES)):
                    for sign in (1, -1) if family.both else (1,):
                        factors = sign * scales
                        units.append(self._columns(family, factors[:, None] * values))
                        scaled = zip(order.tolist(), factors.tolist(), strict=True)
                        self.keys += [(entry, number, factor) for entry, factor in scaled]
        self.units = np.concatenate(units).astype(np.float32)
        self.costs = library.complexity[[entry for entry, _, _ in self.keys]]

    def _columns(self, family: Family, arguments: np.ndarray) -> np.ndarray:
        return self.logarithms.units(np.log(np.abs(family.values(arguments))))

    def formulas(self, wanted: Float[np.ndarray, " n"], count: int) -> Iterator[Formula]:
        """The products with the best columns for wanted values.

        Any even function looks like any other at first: the scales of the best few columns of each
        family are made better before they are compared.
        """
        with np.errstate(all="ignore"):
            target = self.logarithms.units(np.log(np.abs(wanted))[None])[0]
            share = np.abs(self.units @ target.astype(np.float32))
            order = np.log(np.maximum(1 - share**2, SHARE_SINGLE)) + NODE * self.costs
            tried: dict[tuple[int, int], None] = {}
            each = dict.fromkeys(range(len(self.families)), max(1, count // 2))
            found = []
            for index in np.argsort(order)[: 100 * count].tolist():
                entry, number, scale = self.keys[index]
                if share[index] > 0 and (entry, number) not in tried and each[number]:
                    tried[entry, number] = None
                    each[number] -= 1
                    found.append((*self._better(target, entry, number, scale), entry, number))
            cost = self.semantics.library.complexity
            found.sort(key=lambda f: f[0] + NODE * cost[f[2]])
            for _, scale, entry, number in found[:count]:
                formula = self.logarithms.product(wanted, [self._part(entry, number, scale)])
                if formula is not None:
                    yield formula

    def part(self, column: int) -> Part:
        """What a column is the logarithm of."""
        return self._part(*self.keys[column])

    def _part(self, entry: int, number: int, scale: float) -> Part:
        values, family = self.semantics.library.values[entry], self.families[number]
        argument = _times(scale, self.semantics.library.expression(entry))
        return Part(family.expression(argument), family.values(scale * values))

    def _better(
        self, target: np.ndarray, entry: int, number: int, scale: float
    ) -> tuple[float, float]:
        """Log of the share left, and the scale, by a search in ever smaller steps."""
        values, family = self.semantics.library.values[entry], self.families[number]
        left = 1.0
        for step in _STEPS:
            trials = scale * (1 + step * np.linspace(-1, 1, 7))
            columns = self._columns(family, trials[:, None] * values)
            rest = columns - np.outer(columns @ target, target)  # exact where shares are all but 1
            losses = np.where(np.any(columns != 0, axis=1), (rest**2).sum(1), 1.0)
            scale, left = float(trials[np.argmin(losses)]), float(losses.min())
        return math.log(max(left, ROUNDING)), scale


def _times(scale: float, expression: Expression) -> Expression:
    return expression if abs(scale - 1) < SAME else constant(scale) * expression


def _usable(operators: Mapping) -> list[Family]:
    return [family for family in FAMILIES if all(name in operators for name in family.needs)]


def product_formulas(
    wanted: Float[np.ndarray, " n"], factors: Factors, count: int
) -> Iterator[Formula]:
    """The products of two factors that fit wanted values best.

    Args:
      wanted: values on the rows of the library.
      factors: functions over the library; those with a constant inside are not paired.
      count: products.
    """
    powers = factors.semantics.powers
    plain = [column for column, key in enumerate(factors.keys) if abs(key[2]) == 1]
    units = np.concatenate([powers.units, factors.units[plain]])
    costs = NODE * np.concatenate([powers.costs, factors.costs[plain] + 2]).astype(np.float32)
    simple = np.argsort(costs, kind="stable")[:_PAIRED]
    with np.errstate(all="ignore"):
        target = factors.logarithms.units(np.log(np.abs(wanted))[None])[0].astype(np.float32)
    fit = units @ target
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(simple), _BLOCK):
        rows = simple[start : start + _BLOCK]
        overlap = units[rows] @ units.T
        share = two_regressors(fit[rows, None], fit, overlap, min_rest=SPANNED_SINGLE)
        left = np.log(np.maximum(1 - share, SHARE_SINGLE)) + costs + costs[rows, None]
        partners = smallest(left, _EACH)
        for row, chosen, scores in zip(
            rows.tolist(), partners, np.take_along_axis(left, partners, 1), strict=True
        ):
            for partner, score in zip(chosen.tolist(), scores.tolist(), strict=True):
                found[min(row, partner), max(row, partner)] = score

    def part(column: int) -> Part:
        own = column - len(powers.units)
        return powers.part(column) if own < 0 else factors.part(plain[own])

    for pair in sorted(found, key=found.__getitem__)[:count]:
        formula = factors.logarithms.product(wanted, [part(column) for column in pair])
        if formula is not None:
            yield formula


def products(state: SearchState) -> Iterator[Expression]:
    """Stage: power laws times two functions of entries."""
    for context in state.contexts[:1]:  # the target itself
        values, count = context.target.product, state.budget.pairs
        state.evolution.seed(product_formulas(values, state.factors, count))
    yield from state.evolution.fitted(state.budget.fitted)


def factors(state: SearchState) -> Iterator[Expression]:
    """Stage: power laws times a function of a scaled entry, in every simple context."""
    for context in state.contexts:
        if context.before[:1] in _POWERS:
            continue
        count = state.budget.factors // (2 if context.before else 1)
        state.evolution.seed(
            (*context.before, *formula, *context.after)
            for formula in state.factors.formulas(context.target.product, count)
        )
        yield from state.evolution.fitted(count // 2)
        if state.done:
            return
