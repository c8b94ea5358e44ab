"""Putting prefix code together, by the shortest operator that a table has.

A `Code` is what an `Expression` consists of: tokens and the values of their constant slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from jaxsym.expr.operators import OPERATORS, Operator
from jaxsym.expr.tokens import CONSTANT, check_size

Code: TypeAlias = tuple[tuple[str, ...], tuple[float, ...]]
Table: TypeAlias = Mapping[str, Operator]


def integer(value: int) -> Code:
    """The code of an exact integer."""
    return (str(value),), ()


def rational(value: Fraction) -> Code:
    """The code of an exact rational number.

    >>> rational(Fraction(-1, 2))[0]
    ('div', '-1', '2')
    """
    above = integer(value.numerator)
    return above if value.denominator == 1 else join("div", above, integer(value.denominator))


def join(head: str, *codes: Code) -> Code:
    """The code of an operator applied to others.

    Raises:
      TooLargeError: it would have more tokens than an expression may have.

    >>> join("add", (("x",), ()), (("C",), (1.5,)))
    (('add', 'x', 'C'), (1.5,))
    """
    check_size(1 + sum(len(tokens) for tokens, _ in codes))
    tokens: tuple[str, ...] = (head,)
    constants: tuple[float, ...] = ()
    for more_tokens, more_constants in codes:
        tokens += more_tokens
        constants += more_constants
    return tokens, constants


def raise_to(base: Code, exponent: Code, operators: Table) -> Code:
    """``base**exponent``, by an operator of its own (square, sqrt, ...) where the table has one.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> raise_to((("x",), ()), integer(2), OPERATORS)
    (('square', 'x'), ())
    """
    if exponent == integer(-1) and "inv" in operators:
        return divide(integer(1), base, operators)
    names = _POWERS.get(exponent[0], ())
    if not names or any(name not in operators for name in names):
        return join("pow", base, exponent)
    return (*names, *base[0]), base[1]


# Powers that have operators of their own, by the tokens of the exponent.
_POWERS: dict[tuple[str, ...], tuple[str, ...]] = {
    rational(row.exponent)[0]: (name,) for name, row in OPERATORS.items() if row.exponent
}
_POWERS[rational(Fraction(-1, 2))[0]] = ("inv", "sqrt")


def divide(numerator: Code, denominator: Code, operators: Table) -> Code:
    """``numerator / denominator``, by ``inv`` where it is a reciprocal and the table has it.

    A rational number stays a fraction of two integers.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> divide(integer(1), (("x",), ()), OPERATORS)
    (('inv', 'x'), ())
    """
    if numerator == integer(1) and not _is_integer(denominator) and "inv" in operators:
        return join("inv", denominator)
    return join("div", numerator, denominator)


def negate(code: Code) -> Code:
    """``-code``; the sign goes into an integer or a constant.

    >>> negate(integer(2)), negate((("x",), ()))
    ((('-2',), ()), (('neg', 'x'), ()))
    """
    if code[0] == (CONSTANT,):
        return (CONSTANT,), (-code[1][0],)
    return integer(-int(code[0][0])) if _is_integer(code) else join("neg", code)


def choose(comparison: str, left: Code, right: Code, yes: Code, no: Code) -> Code:
    """``yes if left comparison right else no``, by the one conditional ``if_greater``.

    A comparison that is not ``>`` exchanges sides or branches, so that it holds for all numbers
    (NaN excepted, of which no comparison has a meaningful value here).

    >>> choose("<=", (("x",), ()), integer(1), integer(2), integer(3))
    (('if_greater', 'x', '1', '3', '2'), ())
    """
    match comparison:
        case ">":
            return join("if_greater", left, right, yes, no)
        case "<":
            return join("if_greater", right, left, yes, no)
        case ">=":
            return join("if_greater", right, left, no, yes)
        case "<=":
            return join("if_greater", left, right, no, yes)
        case "==":
            return choose(">", left, right, no, choose(">", right, left, no, yes))
        case _:
            return choose(">", left, right, yes, choose(">", right, left, yes, no))


def _is_integer(code: Code) -> bool:
    return len(code[0]) == 1 and code[0][0].lstrip("-").isdecimal()
