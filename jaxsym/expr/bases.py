"""Exponentials as powers of numbers: `exp(0.693*a + 1.099*b)` as `2**a*3**b`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import sympy

from jaxsym.expr.expression import Expression
from jaxsym.expr.simplify import quick
from jaxsym.expr.sympy_bridge import UnsupportedError, from_sympy
from jaxsym.expr.tokens import CONSTANT

_LARGEST = 100.0  # base that is looked for: greater ones are not what growth is told by


def powers_of_numbers(expression: Expression) -> Iterator[Expression]:
    """The expression with a power of a number for each term of its exponentials' arguments.

    Terms whose factor is a constant become powers, `exp(c*x)` is `C**x` with `C = exp(c)`, or
    `1/C**x` where c is negative; an offset becomes a factor. Nothing where there are none.

    >>> from jaxsym.expr import parse
    >>> [found] = powers_of_numbers(parse("7.5*exp(0.5*(a + 1.5*b) - 0.25)"))
    >>> found.tokens.count("pow"), round(float(found.evaluate([[1.0, 2.0]], ["a", "b"])[0]), 6)
    (2, 43.15952)
    """
    if "exp" not in expression.tokens or not expression.constants:
        return
    try:
        formula = expression.sympy()
        if not quick(formula):
            return
        changed = formula.replace(lambda node: isinstance(node, sympy.exp), _powers)
        if changed != formula:
            yield from_sympy(changed, expression.operators).canonical()
    except (UnsupportedError, ValueError):
        return


def has_literal_bases(expression: Expression) -> bool:
    """Whether all numbers that are raised to powers of variables are exact.

    >>> from jaxsym.expr import parse
    >>> [has_literal_bases(parse(text)) for text in ("2**x/3**y", "2.1**x", "x**2.1")]
    [True, False, True]
    """
    pairs = zip(expression.tokens, expression.tokens[1:], strict=False)
    return ("pow", CONSTANT) not in pairs


def _powers(node: sympy.Expr) -> sympy.Expr:
    """An exponential as a product of powers, as far as its terms have constants as factors."""
    whole: sympy.Expr = sympy.Integer(1)
    for term in sympy.Add.make_args(sympy.expand(node.args[0])):
        factor, rest = term.as_coeff_Mul()
        base = math.exp(min(abs(float(factor)), math.log(_LARGEST))) if factor.is_Float else 0.0
        if rest == 1 and factor.is_Float:
            whole *= sympy.exp(factor)
        elif not 1 < base < _LARGEST:
            whole *= sympy.exp(term)
        else:
            power = sympy.Pow(sympy.Float(base, 17), rest)
            whole = whole * power if factor > 0 else whole / power
    return whole
