"""Stage: ratios of polynomials, exact where data are.

`h(y) q(x) = p(x)` is linear in the coefficients of p and q together, so that they are a null vector
of one matrix, by the singular value decomposition. Columns are dropped, the hardest first, as long
as one remains: what is left is the sparsest ratio. A function h may be around it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, variable
from jaxsym.search.polynomials import arrangements
from jaxsym.search.problem import Problem

_DEGREES = {1: 5, 2: 3, 3: 3, 4: 2, 5: 2, 6: 2, 7: 1, 8: 1, 9: 1}
_NULL = 1e-10  # singular value, relative, of what is exact
_ROWS_PER_TERM = 2


def ratios(problem: Problem) -> Iterator[Expression]:
    """Ratios of polynomials that equal the target, or a function of which does.

    Args:
      problem: the target; on noisy data there is nothing to be found.
    """
    y = problem.y
    yield from _ratio(problem)
    if "sqrt" in problem.operators and np.all(y > 0):
        for inner in _ratio(replace(problem, y=y**2)):
            yield apply("sqrt", inner, operators=problem.table)
    if "log" in problem.operators and np.ptp(y) < 100:
        low = float(np.min(y))
        for inner in _ratio(replace(problem, y=np.exp(y - low))):
            whole = constant(float(np.exp(low))) * inner if abs(low) < 100 else inner
            yield apply("log", whole, operators=problem.table)
    if "exp" in problem.operators and np.all(y > 0):
        for inner in _ratio(replace(problem, y=np.log(y))):
            yield apply("exp", inner, operators=problem.table)


def _ratio(problem: Problem) -> Iterator[Expression]:
    exponents = _exponents(problem.X.shape[1])
    if 2 * len(exponents) * _ROWS_PER_TERM > len(problem.y):
        return
    terms = np.stack([np.prod(problem.X ** np.array(e), axis=1) for e in exponents], axis=1)
    columns = np.concatenate([terms, -problem.y[:, None] * terms], axis=1)
    size = np.sqrt((columns**2).mean(0))
    if not np.all(np.isfinite(size)) or np.any(size == 0):
        return
    kept = _sparsest(columns / size)
    if kept is None:
        return
    null = np.linalg.svd(columns[:, kept] / size[kept])[2][-1] / size[kept]
    count = len(exponents)
    coefficients = list(zip(kept, null.tolist(), strict=True))
    over = {_product(problem, exponents[k]): c for k, c in coefficients if k < count}
    under = {_product(problem, exponents[k - count]): c for k, c in coefficients if k >= count}
    if over and under:
        scale = max(under.values(), key=abs)
        over = {term: c / scale for term, c in over.items()}
        under = {term: c / scale for term, c in under.items()}
        for numerator in arrangements(over, problem.table):
            for denominator in arrangements(under, problem.table):
                yield numerator / denominator


def _exponents(variables: int) -> list[tuple[int, ...]]:
    """Exponents of the terms of a polynomial, the simplest first."""
    degree = _DEGREES.get(variables, 1)
    every = itertools.product(range(degree + 1), repeat=variables)
    return sorted((e for e in every if sum(e) <= degree), key=lambda e: (sum(e), -max(e), e))


def _sparsest(columns: Float[np.ndarray, "n K"]) -> list[int] | None:
    """Columns that have one null vector together, and no fewer of them have one."""

    def singular(kept: list[int]) -> bool:
        values = np.linalg.svd(triangle[:, kept], compute_uv=False)
        return bool(values[-1] <= _NULL * values[0])

    triangle = np.linalg.qr(columns)[1]  # has the same null vectors
    kept = list(range(columns.shape[1]))
    if not singular(kept):
        return None
    half = len(kept) // 2
    for column in sorted(kept, key=lambda k: -(k % half)):
        fewer = [k for k in kept if k != column]
        if len(fewer) > 1 and singular(fewer):
            kept = fewer
    return kept


def _product(problem: Problem, exponents: tuple[int, ...]) -> tuple:
    """A term in the form of `Polynomial`."""
    names = zip(problem.variables, exponents, strict=True)
    return tuple(sorted((variable(name).tokens, float(e)) for name, e in names if e))
