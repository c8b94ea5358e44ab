"""Log-linear models: products of powers, by regression of logarithms.

`y = c prod_j x_j**q_j prod_i g_i**p_i exp(k h)` is linear in log|y|. The logarithms of the
variables are projected out of everything, so that they cost nothing: what is left is one column
for each `g = f`, `f + 1`, `f - 1` and each h of a library. One or two are to explain the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxsym._programs import bounded_jit
from jaxsym._settings import full_precision
from jaxsym.expr import Expression, apply, constant, literal, variable
from jaxsym.expr.subtrees import Formula, to_formula
from jaxsym.search.native.library import Library
from jaxsym.search.native.monomials import product
from jaxsym.search.native.ranking import padded, ranked
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import RCOND, SAME, SHARE_SINGLE, TINY

_SIMPLE = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
_MAX_POWER = 20.0
_NEAR = 0.02  # difference of exponents from simple ones that a first fit may have
_SHIFTED = 2500  # simple entries that 1 is added to and subtracted from
_EXPONENT = -1  # mark of a column that is an exponent h; else what is added to f
_SHIFTS = (0, 1, -1)


def logarithms(
    table: Float[np.ndarray, "n V"],
) -> tuple[Float[np.ndarray, "n V"], Bool[np.ndarray, " V"]]:
    """`log|x|` of each column, and whether it is finite and varies; elsewhere it is 0.

    >>> logs, usable = logarithms(np.array([[1.0, 0.0, 2.0], [np.e, 1.0, -2.0]]))
    >>> logs[:, 0].tolist(), usable.tolist()
    ([0.0, 1.0], [True, False, False])
    """
    usable = np.all(table != 0, axis=0)
    logs = np.log(np.abs(np.where(usable, table, 1.0)))
    return logs, usable & (np.ptp(logs, axis=0) > SAME)


def regression(
    design: Float[np.ndarray, "n k"], target: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Coefficients of least squares, and their standard errors for residuals of variance 1."""
    size = np.maximum(np.abs(design).max(0), TINY)
    scaled = design / size
    found = np.linalg.lstsq(scaled, target, rcond=RCOND)[0]
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=RCOND)
    return found / size, np.sqrt(np.maximum(np.diag(inverse), 0)) / size


class Part(NamedTuple):
    """A factor g to a power, or exp of an exponent h times a rate.

    Attributes:
      expression: g or h.
      values: of it.
      exponent: whether it is h.
    """

    expression: Expression
    values: Float[np.ndarray, " n"]
    exponent: bool = False


class Logarithms:
    """Regression of logarithms on those of the variables.

    Where the target is small its logarithm is uncertain, so that such rows count less.

    Args:
      sample: the rows.
      denoised: values of the best candidate so far, or None.
    """

    def __init__(self, sample: Problem, denoised: Float[np.ndarray, " n"] | None = None):
        logs, usable = logarithms(sample.X)
        self.variables = [variable(sample.variables[j]) for j in np.flatnonzero(usable)]
        self.table = logs[:, usable]
        size = np.abs(sample.y if denoised is None else denoised)
        size = size / max(float(np.median(size)), TINY)
        certainty = 1.0 if denoised is None else np.inf  # without noise all are as certain
        self.root = np.minimum(size, certainty) * np.sqrt(sample.weights / sample.weights.max())
        design = np.column_stack([np.ones(len(sample.y)), self.table])
        self._basis = np.linalg.qr(self.root[:, None] * design)[0].T

    def units(self, columns: Float[np.ndarray, "M n"]) -> Float[np.ndarray, "M n"]:
        """What the variables leave of some columns, at unit length; 0 where there is nothing."""
        columns = np.where(self.root > 0, columns, 0.0) * self.root
        largest = np.abs(columns).max(1)
        usable = np.isfinite(largest) & (largest > 0)
        columns = np.where(usable[:, None], columns / np.where(usable, largest, 1.0)[:, None], 0.0)
        rest = columns - (columns @ self._basis.T) @ self._basis
        rest -= (rest @ self._basis.T) @ self._basis
        size = np.sqrt((rest**2).sum(1))
        usable = size > SAME
        return np.where(usable[:, None], rest / np.where(usable, size, 1.0)[:, None], 0.0)

    def product(self, values: Float[np.ndarray, " n"], factors: Sequence[Part]) -> Formula | None:
        """The product that fits best, with simple powers where these fit about as well.

        Args:
          values: what the product should be.
          factors: what stands in it beside powers of the variables.
        """
        exponents = [part for part in factors if part.exponent]
        bases = [part for part in factors if not part.exponent]
        usable = (self.root > 0) & (values != 0)
        with np.errstate(all="ignore"):
            powers = [np.log(np.abs(part.values)) for part in bases]
            target = np.log(np.abs(values[usable]))
        columns = [*(part.values for part in exponents), np.ones(len(values)), *powers, self.table]
        design = np.column_stack(columns)[usable]
        if not len(design) or not np.all(np.isfinite(design)):
            return None
        root = self.root[usable]
        free = len(exponents) + 1
        found = _rounded_fit(root[:, None] * design, root * target, free)
        parts = [*(part.expression for part in bases), *self.variables]
        whole = product(zip(parts, found[free:].tolist(), strict=True))
        for part, rate in zip(exponents, found.tolist(), strict=False):
            whole = whole * apply("exp", constant(rate) * part.expression)
        scale = float(np.exp(np.clip(found[free - 1], -690, 690)))
        odd = [np.sign(b.values) for b, p in zip(bases, found[free:], strict=False) if p % 2]
        if np.mean(np.prod(odd, axis=0) * np.sign(values)) < 0:
            scale = -scale
        return to_formula(whole if abs(scale - 1) < SAME else constant(scale) * whole)


