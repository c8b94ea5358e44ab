"""The last step of every engine: what it found becomes a front of the table itself."""

from __future__ import annotations

from collections.abc import Iterable

from jaxsym.expr import Expression
from jaxsym.expr.simplify import rearranged
from jaxsym.search.front.archive import Pool
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import finish, fit_guesses, polish
from jaxsym.search.problem.problem import Problem


def settle(
    problem: Problem, expressions: Iterable[Expression], *, refit: bool = True
) -> ParetoFront:
    """The front of some expressions and the user's guesses, with constants in float64.

    Args:
      problem: the table.
      expressions: of its variables, with constants near their best.
      refit: whether constants are fitted before they are replaced by exact numbers.

    >>> import numpy as np
    >>> from jaxsym.expr import parse
    >>> from jaxsym.search.problem.problem import make_problems
    >>> from jaxsym.search.engines.protocol import SEARCHED
    >>> X = np.linspace(1.0, 2.0, 40)[:, None]
    >>> (problem,) = make_problems(X, 3 * X + 1, None, variables=["x"], operators=SEARCHED,
    ...     max_complexity=9)
    >>> settle(problem, [parse("2.9*(x + 0.3)")]).best().expression
    Expression(3*x + 1)
    """
    pool = Pool(problem)
    try:
        pool.offer(expressions)
        for candidate in pool.front():
            pool.offer(rearranged(candidate.expression))
        fit_guesses(pool)
        if refit and not pool.exact:
            polish(pool)
        finish(pool)
    except KeyboardInterrupt:
        pass  # the front holds the best so far
    return pool.front()
