"""The last step of every search: constants in float64, exact numbers for them, shorter forms."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from jaxsym.expr import Expression
from jaxsym.expr.confluent import confluent
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.expr.presentation import presentable, with_fewer_constants
from jaxsym.expr.simplify import rearranged, rewritten
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.front.refit import (
    fitted,
    has_few_constants,
    refit_constants,
    snap_constants,
)
from jaxsym.search.front.tails import without_terms
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING, SAME

_REWRITTEN = 3  # candidates of shortest description for which shorter forms are sought
_TAILS = 3  # terms that are dropped from one candidate, one after the other
_LITTLE = 0.05  # share of the variance that a formula may leave without a term that is a tail


def finalize(
    archive: Archive, *, refit: bool = True, late: Callable[[], bool] = lambda: False
) -> None:
    """Refit, snap and simplify the candidates near the front of an archive, in place.

    Args:
      archive: candidates of a table, with constants near their best.
      refit: whether constants are fitted to all rows before they are replaced by exact numbers.
      late: whether time is over; then at least the best candidate is still snapped.

    >>> import numpy as np
    >>> from jaxsym.expr import parse
    >>> from jaxsym.search import DEFAULT_OPERATORS
    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.linspace(1.0, 2.0, 40)[:, None]
    >>> (problem,) = make_problems(X, 3 * X + 1, None, variables=["x"],
    ...     operators=DEFAULT_OPERATORS, max_complexity=9)
    >>> archive = Archive(problem)
    >>> added = archive.add([parse("2.9*x + 0.7")])
    >>> finalize(archive)
    >>> archive.front().best().expression
    Expression(3*x + 1)
    """
    for candidate in archive.front():
        archive.add(confluent(candidate.expression))
        archive.add(with_fewer_constants(candidate.expression))
    if refit:
        refit_constants(archive, late)
    _drop_tails(archive, late)
    snap_constants(archive, late)
    for candidate in _shortest(archive):
        if not late():
            archive.add(rewritten(candidate.expression))
    for candidate in _shortest(archive)[: 1 if archive.exact else None]:
        if not late():
            _present(archive, candidate)


def _shortest(archive: Archive) -> list[Candidate]:
    """The few candidates of shortest description."""
    front = archive.front()
    return sorted(front, key=front.description_length)[:_REWRITTEN]


def _drop_tails(archive: Archive, late: Callable[[], bool]) -> None:
    """Add the shortest candidates without terms that explain little, fitted again."""
    problem = archive.problem
    for _ in range(_TAILS):
        rests = [
            rest
            for candidate in _shortest(archive)
            for rest in without_terms(candidate.expression)
            if problem.loss(rest) < _LITTLE * problem.variance
        ]
        if (
            not rests
            or late()
            or not archive.add(fitted(filter(has_few_constants, rests), problem))
        ):
            return


def _present(archive: Archive, candidate: Candidate) -> None:
    """Put the shortest text of the same values in the place of a candidate."""
    problem = archive.problem
    enough = candidate.loss * (1 + SAME) + ROUNDING * problem.variance

    def holds(form: Expression) -> bool:
        return problem.loss(form) <= enough and archive.allows(form)

    form = presentable(candidate.expression, holds)
    if form is not candidate.expression:
        archive.replace(candidate, form)


def fitted_front(front: ParetoFront, problem: Problem) -> ParetoFront:
    """The expressions of a front, their exact numbers too, fitted and snapped for a problem."""
    archive = Archive(problem)
    expressions = [candidate.expression for candidate in front]
    freed = [form for e in expressions if has_few_constants(form := with_free_numbers(e))]
    archive.add(itertools.chain(expressions, fitted(freed, problem)))
    finalize(archive)
    return archive.front()


def add_rearranged(archive: Archive) -> None:
    """Add the expressions of the front multiplied out, with what all terms share taken out."""
    for candidate in archive.front():
        archive.add(rearranged(candidate.expression))
