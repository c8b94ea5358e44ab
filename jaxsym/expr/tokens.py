"""Prefix tokens: the kinds of token, what is well formed, and the one walk over a tree of them.

A token is an operator's name, ``"C"`` (the next constant slot), a literal (an integer, ``"pi"`` or
``"e"``) or a variable's name. A variable whose name is taken by one of the others carries a quote
in front of it (``"'C"``), so that any identifier can name a variable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from jaxsym._check import require, unknown_name
from jaxsym.expr.operators import Operator

CONSTANT = "C"
LITERALS = {"pi": math.pi, "e": math.e}
NUMBERS = {"pi": "pi", "e": "e", "E": "e"}  # tokens of numbers by their names in text
# Text of as many characters, the most that is read, has no more tokens; conditions by `==` and `!=`
# are written out and double with each level.
MOST_TOKENS = 20_000
_INTEGER = re.compile(r"-?[0-9]{1,308}")
_QUOTE = "'"

T = TypeVar("T")


def is_literal(token: str) -> bool:
    """Whether a token is an exact number.

    >>> [is_literal(token) for token in ("-2", "pi", "x", "C")]
    [True, True, False, False]
    """
    return token in LITERALS or _INTEGER.fullmatch(token) is not None


def literal_value(token: str) -> float:
    """The number that a literal token stands for.

    >>> literal_value("-2"), literal_value("pi")
    (-2.0, 3.141592653589793)
    """
    return LITERALS[token] if token in LITERALS else float(token)


def variable_token(name: str, operators: Mapping[str, Operator]) -> str:
    """The token of the variable ``name``.

    Raises:
      ValueError: ``name`` is not an identifier.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> variable_token("x", OPERATORS), variable_token("C", OPERATORS)
    ('x', "'C")
    """
    if not name.isidentifier():
        raise ValueError(f"variable {name!r}: expected an identifier")
    taken = name in operators or name == CONSTANT or name in LITERALS
    return _QUOTE + name if taken else name


def variable_name(token: str) -> str:
    """The name of the variable that a token stands for.

    >>> variable_name("x"), variable_name("'C")
    ('x', 'C')
    """
    return token.removeprefix(_QUOTE)


def is_variable(token: str, operators: Mapping[str, Operator]) -> bool:
    """Whether a token stands for a variable.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> [is_variable(token, OPERATORS) for token in ("x", "'C", "C", "sin", "1")]
    [True, True, False, False, False]
    """
    name = variable_name(token)
    return name.isidentifier() and variable_token(name, operators) == token


class TooLargeError(ValueError):
    """An expression of more tokens than any work on it could finish with."""


def check_size(count: int) -> None:
    """Raise unless an expression may have so many tokens.

    Raises:
      TooLargeError: it may not.

    >>> check_size(10**6)
    Traceback (most recent call last):
        ...
    jaxsym.expr.tokens.TooLargeError: an expression of 1000000 tokens; expected at most 20000
    """
    if count > MOST_TOKENS:
        raise TooLargeError(f"an expression of {count} tokens; expected at most {MOST_TOKENS}")


def check_tokens(
    tokens: Sequence[str], constants: Sequence[float], operators: Mapping[str, Operator]
) -> None:
    """Raise unless the tokens are one prefix expression with a finite number for each slot.

    Raises:
      ValueError: an unknown token, too many or too few tokens, constants that do not match.
      TooLargeError: more than 20,000 tokens.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> check_tokens(("add", "x"), (), OPERATORS)
    Traceback (most recent call last):
        ...
    ValueError: tokens add x end too early: 1 more argument expected
    """
    check_size(len(tokens))
    wanted = 1
    for place, token in enumerate(tokens):
        if not wanted:
            text = " ".join(tokens)
            raise ValueError(f"tokens {text} go on after a complete expression: {token}")
        wanted -= 1
        if token in operators:
            wanted += operators[token].arity
        elif not (token == CONSTANT or is_variable(token, operators) or is_literal(token)):
            raise ValueError(f"token {token!r} at {place}: expected operator, variable or number")
    if wanted:
        text, plural = " ".join(tokens), "s" * (wanted > 1)
        raise ValueError(f"tokens {text} end too early: {wanted} more argument{plural} expected")
    slots = tokens.count(CONSTANT)
    require(slots == len(constants), f"{len(constants)} constants given for {slots} slots")
    for value in constants:
        require(math.isfinite(value), f"constant {value}: expected a finite number")


def fold(
    tokens: Sequence[str],
    operators: Mapping[str, Operator],
    *,
    variable: Callable[[str], T],
    constant: Callable[[int], T],
    literal: Callable[[str], T],
    apply: Callable[[Operator, list[T]], T],
) -> T:
    """Replace every leaf and operator of a prefix expression by a function's result, bottom up.

    Args:
      tokens: well-formed prefix tokens.
      operators: the table that the tokens refer to.
      variable: called with a variable's name.
      constant: called with the number of a constant slot, counted from the left.
      literal: called with a literal token.
      apply: called with an operator and the results for its arguments.

    >>> from jaxsym.expr.operators import OPERATORS
    >>> fold(("add", "x", "mul", "2", "C"), OPERATORS, variable=str, constant=lambda k: f"c{k}",
    ...      literal=str, apply=lambda operator, args: f"{operator.name}({', '.join(args)})")
    'add(x, mul(2, c0))'
    """
    stack: list[T] = []
    slot = tokens.count(CONSTANT)
    for token in reversed(tokens):
        if token in operators:
            operator = operators[token]
            stack.append(apply(operator, [stack.pop() for _ in range(operator.arity)]))
        elif token == CONSTANT:
            slot -= 1
            stack.append(constant(slot))
        elif is_literal(token):
            stack.append(literal(token))
        else:
            stack.append(variable(variable_name(token)))
    return stack.pop()


def column_index(
    needed: Sequence[str], given: Sequence[str] | None, shape: tuple[int, ...]
) -> dict[str, int]:
    """The column of each variable in a table.

    Args:
      needed: the variables that an expression reads.
      given: names of the table's columns; ``needed`` when None.
      shape: the table's shape; its last axis holds the columns.

    Raises:
      ValueError: a variable without a column, or columns that do not match the names.

    >>> column_index(["y"], ["x", "y"], (10, 2))
    {'x': 0, 'y': 1}
    """
    names = list(needed if given is None else given)
    for name in needed:
        if name not in names:
            raise unknown_name("variable", name, names)
    require(
        len(shape) > 0 and shape[-1] == len(names),
        f"X has shape {shape}; expected a last axis of {len(names)} variables: {', '.join(names)}",
    )
    return {name: index for index, name in enumerate(names)}
