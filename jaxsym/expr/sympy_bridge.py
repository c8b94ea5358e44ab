"""Expressions to sympy, and sympy to expressions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import ITE, Boolean

from jaxsym.expr.canonical.terms import MOST_BITS
from jaxsym.expr.codes import Code, Table, choose, integer, join, raise_to
from jaxsym.expr.expression import Expression
from jaxsym.expr.operators import OPERATORS
from jaxsym.expr.printing import UnsupportedError
from jaxsym.expr.sympy_bounds import bounded
from jaxsym.expr.tokens import CONSTANT, variable_token

_NUMBERS = {sympy.pi: "pi", sympy.E: "e"}

# Heads without an operator of their own, by functions that have one; equal on the real line.
_REWRITTEN: dict[type, Callable[..., sympy.Expr]] = {
    sympy.sec: lambda x: 1 / sympy.cos(x),
    sympy.csc: lambda x: 1 / sympy.sin(x),
    sympy.cot: lambda x: 1 / sympy.tan(x),
    sympy.sech: lambda x: 1 / sympy.cosh(x),
    sympy.csch: lambda x: 1 / sympy.sinh(x),
    sympy.coth: lambda x: 1 / sympy.tanh(x),
    sympy.asec: lambda x: sympy.acos(1 / x),
    sympy.acsc: lambda x: sympy.asin(1 / x),
    sympy.acot: lambda x: sympy.atan(1 / x),
    sympy.acosh: lambda x: sympy.log(x + sympy.sqrt(x - 1) * sympy.sqrt(x + 1)),
    sympy.atanh: lambda x: (sympy.log(1 + x) - sympy.log(1 - x)) / 2,
    sympy.acsch: lambda x: sympy.asinh(1 / x),
}
# sympy's time for a sum of so many tokens is about a second with all its conversions
_MOST_TOKENS = 2000
_CHAINS = {sympy.Add: "add", sympy.Mul: "mul", sympy.Max: "max", sympy.Min: "min"}
_HEADS = _CHAINS | {sympy.Pow: "pow"}


def to_sympy(expression: Expression) -> sympy.Expr:
    """The expression in sympy: exact literals, constants as floats of full precision.

    sympy's automatic simplification applies (``x/x`` is 1), and its symbols are complex, so that
    ``sqrt(-2)`` is a number there.

    Sympy computes with exact numbers of any length. Here those of more than 1000 bits become
    floats, and the conversion ends soon whatever the formula is.

    Raises:
      UnsupportedError: sympy refuses the formula, such as the maximum of a complex number; more
        than 2,000 tokens, conditionals deep inside of comparisons, more than 16 arguments of a
        minimum or maximum, a number beyond the range of float64.

    >>> from jaxsym.expr import parse
    >>> to_sympy(parse("x**2/2 + 0.1"))
    x**2/2 + 0.1
    """
    count = len(expression.tokens)
    if count > _MOST_TOKENS:
        raise UnsupportedError(f"{count} tokens; sympy is given at most {_MOST_TOKENS}")
    try:
        return expression.fold(
            variable=sympy.Symbol,
            constant=lambda slot: sympy.Float(expression.constants[slot]),
            literal=_number,
            apply=bounded,
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsupportedError(
            f"sympy has no counterpart of {_short(expression)}: {error}"
        ) from error


def from_sympy(formula: sympy.Expr, operators: Table = OPERATORS) -> Expression:
    """The canonical expression of a sympy formula of real variables.

    Integers, rationals, pi and E become literals, floats constants. Secants, cotangents and the
    like are rewritten by the operators there are, ``Piecewise`` by conditionals.

    Args:
      operators: the table to write the formula in; a function is looked up by its sympy class.

    Raises:
      UnsupportedError: a head without a counterpart, such as ``besselj`` or ``ImaginaryUnit``; two
        symbols of one name, which differ in their assumptions or are dummies; a number that no
        float and no literal can say; anything that is no formula of sympy's, such as text.
      ValueError: a symbol whose name is not an identifier.

    >>> x, y = sympy.symbols("x y")
    >>> from_sympy(sympy.sec(x) - y / 3)
    Expression(1/cos(x) - y/3)
    >>> from_sympy(sympy.gamma(x))
    Traceback (most recent call last):
        ...
    jaxsym.expr.printing.UnsupportedError: gamma(x): no operator for gamma
    """
    try:
        formula = sympy.sympify(formula, strict=True)
    except sympy.SympifyError as error:
        raise UnsupportedError(
            f"{formula!r:.60} is no formula of sympy's; `parse` reads text"
        ) from error
    _check_symbols(formula)
    if formula.has(sympy.re, sympy.im, sympy.I):
        formula = _over_reals(formula)
    try:
        return Expression(*_Reader(operators).read(formula), operators).canonical()
    except RecursionError as error:
        raise UnsupportedError("a formula nested too deeply") from error


def _check_symbols(formula: sympy.Basic) -> None:
    """Raise if names do not tell the symbols apart."""
    seen: dict[str, sympy.Symbol] = {}
    for symbol in sorted(formula.atoms(sympy.Symbol), key=str):
        other = seen.setdefault(symbol.name, symbol)
        if other != symbol:
            raise UnsupportedError(
                f"two symbols are named {symbol.name}: they differ in their assumptions, or are "
                "dummies; rename one of them, or replace one by the other"
            )


def _over_reals(formula: sympy.Expr) -> sympy.Expr:
    """The formula with real symbols, where it sheds the real parts that complex ones need."""
    real = {s: sympy.Symbol(s.name, real=True) for s in formula.free_symbols}
    try:
        return formula.xreplace(real)
    except (TypeError, ValueError) as error:
        raise UnsupportedError(f"{formula}: {error}") from error


def _no_operator(node: sympy.Basic) -> str:
    hint = "; do it first: formula.doit()" if hasattr(node, "doit") and _pending(node) else ""
    return f"{_short(node)}: no operator for {node.func.__name__}{hint}"


def _pending(node: sympy.Basic) -> bool:
    """Whether something is still to be done: a derivative, an integral, a sum, a limit."""
    kinds = (sympy.Derivative, sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Subs)
    return isinstance(node, kinds)


def _short(formula: object) -> str:
    text = str(formula)
    return text if len(text) < 200 else f"{text[:200]}..."


def _number(token: str) -> sympy.Expr:
    return {"pi": sympy.pi, "e": sympy.E}.get(token) or sympy.Integer(token)


class _Reader:
    """Reads sympy trees into prefix code over one operator table."""

    def __init__(self, operators: Table) -> None:
        self.operators = operators
        self.names: dict[Any, str] = {row.sympy: name for name, row in operators.items()} | _HEADS

    def read(self, node: sympy.Expr) -> Code:
        if node.is_Symbol:
            return (variable_token(node.name, self.operators),), ()
        if node.is_Integer:
            return self._integer(node.p)
        if node.is_Rational:
            return join("div", self._integer(node.p), self._integer(node.q))
        if node.is_Float:
            return self._constant(node)
        if node in _NUMBERS:
            return (_NUMBERS[node],), ()
        if isinstance(node, sympy.Piecewise):
            return self._piecewise(node)
        if node.func in _REWRITTEN:
            return self.read(_REWRITTEN[node.func](*node.args))
        if node.func is sympy.Heaviside and node.args[1] == sympy.Rational(1, 2):
            return self.read((sympy.sign(node.args[0]) + 1) / 2)
        return self._call(node)

    def _constant(self, node: sympy.Float) -> Code:
        value = float(node)
        if math.isinf(value) or (not value and not node.is_zero):
            raise UnsupportedError(
                f"{sympy.Float(node, 6)!s}: a Float beyond the range of float64, in which it "
                f"would be {value}"
            )
        return (CONSTANT,), (value,)

    def _integer(self, value: int) -> Code:
        if value.bit_length() > MOST_BITS:
            raise UnsupportedError(
                f"an exact number of {value.bit_length()} bits; expected at most {MOST_BITS}"
            )
        return integer(value)

    def _call(self, node: sympy.Expr) -> Code:
        name = self.names.get(node.func)
        if name is None or name not in self.operators:
            raise UnsupportedError(_no_operator(node))
        args = [self.read(part) for part in node.args]
        if name == "pow":
            return raise_to(args[0], args[1], self.operators)
        if node.func in _CHAINS:
            return functools.reduce(functools.partial(join, name), args)
        return join(name, *args)

    def _piecewise(self, node: sympy.Piecewise) -> Code:
        *branches, (last, condition) = node.args
        if condition is not sympy.true:
            raise UnsupportedError(f"{node}: a Piecewise needs a last branch for all other cases")
        result = self.read(last)
        for value, condition in reversed(branches):
            result = self._choose(condition, self.read(value), result)
        return result

    def _choose(self, condition: Boolean, yes: Code, no: Code) -> Code:
        """``yes`` where the condition holds, else ``no``."""
        match condition:
            case Relational():
                left, right = map(self.read, condition.args)
                return choose(condition.rel_op, left, right, yes, no)
            case sympy.Not():
                return self._choose(condition.args[0], no, yes)
            case sympy.And():
                return functools.reduce(lambda a, c: self._choose(c, a, no), condition.args, yes)
            case sympy.Or():
                return functools.reduce(lambda a, c: self._choose(c, yes, a), condition.args, no)
            case ITE():
                test, first, second = condition.args
                first, second = self._choose(first, yes, no), self._choose(second, yes, no)
                return self._choose(test, first, second)
        if condition in (sympy.true, sympy.false):
            return yes if condition == sympy.true else no
        raise UnsupportedError(f"{condition}: no operator for {condition.func.__name__}")
