"""The tokens that the model reads and writes, with the ids of Biggio et al. (2021).

An equation is written in prefix order: sums and products are chains of binary ``add`` and ``mul``,
``a - b`` is ``add a mul -1 b``, ``a / b`` is ``mul a pow b -1``, a square root is ``sqrt``, a
rational number is ``div p q``, and every number that has to be fitted is ``c``. The ids are those
of the original vocabulary; variables beyond its three take ids that it left unused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from jaxsym._check import require, unknown_name
from jaxsym.expr import Expression
from jaxsym.expr.tokens import variable_token

MOST_VARIABLES = 6
SIZE = 60  # rows of the embedding and of the output, as in the original; not all are in use

TOKENS = (
    *("pad", "start", "end", "c", "x_1", "x_2", "x_3", "abs", "acos", "add", "asin", "atan"),
    *("cos", "cosh", "coth", "div", "exp", "ln", "mul", "pow", "sin", "sinh", "sqrt", "tan"),
    *("tanh", "-3", "-2", "-1", "0", "1", "2", "3", "4", "5", "x_4", "x_5", "x_6"),
)
ID = {token: number for number, token in enumerate(TOKENS)}
PAD, START, END, CONSTANT = (ID[token] for token in ("pad", "start", "end", "c"))
VARIABLES = tuple(f"x_{i + 1}" for i in range(MOST_VARIABLES))
INTEGERS = tuple(str(i) for i in range(-3, 6))
UNARY = (
    *("abs", "acos", "asin", "atan", "cos", "cosh", "exp", "ln", "sin", "sinh", "sqrt"),
    *("tan", "tanh"),
)
BINARY = ("add", "mul", "div", "pow")

_NAMES = {"ln": "log", "c": "C"}  # where the language of expressions has another name


def arity_table() -> Int[np.ndarray, " 60"]:
    """Number of arguments of every token; -1 for those that are no part of an equation.

    >>> [int(arity_table()[ID[token]]) for token in ("mul", "sin", "x_1", "pad")]
    [2, 1, 0, -1]
    """
    table = np.full(SIZE, -1, np.int32)
    for arity, tokens in ((0, ("c", *VARIABLES, *INTEGERS)), (1, UNARY), (2, BINARY)):
        table[[ID[token] for token in tokens]] = arity
    return table


def to_ids(tokens: Sequence[str], length: int) -> Int[np.ndarray, " length"]:
    """Ids of a prefix equation between ``start`` and ``end``, padded.

    Args:
      tokens: of the vocabulary.
      length: L, of the result.

    Raises:
      ValueError: an unknown token, or more of them than fit.

    >>> to_ids(("add", "c", "x_1"), 6).tolist()
    [1, 9, 3, 4, 2, 0]
    """
    require(
        len(tokens) + 2 <= length, f"{len(tokens)} tokens do not fit into length {length} with ends"
    )
    for token in tokens:
        if token not in ID:
            raise unknown_name("token", token, TOKENS)
    ids = [START, *(ID[token] for token in tokens), END]
    return np.array(ids + [PAD] * (length - len(ids)), np.int32)


def from_ids(ids: Sequence[int]) -> tuple[str, ...]:
    """Tokens between ``start`` and ``end``; none where all is padding.

    >>> from_ids([1, 9, 3, 4, 2, 0])
    ('add', 'c', 'x_1')
    """
    names = [TOKENS[int(number)] for number in ids]
    begin = 1 if names[:1] == ["start"] else 0
    ends = (place for place, name in enumerate(names) if name in ("pad", "end"))
    return tuple(names[begin : next(ends, len(names))])


def to_expression(tokens: Sequence[str], variables: Sequence[str]) -> Expression:
    """A prefix equation as an `Expression`; every ``c`` becomes a constant of value 1.

    Args:
      tokens: of the vocabulary.
      variables: names of x_1, x_2, ...

    Raises:
      ValueError: tokens that are no equation, or a variable without a name.

    >>> to_expression(("mul", "c", "pow", "x_1", "-1"), ["mass"])
    Expression(1.0*mass**-1)
    """
    written: list[str] = []
    names = dict(zip(VARIABLES, variables, strict=False))
    for token in tokens:
        if token in VARIABLES:
            require(token in names, f"token {token}: expected one of {len(names)} variables")
        elif token not in ID:
            raise unknown_name("token", token, TOKENS)
        if token in names:
            written.append(variable_token(names[token], Expression(("1",)).operators))
        else:
            written.append(_NAMES.get(token, token))
    return Expression(tuple(written), (1.0,) * written.count("C"))
