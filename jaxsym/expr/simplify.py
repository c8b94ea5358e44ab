"""Shorter ways to write an expression, by sympy's algebra; values stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy

from jaxsym.expr import Expression, UnsupportedError, constant, from_sympy
from jaxsym.expr.tokens import CONSTANT

_LONGEST = 60  # tokens that are worth trying
_SYMBOLS = 8  # variables and constants with which sympy is still quick
_HIGHEST, _HIGHEST_OF_SUM = 100, 6  # numbers in exponents with which it is too
_WAYS: tuple[Callable[[sympy.Expr], sympy.Expr], ...] = (
    sympy.together,
    sympy.cancel,
    sympy.factor,
    sympy.factor_terms,
    sympy.powsimp,
    lambda e: sympy.logcombine(e, force=True),
    lambda e: sympy.cancel(sympy.together(e)).expand(),
)


def rewritten(expression: Expression) -> Iterator[Expression]:
    """Equal expressions that are shorter.

    >>> from jaxsym.expr import parse
    >>> min(rewritten(parse("x/y/(1 + x/y)")), key=lambda e: e.complexity)
    Expression(x/(x + y))
    """
    names = [f"c{slot}_" for slot in range(len(expression.constants))]
    if len(expression.tokens) > _LONGEST or len(names) + len(expression.variables) > _SYMBOLS:
        return
    while set(names) & set(expression.variables):
        names = [name + "_" for name in names]
    slots = iter(names)
    tokens = tuple(next(slots) if t == CONSTANT else t for t in expression.tokens)
    values = {n: constant(c) for n, c in zip(names, expression.constants, strict=True)}
    try:
        formula = Expression(tokens, (), expression.operators).sympy()
    except (UnsupportedError, ValueError):
        return
    if not quick(formula):
        return
    for way in _WAYS:
        try:
            found = from_sympy(way(formula))
        except (UnsupportedError, ValueError, sympy.PolynomialError, TypeError):
            continue
        short = found.substitute(values).canonical()
        if short.complexity < expression.complexity:
            yield short


def quick(formula: sympy.Expr) -> bool:
    """Whether sympy can rearrange a formula in little time: exponents have small numbers only.

    >>> x = sympy.Symbol("x")
    >>> quick((x + 1) ** 3), quick((x + 1) ** 12345678)
    (True, False)
    """
    for power in formula.atoms(sympy.Pow, sympy.exp):
        base, exponent = power.as_base_exp()
        highest = _HIGHEST_OF_SUM if base.is_Add else _HIGHEST  # sums are multiplied out
        if any(abs(number) > highest for number in exponent.atoms(sympy.Number)):
            return False
    return True
