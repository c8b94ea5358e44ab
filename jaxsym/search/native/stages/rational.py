"""Stage: ratios of polynomials, exact where data are.

`h(y) q(x) = p(x)` is linear in the coefficients of p and q together, so that they are a null vector
of one matrix, by the singular value decomposition. Columns are dropped, the hardest first, as long
as one remains: what is left is the sparsest ratio. A function h may be around it, and variables may
be inside of functions.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._indices import exponents_up_to
from jaxsym.expr import Expression, apply, constant, variable
from jaxsym.search.native.polynomials import arrangements
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import SPANNED

_MAX_DEGREE = {1: 5, 2: 4, 3: 3, 4: 3, 5: 2, 6: 2}  # at most, by the number of variables
_SUSPECT = 1e-6  # pivot, relative, of a hundred columns above which none is that dependent
_ROWS_PER_TERM = 2
_MAX_TERMS = 12  # terms of a ratio; with more, smooth functions pass for each other
_INSIDE = ("sin", "cos", "exp", "log", "sqrt")
_FEW = 3  # variables up to which several of them are put inside of functions


def ratios(problem: Problem) -> Iterator[Expression]:
    """Ratios of polynomials that equal the target, or a function of which does.

    Args:
      problem: the target; on noisy data there is nothing to be found.
    """
    y, terms = problem.y, _Terms.of(problem)
    yield from terms.ratio(y)
    if "sqrt" in problem.operators and np.all(y > 0):
        for inner in terms.ratio(y**2):
            yield apply("sqrt", inner, operators=problem.table)
    if "log" in problem.operators and np.ptp(y) < 100:
        low = float(np.min(y))
        for inner in terms.ratio(np.exp(y - low)):
            whole = constant(float(np.exp(low))) * inner if abs(low) < 100 else inner
            yield apply("log", whole, operators=problem.table)
    if "exp" in problem.operators and np.all(y > 0):
        for inner in terms.ratio(np.log(y)):
            yield apply("exp", inner, operators=problem.table)


def ratios_of_functions(
    problem: Problem, stop: Callable[[], bool] = lambda: False
) -> Iterator[Expression]:
    """Ratios of polynomials in functions of some variables, and in the other variables.

    Args:
      problem: the target; on noisy data there is nothing to be found.
      stop: whether time is over.

    >>> from jaxsym.search.problem.problem import make_problems
    >>> from jaxsym.search.engines.protocol import DEFAULT_OPERATORS
    >>> X = np.random.default_rng(0).uniform(0.1, 0.9, (100, 2))
    >>> y = (np.cos(X[:, 0]) - X[:, 1]) / (1 - X[:, 1] * np.cos(X[:, 0]))  # aberration
    >>> (problem,) = make_problems(X, y[:, None], None, variables=["a", "b"],
    ...     operators=DEFAULT_OPERATORS, max_complexity=30)
    >>> min(problem.loss(found) for found in ratios_of_functions(problem)) < 1e-25
    True
    """
    for inside in _inside(problem):
        if stop():
            return
        columns, definitions = problem.X.copy(), {}
        for place, name in inside:
            operator = problem.operators[name]
            assert operator.numpy is not None
            with np.errstate(all="ignore"):
                columns[:, place] = operator.numpy(columns[:, place])
            old = problem.variables[place]
            definitions[old] = apply(name, variable(old), operators=problem.table)
        if np.all(np.isfinite(columns)):
            for found in ratios(replace(problem, X=columns)):
                yield found.substitute(definitions)


def _inside(problem: Problem) -> Iterator[tuple[tuple[int, str], ...]]:
    """Places of variables with the functions that they are put inside of."""
    names = [name for name in _INSIDE if name in problem.operators]
    places = range(len(problem.variables))
    singles = list(itertools.product(places, names))
    yield from ((single,) for single in singles)
    if len(places) > _FEW:
        return
    for count in (2, 3):
        for several in itertools.combinations(singles, count):
            distinct = len({place for place, _ in several}) == count
            if distinct and len({name for _, name in several}) <= 2:  # three functions are rare
                yield several


class _Terms(NamedTuple):
    """The terms of polynomials in the variables of a problem.

    Attributes:
      problem: whose variables they are.
      exponents: of K terms.
      values: `[n, K]`.
    """

    problem: Problem
    exponents: Sequence[tuple[int, ...]]
    values: Float[np.ndarray, "n K"]

    @classmethod
    def of(cls, problem: Problem) -> _Terms:
        """As many as rows allow."""
        exponents = _exponents(problem.X.shape[1], len(problem.y) // (2 * _ROWS_PER_TERM))
        with np.errstate(over="ignore", invalid="ignore"):
            values = [np.prod(problem.X ** np.array(e), axis=1) for e in exponents]
        return cls(problem, exponents, np.stack(values, axis=1))

    def ratio(self, y: Float[np.ndarray, " n"]) -> Iterator[Expression]:
        """The sparsest ratio that equals y, if there is one, in several arrangements."""
        with np.errstate(over="ignore", invalid="ignore"):
            columns = np.concatenate([self.values, -y[:, None] * self.values], axis=1)
            size = np.sqrt((columns**2).mean(0))
        if not np.all(np.isfinite(size)) or np.any(size == 0):
            return
        kept = _sparsest(columns / size)
        if kept is None or len(kept) > _MAX_TERMS:
            return
        null = np.linalg.svd(columns[:, kept] / size[kept])[2][-1] / size[kept]
        count, table = len(self.exponents), self.problem.table
        coefficients = list(zip(kept, null.tolist(), strict=True))
        over = {self._product(k): c for k, c in coefficients if k < count}
        under = {self._product(k - count): c for k, c in coefficients if k >= count}
        if over and under:
            scale = max(under.values(), key=abs)
            over = {term: c / scale for term, c in over.items()}
            under = {term: c / scale for term, c in under.items()}
            for numerator in arrangements(over, table):
                for denominator in arrangements(under, table):
                    yield numerator / denominator

    def _product(self, place: int) -> tuple:
        """A term in the form of `Polynomial`."""
        names = zip(self.problem.variables, self.exponents[place], strict=True)
        return tuple(sorted((variable(name).tokens, float(e)) for name, e in names if e))


@functools.cache
def _exponents(variables: int, max_terms: int) -> tuple[tuple[int, ...], ...]:
    """Exponents of the terms of a polynomial, the simplest first; of high degree as rows allow."""
    degree = _MAX_DEGREE.get(variables, 1)
    while degree and math.comb(variables + degree, degree) > max_terms:
        degree -= 1
    return tuple(sorted(exponents_up_to(variables, degree), key=lambda e: (sum(e), -max(e), e)))


def _sparsest(columns: Float[np.ndarray, "n K"]) -> list[int] | None:
    """Columns that have one null vector together, and no fewer of them have one."""

    def singular(kept: list[int]) -> bool:
        values = np.linalg.svd(triangle[:, kept], compute_uv=False)
        return bool(values[-1] <= SPANNED * values[0])

    triangle = np.asarray(np.linalg.qr(columns, mode="r"))  # has the same null vectors
    kept = list(range(columns.shape[1]))
    # a column that depends on those before it leaves next to nothing on the diagonal
    if np.abs(np.diag(triangle)).min() > _SUSPECT * np.abs(triangle).max() or not singular(kept):
        return None
    half = len(kept) // 2
    for column in sorted(kept, key=lambda k: -(k % half)):
        fewer = [k for k in kept if k != column]
        if len(fewer) > 1 and singular(fewer):
            kept = fewer
    return kept
