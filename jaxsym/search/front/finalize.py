"""The last step of every search: constants in float64, exact numbers for them, shorter forms."""

from __future__ import annotations

from collections.abc import Callable

from jaxsym.expr.confluent import confluent
from jaxsym.expr.simplify import rearranged, rewritten
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import refit_constants, snap_constants
from jaxsym.search.problem.problem import Problem

_REWRITTEN = 3  # candidates of shortest description for which shorter forms are sought


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
    if refit:
        refit_constants(archive, late)
    snap_constants(archive, late)
    front = archive.front()
    for candidate in sorted(front, key=front.description_length)[:_REWRITTEN]:
        if not late():
            archive.add(rewritten(candidate.expression))


def fitted_front(front: ParetoFront, problem: Problem) -> ParetoFront:
    """The expressions of a front fitted and snapped for a problem, as its front."""
    archive = Archive(problem)
    archive.add(candidate.expression for candidate in front)
    finalize(archive)
    return archive.front()


def add_rearranged(archive: Archive) -> None:
    """Add the expressions of the front multiplied out, with what all terms share taken out."""
    for candidate in archive.front():
        archive.add(rearranged(candidate.expression))
