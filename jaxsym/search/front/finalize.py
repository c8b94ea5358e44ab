"""The last step of every engine: what it found becomes a front of the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sympy

from jaxsym.expr import Expression, UnsupportedError, from_sympy
from jaxsym.expr.simplify import quick
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.front.refit import guesses, refit_constants, snap_constants
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
    archive = Archive(problem)
    try:
        archive.add(expressions)
        for candidate in archive.front():
            archive.add(_rearranged(candidate.expression))
        archive.add(guesses(problem))
        if refit and not archive.exact:
            refit_constants(archive)
        snap_constants(archive)
    except KeyboardInterrupt:
        pass  # the front holds the best so far
    return archive.front()


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
