"""The last step of every engine: what it found becomes a front of the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy

from jaxsym.expr import Expression, UnsupportedError, from_sympy
from jaxsym.expr.simplify import quick
from jaxsym.search.front.archive import Pool
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import finish, fit_guesses, polish
from jaxsym.search.problem.problem import Problem

_LONGEST = 60  # complexity of an expression that is rearranged


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
            pool.offer(_rearranged(candidate.expression))
        fit_guesses(pool)
        if refit and not pool.exact:
            polish(pool)
        finish(pool)
    except KeyboardInterrupt:
        pass  # the front holds the best so far
    return pool.front()


def _rearranged(expression: Expression) -> Iterator[Expression]:
    """The expression multiplied out, with what all terms share taken out again."""
    if expression.complexity > _LONGEST:
        return
    try:
        formula = expression.sympy()
        if quick(formula):
            expanded = sympy.expand(formula, log=False, power_base=False)
            yield from_sympy(sympy.factor_terms(expanded), expression.operators)
    except (UnsupportedError, ValueError):
        return  # an operator of the user's that sympy does not know
