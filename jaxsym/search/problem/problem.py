"""One target of a search: its data, checked, and the loss that ranks expressions."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import finite, require
from jaxsym.expr import OPERATORS, Expression, Operator
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.tolerances import EXACT, EXACT_SINGLE

_SIZES = 1e-130, 1e150  # of a target: beyond them squared errors leave float64's range
# Times that an equation within the noise must be shorter than what it explains to end a search:
# with 10 % of noise on a few hundred rows many forms are, with 1e-5 hardly any but the right one.
_SHORTER_IN_NOISE = 32.0
# Standard deviations of chi squared above the noise with which a search may end: a term that is
# worth more than its own length in bits would add more.
_CHANCE = 1.0


@dataclass(frozen=True)
class Problem:
    """A table, one target and what may be used to explain it.

    Attributes:
      X: `[n, V]` table in float64.
      y: `[n]` target in float64.
      weights: `[n]`, not negative, with sum 1.
      variables: V names.
      operators: what expressions may be made of.
      max_complexity: no candidate is more complex.
      constraints: the user's limits and hints.
      rounding: share of the variance below which a loss is that of an exact answer.
      noise: mean variance of the target's noise, as losses are weighted; 0 if it is not known.
      n_effective: independent rows that tell as much as all do; infinite if all are independent.
    """

    X: Float[np.ndarray, "n V"]
    y: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, " n"]
    variables: tuple[str, ...]
    operators: Mapping[str, Operator]
    max_complexity: int
    constraints: Constraints = field(default_factory=Constraints)
    rounding: float = EXACT
    noise: float = 0.0
    n_effective: float = math.inf

    @property
    def table(self) -> dict[str, Operator]:
        """All operators that expressions may be written with on the way to a candidate."""
        return {**OPERATORS, **self.operators}

    @functools.cached_property
    def variance(self) -> float:
        """Weighted variance of the target: the loss of the best constant."""
        return float(self.weights @ (self.y - self.weights @ self.y) ** 2)

    @functools.cached_property
    def samples(self) -> float:
        """Number of independent samples: rows with weight, equal ones once, or `n_effective`.

        A row that is repeated tells no more than one does.
        """
        counting = self.weights > 0
        distinct = _distinct(np.column_stack([self.X[counting], self.y[counting]]))
        return min(distinct, self.n_effective)

    def complexity(self, expression: Expression) -> int:
        """`Expression.complexity` at the costs of this problem's operators."""
        table, own = self.operators, expression.operators
        return sum((table.get(t) or own[t]).cost if t in own else 1 for t in expression.tokens)

    def loss(self, expression: Expression) -> float:
        """Weighted mean squared error; infinite if any value is not finite."""
        return self.loss_of(expression.evaluate(self.X, self.variables))

    def loss_of(self, values: Float[np.ndarray, " n"]) -> float:
        """Weighted mean squared error of values, as `loss`."""
        with np.errstate(all="ignore"):
            loss = float(self.weights @ (values - self.y) ** 2)
        return loss if math.isfinite(loss) else math.inf

    def settled(self, expression: Expression, loss: float) -> bool:
        """Whether an expression with a loss leaves nothing to look for.

        It leaves rounding, or the noise that is known, and it is shorter than what it explains:
        every sample has as many bits as the target has above what is left, and so has each number
        of the expression; a node costs the logarithm of the number of symbols.

        >>> from jaxsym.expr import parse
        >>> X = np.arange(1.0, 5.0)[:, None]
        >>> (problem,) = make_problems(X, 2 * X + 1, None, variables="x", operators=OPERATORS,
        ...     max_complexity=30)
        >>> cubic = parse("2.0*x + 1.0 + 1e-9*x**2 + 1e-9*x**3")
        >>> [problem.settled(parse("2*x + 1"), 0.0), problem.settled(cubic, 0.0)]
        [True, False]
        """
        variance = self.variance
        if loss <= self.rounding * variance:
            return self.explained(expression, self.rounding) > 1
        spread = 1 + _CHANCE * math.sqrt(2 / self.samples)
        within = self.noise > 0 and loss <= self.noise * spread
        share = self.noise / variance if variance else 1.0
        return within and share < 1 and self.explained(expression, share) > _SHORTER_IN_NOISE

    def explained(self, expression: Expression, left: float) -> float:
        """Bits of the target that an expression explains, over its own.

        Args:
          expression: whose numbers, exponents apart, count as fitted ones.
          left: share of the variance that it leaves.
        """
        digits = -math.log2(left) / 2
        symbols = len(self.operators) + len(self.variables) + 1
        numbers = len(with_free_numbers(expression).constants)
        own = self.complexity(expression) * math.log2(symbols) + numbers * digits
        return self.samples * digits / own

    def rows(self, index: np.ndarray) -> Problem:
        """The same problem on some of the rows."""
        return self.derived(self.weights[index], X=self.X[index], y=self.y[index])

    def derived(self, weights: Float[np.ndarray, " m"], **changes: Any) -> Problem:
        """A problem made of this one.

        Args:
          weights: `[m]` of its errors, as parts of the mean squared error of this one; they need
            not sum to 1.
          changes: other fields of it.
        """
        total, share = float(weights.sum()), len(weights) / len(self.weights)
        return replace(
            self,
            weights=weights / total,
            noise=self.noise * share / total,
            n_effective=self.n_effective * share,
            **changes,
        )

    def sample(self, rng: np.random.Generator, size: int) -> Problem:
        """At most `size` rows that count, drawn without replacement, in order."""
        counting = np.flatnonzero(self.weights)
        if len(counting) > size:
            counting = np.sort(rng.choice(counting, size, replace=False))
        return self.rows(counting)


