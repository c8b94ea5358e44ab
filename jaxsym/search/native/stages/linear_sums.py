"""Sums of the columns themselves: what anyone would try first, and all that some tables hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxsym.expr import Expression, constant, variable
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.problem.problem import Problem


def linear_sums(problem: Problem) -> Iterator[Expression]:
    """The best sums of one column, two, and so on, each with and without an offset.

    Columns join one at a time, that first which leaves the least.

    >>> from jaxsym.search import DEFAULT_OPERATORS
    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> y = 2 * X[:, 2] + X[:, 0] - 1
    >>> (problem,) = make_problems(
    ...     X, y[:, None], None, variables="abc", operators=DEFAULT_OPERATORS, max_complexity=20
    ... )
    >>> min(linear_sums(problem), key=problem.loss).variables
    ('c', 'a')
    """
    ones = np.ones((len(problem.y), 1))
    chosen: list[int] = []
    left = list(range(len(problem.variables)))
    while left and 2 * len(chosen) < problem.max_complexity:
        losses = [
            linear_fit(problem, np.hstack([problem.X[:, [*chosen, column]], ones]))[1]
            for column in left
        ]
        chosen.append(left.pop(int(np.argmin(losses))))
        columns = problem.X[:, chosen]
        for features in (columns, np.hstack([columns, ones])):
            coefficients, loss = linear_fit(problem, features)
            if np.isfinite(loss):
                yield _written(problem, chosen, coefficients)


def _written(problem: Problem, chosen: list[int], coefficients: np.ndarray) -> Expression:
    terms = [
        constant(float(c)) * variable(problem.variables[column])
        for c, column in zip(coefficients, chosen, strict=False)
    ]
    terms += [constant(float(c)) for c in coefficients[len(chosen) :]]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
