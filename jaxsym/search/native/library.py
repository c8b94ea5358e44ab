"""The library: all small sub-expressions of the variables with their values on a sample.

Expressions are never built one by one: an entry is an operator and the numbers of its children, or
a row of exponents, and values are computed for whole blocks. Entries that agree on the sample up to
a factor are one entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxsym.expr import Expression, Operator, apply
from jaxsym.expr.operators import having
from jaxsym.search.native.monomials import enumerate_monomials, monomial
from jaxsym.search.native.stages.pursuit import Columns, Pursuit
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import LARGEST, SAME, TINY

_MONOMIAL = -1  # code of an entry that is no operator's
_PROBES = 16  # points that tell entries apart: 16 times 9 digits never agree by chance
_DIGITS = 9  # to which they must agree there, `SAME` in digits
_BLOCK = 1 << 14  # entries evaluated at a time: 32 MB at 256 rows
_MONOMIALS = 150_000  # that are looked at: 77 MB at the points below
_LOOK = 64  # points at which they are; the best of each round are then compared on all
_INNER = 24  # monomials that terms have functions of, and
_OUTER = 100  # that these are multiplied by: with five functions 12,000 terms to choose from
_IN_TERMS = ("exp", "log", "sin", "cos", "tanh")
_ROUNDS = 4  # of selection, each on what was left before, as sums have up to four terms
_NOT_NESTED = having("transcendental")
# these add nothing to what a fitted factor and the other operators reach
_NOT_SEARCHED = frozenset({"neg", "sign"})


@dataclass(frozen=True)
class Library:
    """M entries; the first is the number 1.

    Attributes:
      values: `[M, n]` on the sample, in float64.
      complexity: `[M]`.
      exponents: `[M, V]` of entries that are monomials; elsewhere 0.
      code: `[M]` number of the operator; -1 for monomials.
      children: `[M, 2]` entries that the operator is applied to.
      sums: `[M]` whether the entry is a sum or difference, or a multiple of one.
      operators: by number.
      variables: V names.
    """

    values: Float[np.ndarray, "M n"]
    complexity: Int[np.ndarray, " M"]
    exponents: Float[np.ndarray, "M V"]
    code: Int[np.ndarray, " M"]
    children: Int[np.ndarray, "M 2"]
    sums: Bool[np.ndarray, " M"]
    operators: tuple[Operator, ...]
    variables: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.code)

    @property
    def shifted(self) -> Bool[np.ndarray, " M"]:
        """Whether an entry is another one plus or minus 1, the same where there is an offset."""
        names = np.array([*(op.name for op in self.operators), ""])[self.code]
        return np.isin(names, ["add", "sub"]) & (self.children == 0).any(1)

    def simplest(self, count: int) -> Library:
        """The entries of such complexities that there are at most `count`."""
        if len(self) <= count:
            return self
        kept = np.flatnonzero(self.complexity < np.sort(self.complexity)[count])
        number = np.zeros(len(self), int)
        number[kept] = np.arange(len(kept))  # children are simpler, so they are kept too
        return Library(
            self.values[kept],
            self.complexity[kept],
            self.exponents[kept],
            self.code[kept],
            number[self.children[kept]],
            self.sums[kept],
            self.operators,
            self.variables,
        )

    def name(self, entry: int) -> str:
        """The operator of an entry; empty for a monomial."""
        code = self.code[entry]
        return "" if code == _MONOMIAL else self.operators[code].name

    def arguments(self, entry: int) -> list[int]:
        """The entries that the operator of an entry is applied to."""
        return self.children[entry, : self.operators[self.code[entry]].arity].tolist()

    def expression(self, entry: int) -> Expression:
        """One entry as an expression."""
        name = self.name(entry)
        if not name:
            return monomial(self.variables, self.exponents[entry].tolist())
        arguments = [self.expression(child) for child in self.arguments(entry)]
        return apply(name, *arguments, operators={name: self.operators[self.code[entry]]})


def build_library(
    sample: Problem, targets: Float[np.ndarray, "T n"], *, size: int, max_complexity: int = 10
) -> Library:
    """Enumerate entries by complexity until there are about `size` of them.

    Half are monomials: the simpler ones all, the more complex ones if they correlate with a target.
    The others are grown from the simplest up by every operator of one or two arguments; the
    complexity that would make them too many is thinned out by correlation too.

    Args:
      sample: the rows on which values are compared.
      targets: `[T, n]` what entries are to explain.
      size: most entries.
      max_complexity: of an entry.
    """
    operators = tuple(
        op for op in sample.operators.values() if op.arity <= 2 and op.name not in _NOT_SEARCHED
    )
    growth = _Growth(sample, targets, operators)
    growth.plant(*_select_monomials(sample, targets, size // 2, max_complexity))
    for complexity in range(2, max_complexity + 1):
        if not growth.grow(complexity, size):
            break
    return growth.library()


def build_terms(
    sample: Problem, targets: Float[np.ndarray, "T n"], *, size: int, max_complexity: int = 10
) -> Library:
    """Enumerate the terms of which sums are made: monomials times functions of monomials.

    Args:
      sample: the rows on which values are compared.
      targets: `[T, n]` what terms are to explain.
      size: most terms.
      max_complexity: of a monomial.
    """
    named = sample.operators
    operators = tuple(named[name] for name in (*_IN_TERMS, "mul", "div") if name in named)
    growth = _Growth(sample, targets, operators)
    growth.plant(*_select_monomials(sample, targets, size // 3, max_complexity))
    degree = np.abs(growth.exponents).sum(axis=1)
    whole = np.all(growth.exponents % 1 == 0, axis=1)
    halves = np.all(growth.exponents % 0.5 == 0, axis=1)
    simple = np.argsort(growth.complexity, kind="stable")
    inner = simple[(whole & (degree >= 1) & (degree <= 2))[simple]][:_INNER]
    outer = simple[(halves & (degree > 0) & (degree <= 3))[simple]][:_OUTER]
    for number, operator in enumerate(operators):
        if operator.arity == 1:
            growth.add(number, operator, np.column_stack([inner, inner]), size)
            continue
        # quotients are of exponentials, those of other functions are rare
        wanted = ("exp",) if operator.name == "div" else _IN_TERMS
        called = np.isin(growth.code, [i for i, o in enumerate(operators) if o.name in wanted])
        pairs = np.meshgrid([0, *outer], np.flatnonzero(called), indexing="ij")
        growth.add(number, operator, np.stack(pairs, axis=-1).reshape(-1, 2), size)
    return growth.library()


def _select_monomials(
    sample: Problem, targets: np.ndarray, count: int, max_complexity: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponents, complexities and values of the monomials to keep."""
    exponents, cost = enumerate_monomials(sample.X.shape[1], max_complexity, _MONOMIALS)
    look = slice(None, None, max(1, len(sample.y) // _LOOK))
    weights = sample.weights[look] / sample.weights[look].sum()
    values = _monomial_values(sample.X[look], exponents)
    simple = cost < (cost[count // 2] if len(cost) > count else np.inf)
    usable = _usable(values)
    kept = simple & usable
    columns = Columns(np.where(usable[:, None], values, 0.0), weights, usable)
    pursuits = [Pursuit(columns, target) for target in targets[:, look]]
    chosen: list[tuple[int, ...]] = [()] * len(pursuits)
    for rounds_left in range(_ROUNDS if len(columns.entries) else 0, 0, -1):
        # what the best monomials leave unexplained asks for others than they do
        gains = np.stack([p.gains(own) for p, own in zip(pursuits, chosen, strict=True)])
        best = columns.entries[gains.argmax(1)]
        chosen = [(*own, int(entry)) for own, entry in zip(chosen, best, strict=True)]
        ranked = np.full(len(values), -1.0)
        ranked[columns.entries] = gains.max(0)
        ranked[kept] = -1.0
        free = (count - kept.sum()) // rounds_left
        kept[np.argsort(-ranked)[:free]] = True
    kept &= usable
    return exponents[kept], cost[kept], _monomial_values(sample.X, exponents[kept])


def _monomial_values(X: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    values = np.ones((len(exponents), len(X)))
    with np.errstate(all="ignore"):
        for column, powers in zip(X.T, exponents.T, strict=True):
            distinct, which = np.unique(powers, return_inverse=True)
            values *= (column[None] ** distinct[:, None])[which]
    return values


def _relevance(values: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`[T, M]` squared correlation with each target; -1 where values cannot be used."""
    usable = _usable(values)
    values = np.where(usable[:, None], values, 0.0)
    centered = targets - (targets @ weights)[:, None]
    mean = values @ weights
    variance = np.maximum(values**2 @ weights - mean**2, TINY)
    covariance = (values - mean[:, None]) @ (weights * centered).T
    with np.errstate(over="ignore"):  # a target that does not vary
        share = covariance.T**2 / variance / np.maximum(centered**2 @ weights, TINY)[:, None]
    return np.where(usable, share, -1.0)


def _usable(values: np.ndarray) -> np.ndarray:
    """Finite, not too large and not constant."""
    with np.errstate(all="ignore"):
        size = np.abs(values).max(1)
        return (size < LARGEST) & (np.ptp(values, axis=1) > SAME * size)


class _Growth:
    """The library while it is grown; numbers of entries never change."""

    def __init__(self, sample: Problem, targets: np.ndarray, operators: tuple[Operator, ...]):
        self.sample, self.targets, self.operators = sample, targets, operators
        points = len(sample.y)
        self.probes = np.linspace(0, points - 1, min(_PROBES, points)).astype(int)
        rng = np.random.default_rng(0)
        self.hash_keys = rng.integers(-(2**62), 2**62, len(self.probes)) | 1
        self.seen = np.zeros(0, np.int64)
        self._store = np.ones((256, points))  # with room to grow; copied when it doubles
        self.values = self._store[:1]
        self.complexity = np.ones(1, int)
        self.exponents = np.zeros((1, sample.X.shape[1]))
        self.code = np.full(1, _MONOMIAL)
        self.children = np.zeros((1, 2), int)
        self.nested = np.zeros(1, bool)  # whether exp, sin, ... occur
        self.sums = np.zeros(1, bool)

    def plant(self, exponents: np.ndarray, cost: np.ndarray, values: np.ndarray) -> None:
        """Add monomials."""
        new = self._unseen(values[:, self.probes])
        none = np.zeros((len(new), 2), int)
        self._append(
            values[new],
            cost[new],
            exponents[new],
            np.full(len(new), _MONOMIAL),
            none,
            none[:, 0] > 0,
        )

    def grow(self, complexity: int, size: int) -> bool:
        """Add what the operators make at one complexity; False when the library is full."""
        for number, operator in enumerate(self.operators):
            for children in self._arguments(operator, complexity):
                if len(self.code) >= size:
                    return False
                self.add(number, operator, children, size)
        return True

    def add(self, number: int, operator: Operator, children: np.ndarray, size: int) -> None:
        """Add what an operator makes of some children, the most relevant if there is no room."""
        nested = self.nested[children].any(1)
        if operator.name in _NOT_NESTED:
            children, nested = children[~nested], np.ones(np.sum(~nested), bool)
        new = self._unseen(self._values(operator, children, self.probes))
        children, nested = children[new], nested[new]
        values = self._values(operator, children, slice(None))
        relevance = _relevance(values, self.targets, self.sample.weights).max(0)
        kept = np.flatnonzero(relevance >= 0)
        if len(self.code) + len(kept) > size:
            kept = np.argsort(-relevance)[: size - len(self.code)]
        count = len(kept)
        self._append(
            values[kept],
            operator.cost + self.complexity[children[kept, : operator.arity]].sum(1),
            np.zeros((count, self.exponents.shape[1])),
            np.full(count, number),
            children[kept],
            nested[kept],
        )

    def _arguments(self, operator: Operator, complexity: int) -> Iterator[np.ndarray]:
        """`[m, 2]` numbers of children that give that complexity, in blocks."""
        rest = complexity - operator.cost
        of = [np.flatnonzero(self.complexity == c) for c in range(rest + 1)]
        if operator.arity == 1 and rest > 0:
            yield np.column_stack([of[rest], of[rest]])
        if operator.arity == 1:
            return
        # a difference counts in one direction only: the other is its negative
        either = operator.symmetric or operator.name == "sub"
        for first in range(1, rest):
            if either and first > rest - first:
                return
            for lefts in np.array_split(
                of[first], 1 + len(of[first]) * len(of[rest - first]) // _BLOCK
            ):
                left, right = (
                    a.ravel() for a in np.meshgrid(lefts, of[rest - first], indexing="ij")
                )
                keep = left < right if either and 2 * first == rest else left != right
                yield np.column_stack([left, right])[keep]

    def _values(self, operator: Operator, children: np.ndarray, points: slice | np.ndarray):
        arguments = [self.values[c][:, points] for c in children.T[: operator.arity]]
        with np.errstate(all="ignore"):
            if operator.numpy is not None:
                return operator.numpy(*arguments)
            with jax.enable_x64(True):
                return np.asarray(operator.jnp(*arguments))

    def _unseen(self, probes: np.ndarray) -> np.ndarray:
        """Rows, in order, whose values are usable and not yet in the library up to a factor."""
        rows = np.flatnonzero(_usable(probes))
        probes = probes[rows]
        with np.errstate(all="ignore"):
            largest = np.take_along_axis(probes, np.abs(probes).argmax(1)[:, None], 1)
            scaled = np.round(probes / largest * 10**_DIGITS).astype(np.int64)
        hashes = scaled @ self.hash_keys  # wraps around, as a hash may
        hashes, first = np.unique(hashes, return_index=True)
        new = ~np.isin(hashes, self.seen)
        self.seen = np.union1d(self.seen, hashes[new])
        return np.sort(rows[first[new]])

    def _append(self, values, complexity, exponents, code, children, nested) -> None:
        names = np.array([op.name for op in self.operators] + [""])[code]
        multiple = np.isin(names, ["mul", "div"]) & self.sums[children].any(1)
        self.sums = np.concatenate([self.sums, multiple | np.isin(names, ["add", "sub"])])
        count = len(self.values) + len(values)
        if count > len(self._store):
            room = np.empty((max(count, 2 * len(self._store)), self._store.shape[1]))
            room[: len(self.values)] = self.values
            self._store = room
        self._store[len(self.values) : count] = values
        self.values = self._store[:count]
        self.complexity = np.concatenate([self.complexity, complexity])
        self.exponents = np.concatenate([self.exponents, exponents])
        self.code = np.concatenate([self.code, code])
        self.children = np.concatenate([self.children, children])
        self.nested = np.concatenate([self.nested, nested])

    def library(self) -> Library:
        """What has grown."""
        return Library(
            self.values,
            self.complexity,
            self.exponents,
            self.code,
            self.children,
            self.sums,
            self.operators,
            self.sample.variables,
        )
