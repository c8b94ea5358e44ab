"""Shorter ways to write an expression, by sympy's algebra; values stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import sympy

from jaxsym.expr import Expression, UnsupportedError, constant, from_sympy
from jaxsym.expr.tokens import CONSTANT

_LONGEST = 60  # tokens, or complexity, with which a rewriting is worth trying
_SYMBOLS = 8  # variables and constants with which sympy is still quick
_HIGHEST, _HIGHEST_OF_SUM = 100, 6  # numbers in exponents with which it is too

REWRITES: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "together": sympy.together,
    "cancel": sympy.cancel,
    "factor": sympy.factor,
    "factor_terms": sympy.factor_terms,
    "powsimp": sympy.powsimp,
    "logcombine": lambda e: sympy.logcombine(e, force=True),
    "expand": sympy.expand,
    "expand_fraction": lambda e: sympy.cancel(sympy.together(e)).expand(),
    "expand_factored": lambda e: sympy.factor_terms(sympy.expand(e, log=False, power_base=False)),
}
_SHORTER = tuple(name for name in REWRITES if name not in ("expand", "expand_factored"))


def rewritten(expression: Expression) -> Iterator[Expression]:
    """Equal expressions that are shorter.

    >>> from jaxsym.expr import parse
    >>> min(rewritten(parse("x/y/(1 + x/y)")), key=lambda e: e.complexity)
    Expression(x/(x + y))
    """
    for short in equal_forms(expression, _SHORTER):
        if short.complexity < expression.complexity:
            yield short


def equal_forms(
    expression: Expression, names_of_rewrites: Iterable[str] = tuple(REWRITES)
) -> Iterator[Expression]:
    """What each of some `REWRITES` makes of an expression, its constants left as they are.

    >>> from jaxsym.expr import parse
    >>> [str(found) for found in equal_forms(parse("2.5*x + 2.5*x*y"), ["factor_terms"])]
    ['x*(2.5*y + 2.5)']
    """
    names = [f"c{slot}_" for slot in range(len(expression.constants))]
    if len(expression.tokens) > _LONGEST or len(names) + len(expression.variables) > _SYMBOLS:
        return
    while set(names) & set(expression.variables):
        names = [name + "_" for name in names]
    slots = iter(names)
    tokens = tuple(next(slots) if t == CONSTANT else t for t in expression.tokens)
    values = {n: constant(c) for n, c in zip(names, expression.constants, strict=True)}
    formula = quick_sympy(Expression(tokens, (), expression.operators))
    if formula is None:
        return
    for name in names_of_rewrites:
        try:
            found = from_sympy(REWRITES[name](formula))
        except (UnsupportedError, ValueError, sympy.PolynomialError, TypeError):
            continue
        yield found.substitute(values).canonical()


def rearranged(expression: Expression) -> Iterator[Expression]:
    """The expression multiplied out, with what all terms share taken out again.

    >>> from jaxsym.expr import parse
    >>> list(rearranged(parse("x*(x + y) - x*y")))
    [Expression(x**2)]
    """
    if expression.complexity > _LONGEST:
        return
    try:
        formula = expression.sympy()
        if quick(formula):
            yield from_sympy(REWRITES["expand_factored"](formula), expression.operators)
    except (UnsupportedError, ValueError):
        return  # an operator of the user's that sympy does not know


def quick_sympy(expression: Expression) -> sympy.Expr | None:
    """An expression in sympy; None where sympy does not know it or would be slow to rearrange it.

    >>> from jaxsym.expr import parse
    >>> quick_sympy(parse("x + 1")), quick_sympy(parse("(x + 1)**12345678"))
    (x + 1, None)
    """
    try:
        formula = expression.sympy()
    except (UnsupportedError, ValueError):
        return None
    return formula if quick(formula) else None


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
