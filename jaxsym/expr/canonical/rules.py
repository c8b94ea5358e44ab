"""The canonical form: quick rules that bring equal formulas to equal tokens."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from jaxsym.expr.canonical.algebra import exponential, factor, multiply, power, product
from jaxsym.expr.canonical.terms import (
    ONE,
    Number,
    OutOfRange,
    Piece,
    Sum,
    add,
    as_number,
    as_piece,
    from_piece,
    magnitude,
    number,
    opaque,
    scale,
    to_code,
)
from jaxsym.expr.codes import Code, divide, integer, join, negate, raise_to
from jaxsym.expr.operators import OPERATORS, Operator, having
from jaxsym.expr.tokens import CONSTANT, TooLargeError, variable_token

if TYPE_CHECKING:
    from jaxsym.expr.expression import Expression

# Functions of exact numbers whose values are exact numbers.
_ZERO = Fraction(0)
_EXACT: dict[tuple[str, Number], Fraction] = {
    (name, _ZERO): _ZERO for name in having("transcendental", "odd")
}
_EXACT |= {
    ("cos", _ZERO): ONE,
    ("cosh", _ZERO): ONE,
    ("log", ONE): _ZERO,
    ("acos", ONE): _ZERO,
}


def canonical(expression: Expression) -> Expression:
    """The canonical form of an expression.

    Sums and products are flattened, ordered, and like terms and powers collected; numbers are
    folded, exact ones exactly, and constants with each other and with literals; signs leave odd
    and even functions. Values stay the same, up to rounding, wherever the expression has one;
    as with sympy's automatic rules, ``x/x`` becomes 1 and ``sqrt(x)**2`` becomes ``x``. Constants
    stay apart if folding would take them out of float64's range; an expression whose exact numbers
    get too long (300 digits) is only written as `parse` would write it.

    >>> from jaxsym.expr import parse
    >>> canonical(parse("(y - x)*2/(x - y) + 3*sin(-x)*x**2/x"))
    Expression(-3*x*sin(x) - 2)
    """
    table = expression.operators
    if not OPERATORS.keys() <= table.keys():
        table = {**OPERATORS, **table}

    def normal_form(constant: Callable[[float], Sum]) -> Expression:
        terms = expression.fold(
            variable=lambda name: from_piece(Piece(((variable_token(name, table),), ()))),
            constant=lambda slot: constant(expression.constants[slot]),
            literal=_literal,
            apply=_apply,
        )
        tokens, constants = to_code(terms)
        return dataclasses.replace(expression, tokens=tokens, constants=constants, operators=table)

    try:
        return normal_form(number)
    except (OutOfRange, TooLargeError):
        pass
    try:
        return normal_form(_unfolded)
    except (OutOfRange, TooLargeError):
        return _as_read(expression)


def _as_read(expression: Expression) -> Expression:
    """The expression as `parse` reads it, so that text alone decides which ones are equal."""
    table = expression.operators

    def build(operator: Operator, parts: list[Code]) -> Code:
        match operator.name:
            case "neg":
                return negate(parts[0])
            case "inv":
                return divide(integer(1), parts[0], table)
            case "div":
                return divide(parts[0], parts[1], table)
            case "pow":
                return raise_to(parts[0], parts[1], table)
        return join(operator.name, *parts)

    tokens, constants = expression.fold(
        variable=lambda name: ((variable_token(name, table),), ()),
        constant=lambda slot: ((CONSTANT,), (expression.constants[slot],)),
        literal=lambda token: ((token,), ()),
        apply=build,
    )
    return dataclasses.replace(expression, tokens=tokens, constants=constants)


def _unfolded(value: float) -> Sum:
    """A constant that is not to be merged with other numbers, but for its sign."""
    size = from_piece(Piece((("C",), (abs(value),)), varies=False))
    return scale(size, Fraction((value > 0) - (value < 0)))


def _literal(token: str) -> Sum:
    if token == "e":
        return exponential(number(ONE))
    if token == "pi":
        return from_piece(Piece((("pi",), ()), varies=False))
    return number(Fraction(token))


def _apply(operator: Operator, args: list[Sum]) -> Sum:
    if operator.exponent is not None:
        return power(args[0], operator.exponent)
    rule = _RULES.get(operator.name)
    return rule(*args) if rule else _function(operator, args)


def _function(operator: Operator, args: list[Sum]) -> Sum:
    """A function that is not arithmetic: folded if its arguments are numbers, else a piece."""
    values = [as_number(arg) for arg in args]
    numeric = [value for value in values if value is not None]
    if len(numeric) == len(args):
        folded = _fold(operator, numeric)
        if folded is not None:
            return folded
    if operator.symmetric:
        args = sorted(args, key=to_code)
    name = operator.name
    if operator.parity is not None:
        coefficient, factors = factor(args[0])
        if coefficient < 0:
            value = from_piece(opaque(name, scale(args[0], -1)))
            return scale(value, -1) if operator.parity == "odd" else value
    return from_piece(opaque(name, *args))


def _fold(operator: Operator, values: list[Number]) -> Sum | None:
    """The value of a function of numbers, if it is exact or has a constant among its arguments."""
    if not any(isinstance(value, float) for value in values):
        exact = _EXACT.get((operator.name, values[0]))
        return None if exact is None else number(exact)
    if operator.numpy is None:
        return None
    with np.errstate(all="ignore"):
        value = float(operator.numpy(*(np.float64(value) for value in values)))
    return number(value) if math.isfinite(value) else None


def _power(base: Sum, exponent: Sum) -> Sum:
    value = as_number(exponent)
    if isinstance(value, Fraction):
        return power(base, value)
    piece = as_piece(base)
    if piece is not None and piece.code == (("e",), ()):
        return exponential(exponent)
    if factor(exponent)[0] < 0 and (value is None or as_number(base) is None):
        return power(_power(base, scale(exponent, -1)), Fraction(-1))
    return _function(OPERATORS["pow"], [base, exponent])


def _log(x: Sum) -> Sum:
    piece = as_piece(x)
    if piece is not None and piece.head == "exp" and not piece.varies:
        return piece.parts[0]
    return _function(OPERATORS["log"], [x])


def _abs(x: Sum) -> Sum:
    coefficient, factors = factor(x)
    if not factors:
        return number(magnitude(coefficient))
    inner = product(ONE, factors)
    piece = as_piece(inner)
    known = piece is not None and piece.head == "abs"
    return scale(inner if known else from_piece(opaque("abs", inner)), magnitude(coefficient))


def _sign(x: Sum) -> Sum:
    coefficient, factors = factor(x)
    sign = Fraction((coefficient > 0) - (coefficient < 0))
    return (
        scale(from_piece(opaque("sign", product(ONE, factors))), sign) if factors else number(sign)
    )


def _extremum(name: str, choose: Callable[..., Number], left: Sum, right: Sum) -> Sum:
    """``min`` or ``max``: nested ones flattened, numbers folded, arguments distinct and ordered."""
    members: dict[Code, Sum] = {}
    numbers = []
    for arg in (left, right):
        piece = as_piece(arg)
        parts = piece.parts if piece is not None and piece.head == name else (arg,)
        for part in parts:
            value = as_number(part)
            if value is None:
                members[to_code(part)] = part
            else:
                numbers.append(value)
    if numbers:
        chosen = number(choose(numbers))
        members[to_code(chosen)] = chosen
    codes = sorted(members)
    if len(codes) == 1:
        return members[codes[0]]
    chain = functools.reduce(lambda a, b: join(name, a, b), codes)
    return from_piece(opaque(name, *(members[code] for code in codes), code=chain))


def _if_greater(x: Sum, y: Sum, yes: Sum, no: Sum) -> Sum:
    a, b = as_number(x), as_number(y)
    if a is not None and b is not None:
        return yes if a > b else no
    return yes if yes == no else from_piece(opaque("if_greater", x, y, yes, no))


_RULES: dict[str, Callable[..., Sum]] = {
    "add": add,
    "sub": lambda x, y: add(x, scale(y, -ONE)),
    "mul": multiply,
    "div": lambda x, y: multiply(x, power(y, -ONE)),
    "neg": lambda x: scale(x, -ONE),
    "pow": _power,
    "exp": exponential,
    "log": _log,
    "abs": _abs,
    "sign": _sign,
    "min": functools.partial(_extremum, "min", min),
    "max": functools.partial(_extremum, "max", max),
    "if_greater": _if_greater,
}
