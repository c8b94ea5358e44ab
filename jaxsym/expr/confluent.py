"""Differences of exponentials of nearly equal rates, written as what they nearly are.

Two exponentials whose rates come together are, in the limit, one exponential times a polynomial of
first degree: ``(f(k + h) - f(k))/h`` is a derivative. A fit that lacks ``(1 + k x) exp(-k x)``
comes near to it with huge coefficients that cancel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import sympy

from jaxsym.expr.expression import Expression
from jaxsym.expr.simplify import quick_sympy
from jaxsym.expr.sympy_bridge import UnsupportedError, from_sympy

_NEAR = 0.2  # relative difference of rates from which on two exponentials are two
# Coefficients that cancel to less than this share of their size: others are two terms of their own.
_CANCELS = 0.5


class _Exponential(NamedTuple):
    """``coefficient * rest * exp(rate * argument)``."""

    coefficient: float
    rest: sympy.Expr
    rate: float
    argument: sympy.Expr


def confluent(expression: Expression) -> Iterator[Expression]:
    """The expression with two exponentials of nearly equal rates merged, for each such pair.

    ``a exp(p x) + b exp(q x)`` becomes ``(a + b + c x) exp(k x)`` with the slope at k between p and
    q, which agrees to first order in p - q. Values change a little: constants are to be refitted.

    >>> from jaxsym.expr import parse
    >>> [merged] = confluent(parse("388.0*exp(-0.589*r) - 389.0*exp(-0.5875*r)"))
    >>> r = [[0.5], [2.0]]
    >>> merged.evaluate(r, ["r"]).round(3).tolist()
    [-0.962, -0.668]
    >>> str(merged).count("exp")
    1
    """
    if sum(token == "exp" for token in expression.tokens) < 2:
        return
    formula = quick_sympy(expression)
    if formula is None:
        return
    for total in formula.atoms(sympy.Add):
        terms = [(term, parts) for term in total.args if (parts := _parts(term)) is not None]
        for (first, a), (second, b) in itertools.combinations(terms, 2):
            if not _merge(a, b):
                continue
            rest = total - first - second
            try:
                yield from_sympy(formula.subs(total, rest + _merged(a, b))).canonical()
            except (UnsupportedError, ValueError):
                continue


def _parts(term: sympy.Expr) -> _Exponential | None:
    """A term with one exponential whose argument has a number before it."""
    number, product = term.as_coeff_Mul()
    factors = sympy.Mul.make_args(product)
    decays = [factor for factor in factors if isinstance(factor, sympy.exp)]
    if len(decays) != 1:
        return None
    rate, argument = decays[0].args[0].as_coeff_Mul()
    if not argument.free_symbols:
        return None
    return _Exponential(float(number), product / decays[0], float(rate), argument)


def _merge(a: _Exponential, b: _Exponential) -> bool:
    near = abs(a.rate - b.rate) < _NEAR * max(abs(a.rate), abs(b.rate))
    cancels = abs(a.coefficient + b.coefficient) < _CANCELS * abs(a.coefficient)
    return a.rest == b.rest and a.argument == b.argument and near and cancels


def _merged(a: _Exponential, b: _Exponential) -> sympy.Expr:
    rate = (a.rate + b.rate) / 2
    slope = a.coefficient * (a.rate - rate) + b.coefficient * (b.rate - rate)
    line = sympy.Float(a.coefficient + b.coefficient, 17) + sympy.Float(slope, 17) * a.argument
    return a.rest * line * sympy.exp(sympy.Float(rate, 17) * a.argument)