def _rounded_fit(design: np.ndarray, target: np.ndarray, free: int) -> np.ndarray:
    """Least squares with coefficients, but for the first few, rounded one after the other."""
    count = design.shape[1]
    known: dict[int, float] = {}
    while True:
        open_ = [i for i in range(count) if i not in known]
        rest = target - sum((value * design[:, i] for i, value in known.items()), 0.0)
        found, errors = regression(design[:, open_], rest)
        residual = rest - design[:, open_] @ found
        errors = errors * np.sqrt(residual @ residual / max(1, len(target) - len(open_)))
        values = dict(zip(open_, found, strict=True)) | known
        near = [
            (abs(simple - values[i]) / (_NEAR + error), i, simple)
            for i, error in zip(open_, errors, strict=True)
            if i >= free
            for simple in [_simplest(values[i], _NEAR + 2 * error)]
            if simple is not None
        ]
        if not near:
            return np.array([values[i] for i in range(count)])
        _, index, simple = min(near)
        known[index] = simple


def _simplest(value: float, error: float) -> float | None:
    """The simplest power within an error."""
    if abs(value) > _MAX_POWER:
        return None
    near = (p for p in (*_SIMPLE, float(round(value))) if abs(value - p) <= error)
    found = next(near, None)
    if found is None and error < 2 * _NEAR:
        ratio = float(Fraction(value).limit_denominator(4))
        found = ratio if abs(value - ratio) <= error else None
    return found


class Powers:
    """The columns of a library.

    Args:
      library: M entries.
      sample: the rows that it was built on.
      denoised: values of the best candidate so far, or None.
    """

    def __init__(
        self,
        library: Library,
        sample: Problem,
        denoised: Float[np.ndarray, " n"] | None = None,
    ):
        self.library, self.logarithms = library, Logarithms(sample, denoised)
        values = library.values
        simple = np.argsort(library.complexity, kind="stable")[:_SHIFTED]
        entries, kinds, units = [], [], []
        with np.errstate(all="ignore"):
            for kind, shift in enumerate(_SHIFTS):
                chosen = simple if shift else np.arange(len(library))
                units.append(self.logarithms.units(np.log(np.abs(values[chosen] + shift))))
                entries.append(chosen)
                kinds.append(np.full(len(chosen), kind))
        if "exp" in sample.operators:
            units.append(self.logarithms.units(values[simple]))
            entries.append(simple)
            kinds.append(np.full(len(simple), _EXPONENT))
        all_units = np.concatenate(units)
        usable = np.any(all_units != 0, axis=1)
        self.entries, self.kinds = np.concatenate(entries)[usable], np.concatenate(kinds)[usable]
        self.units = all_units[usable].astype(np.float32)
        self.costs = library.complexity[self.entries] + 2 * (self.kinds != 0)
        self._units, self._costs = padded(self.units), padded(self.costs.astype(float))

    def best(
        self, values: Float[np.ndarray, "B n"], count: int, penalty: float = 0.0
    ) -> tuple[Int[np.ndarray, "B count"], Float[np.ndarray, "B count"]]:
        """`[B, count]` columns that explain some values best, and the log of what they leave."""
        costs = self._costs * np.float32(penalty)
        return ranked(
            lambda targets: _left(self._units, costs, targets),
            [self._targets(values)],
            count,
            len(self.entries),
        )

    def _targets(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return self.logarithms.units(np.log(np.abs(values))).astype(np.float32)

    def formula(self, values: Float[np.ndarray, " n"], columns: Sequence[int]) -> Formula | None:
        """The product of powers of some columns that fits some values best."""
        return self.logarithms.product(values, [self.part(column) for column in columns])

    def part(self, column: int) -> Part:
        """What a column is the logarithm of."""
        entry, kind = int(self.entries[column]), int(self.kinds[column])
        values, expression = self.library.values[entry], self.library.expression(entry)
        if kind == _EXPONENT:
            return Part(expression, values, exponent=True)
        values = values + _SHIFTS[kind]
        if kind and np.all(values < 0):  # 1 - f, not f - 1
            return Part(literal(-_SHIFTS[kind]) - expression, -values)
        return Part(expression + literal(_SHIFTS[kind]) if kind else expression, values)


@bounded_jit()
@full_precision()
def _left(units: Array, costs: Array, target: Array) -> Array:
    """`[B, M]` log of the share that a column leaves of logarithms, plus a cost."""
    return jnp.log(jnp.maximum(1 - (target @ units.T) ** 2, SHARE_SINGLE)) + costs
