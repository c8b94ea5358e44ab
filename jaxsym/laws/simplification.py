"""The shortest way to write a formula."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy

from jaxsym.expr import Expression, UnsupportedError, from_sympy
from jaxsym.expr.simplify import REWRITES, quick

_REWRITES = [REWRITES[name] for name in ("factor", "expand", "together", "factor_terms")]


def simplify(expression: Expression) -> Expression:
    """The least complex among a formula's canonical, factored, expanded and common-fraction forms.

    Factors of a conditional are also tried inside of its sides. Only forms with the same values at
    random points count.

    >>> from jaxsym.expr import parse
    >>> simplify(parse("m1*(2/m1 - 1.98/(m1*r))"))
    Expression(2 - 1.98/r)
    >>> simplify(parse("m1*(2.5*r/m1 if r > 2 else 0)"))
    Expression(Piecewise((2.5*r, r > 2), (0, True)))
    """
    canonical = expression.canonical()
    formula = canonical.sympy().replace(lambda e: e.is_Float, lambda e: sympy.Float(e, 17))
    if not quick(formula):
        return canonical
    folds = (sympy.piecewise_fold,) if formula.has(sympy.Piecewise) else ()
    forms = [canonical]
    for rewrite in (*_REWRITES, *folds):
        for further in (lambda e: e, *_REWRITES):
            try:
                form = from_sympy(further(rewrite(formula))).canonical()
            except (UnsupportedError, sympy.PolynomialError):
                continue
            if _same_values(form, canonical):
                forms.append(form)
    return min(forms, key=lambda form: (form.complexity, len(form.constants)))


def with_signs(expression: Expression, signs: Sequence[str]) -> Expression:
    """The formula with powers of variables that are -1 or 1 written without division.

    Data with such variables cannot tell ``q`` from ``1/q`` or ``q**3``.

    Args:
      expression: the formula.
      signs: names of the variables whose square is 1.

    >>> from jaxsym.expr import parse
    >>> with_signs(parse("r/(q1*q2**2)"), ["q1", "q2"])
    Expression(q1*r)
    """
    formula = expression.sympy()
    symbols = {s for s in formula.free_symbols if s.name in signs}
    reduced = formula.replace(
        lambda e: e.is_Pow and e.base in symbols and e.exp.is_Integer,
        lambda e: e.base ** (e.exp % 2),
    )
    return from_sympy(reduced)


def _same_values(form: Expression, original: Expression) -> bool:
    names = original.variables
    points = np.random.default_rng(0).uniform(0.5, 3.0, (50, len(names)))
    expected = original.evaluate(points, names)
    return set(form.variables) <= set(names) and np.allclose(
        form.evaluate(points, names), expected, rtol=1e-9, atol=0.0, equal_nan=True
    )