def make_problems(
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, "n k"],
    weights: Float[ArrayLike, "n k"] | None,
    *,
    variables: Sequence[str],
    operators: Mapping[str, Operator],
    max_complexity: int,
    constraints: Constraints | None = None,
    noise: Float[ArrayLike, " k"] | None = None,
    n_effective: float = math.inf,
) -> tuple[Problem, ...]:
    """Check a table and split it into one problem per target.

    `noise` is the mean variance of each target's noise, as its weights count errors, and
    `n_effective` the number of independent rows; both as `Problem` has them.

    Raises:
      ValueError: shapes that do not match, non-finite values, a target so large or small that
        its squares are not, bad weights or names.
    """
    table, targets = np.asarray(X, np.float64), np.asarray(y, np.float64)
    require(table.ndim == 2, f"X has shape {table.shape}; expected [n, V]")
    n, columns = table.shape
    require(
        targets.ndim == 2 and targets.shape[0] == n and n > 1,
        f"y has shape {targets.shape}; expected [n, k] with n={n} rows, at least 2",
    )
    weight = np.ones_like(targets) if weights is None else np.asarray(weights, np.float64)
    if weight.shape == (n,):
        weight = np.broadcast_to(weight[:, None], targets.shape)
    require(
        weight.shape == targets.shape,
        f"weights has shape {weight.shape}; expected ({n},) or {targets.shape}",
    )
    for name, values in (("X", table), ("y", targets), ("weights", weight)):
        finite(name, values)
    for size in np.abs(targets).max(0):
        require(
            size == 0 or _SIZES[0] <= size <= _SIZES[1],
            f"y is at most {size:g} in size; expected {_SIZES[0]:g} to {_SIZES[1]:g}, since "
            "squared errors are compared: scale it, or search for its logarithm",
        )
    require(bool(np.all(weight >= 0)), "weights has a negative value; expected none")
    require(bool(np.all(weight.sum(0) > 0)), "weights are all zero; expected a positive one")
    names = tuple(variables)
    require(len(names) == columns, f"{len(names)} variables named; X has {columns} columns")
    require(len(set(names)) == len(names), f"variables {names} are not distinct")
    require(max_complexity > 0, f"max_complexity={max_complexity}; expected at least 1")
    limits = (constraints or Constraints()).on(table, names)
    limits.check(names, {**OPERATORS, **operators})
    variances = np.zeros(targets.shape[1]) if noise is None else np.asarray(noise, np.float64)
    return tuple(
        Problem(
            table,
            column,
            w / w.sum(),
            names,
            operators,
            max_complexity,
            limits,
            _rounding(table, column),
            float(variance),
            n_effective,
        )
        for column, w, variance in zip(targets.T, weight.T, variances, strict=True)
    )


def _rounding(*arrays: np.ndarray) -> float:
    """What counts as exact: less for data that have been in float32; integers are exact anyway."""
    with np.errstate(over="ignore"):
        single = any(
            np.array_equal(a, a.astype(np.float32)) and not np.array_equal(a, np.round(a))
            for a in arrays
        )
    return EXACT_SINGLE if single else EXACT


def _distinct(rows: Float[np.ndarray, "n m"]) -> int:
    """Number of different rows, by a hash of 64 bits: a sort of whole rows takes seconds."""
    bits = np.ascontiguousarray(rows + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    hashed = np.zeros(len(rows), np.uint64)
    for column in bits.T:
        hashed = (hashed ^ column) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth 6.4)
        hashed ^= hashed >> np.uint64(32)
    return len(np.unique(hashed))
