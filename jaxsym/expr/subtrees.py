"""Formulas while they are changed: values of every part, and what a part would have to be.

A `Formula` is an expression's prefix tokens with its numbers inline, so that parts are exchanged by
slicing. `desired` carries a target from the root down to a part, by inverting the operators on the
way (Pawlak, Wieloch and Krawiec, "Semantic backpropagation", 2015): with these values in the place
of the part the whole would meet the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, Operator
from jaxsym.expr.expression import evaluate_operator
from jaxsym.expr.tokens import CONSTANT, is_literal, literal_value, variable_name

Formula: TypeAlias = tuple[str | float, ...]
Values: TypeAlias = Float[np.ndarray, " n"]


class Traced(NamedTuple):
    """A formula with the values of all its parts.

    Attributes:
      formula: tokens.
      values: of the part that begins at each token.
      ends: where that part ends.
    """

    formula: Formula
    values: list[Values]
    ends: list[int]


def to_formula(expression: Expression) -> Formula:
    """An expression with its constants inline.

    >>> from jaxsym.expr import parse
    >>> to_formula(parse("2.5*x + 1"))
    ('add', 'mul', 2.5, 'x', '1')
    """
    numbers = iter(expression.constants)
    return tuple(next(numbers) if token == CONSTANT else token for token in expression.tokens)


def to_expression(formula: Formula, table: Mapping[str, Operator]) -> Expression:
    """The expression of a formula.

    >>> from jaxsym.expr import OPERATORS
    >>> to_expression(("mul", 2.5, "x"), OPERATORS)
    Expression(2.5*x)
    """
    tokens = tuple(token if isinstance(token, str) else CONSTANT for token in formula)
    return Expression(tokens, tuple(t for t in formula if not isinstance(t, str)), table)


def complexity(formula: Formula, table: Mapping[str, Operator]) -> int:
    """As `Expression.complexity`.

    >>> from jaxsym.expr import OPERATORS
    >>> complexity(("mul", 2.5, "x"), OPERATORS)
    3
    """
    costs = {name: operator.cost for name, operator in table.items()}
    return sum(costs.get(str(token), 1) for token in formula)


def part_ends(formula: Formula, table: Mapping[str, Operator]) -> list[int]:
    """Where the part that begins at each token ends.

    >>> from jaxsym.expr import OPERATORS
    >>> part_ends(("add", "1", "x"), OPERATORS)
    [3, 2, 3]
    """
    ends = [0] * len(formula)
    for place in range(len(formula) - 1, -1, -1):
        end = place + 1
        operator = table.get(str(formula[place]))
        for _ in range(operator.arity if operator is not None else 0):
            end = ends[end]
        ends[place] = end
    return ends


def trace(formula: Formula, columns: Mapping[str, Values], table: Mapping[str, Operator]) -> Traced:
    """Evaluate a formula and keep the values of every part.

    Args:
      formula: what to evaluate.
      columns: values of the variables, by name.
      table: operators.

    >>> from jaxsym.expr import OPERATORS
    >>> traced = trace(("add", "1", "x"), {"x": np.array([2.0, 3.0])}, OPERATORS)
    >>> traced.values[0].tolist(), traced.ends
    ([3.0, 4.0], [3, 2, 3])
    """
    values: list = [None] * len(formula)
    ends = [0] * len(formula)
    stack: list[int] = []
    for place in range(len(formula) - 1, -1, -1):
        token = formula[place]
        end = place + 1
        if not isinstance(token, str):
            values[place] = np.float64(token)
        elif token in table:
            operator = table[token]
            children = [stack.pop() for _ in range(operator.arity)]
            values[place] = evaluate_operator(operator, [values[child] for child in children])
            end = ends[children[-1]]
        elif is_literal(token):
            values[place] = np.float64(literal_value(token))
        else:
            values[place] = columns[variable_name(token)]
        ends[place] = end
        stack.append(place)
    return Traced(formula, values, ends)


def children(traced: Traced, place: int, arity: int) -> list[int]:
    """Where the arguments of the operator at a place begin."""
    found = [place + 1]
    for _ in range(arity - 1):
        found.append(traced.ends[found[-1]])
    return found


def desired(
    traced: Traced, place: int, target: Values, table: Mapping[str, Operator]
) -> tuple[Values, Values] | None:
    """Values that a part should have, and the slope of the whole with respect to it.

    Args:
      traced: the whole.
      place: where the part begins.
      target: values that the whole should have.
      table: operators.

    Returns:
      the values, not finite where nothing would do, and the derivative of the whole by the part
      there; None if an operator on the way cannot be inverted.

    >>> from jaxsym.expr import OPERATORS
    >>> traced = trace(("mul", "2", "exp", "x"), {"x": np.array([0.1])}, OPERATORS)
    >>> [a.round(9).tolist() for a in desired(traced, 3, np.array([2.0]), OPERATORS)]
    [[0.0], [2.0]]
    """
    slope = np.ones_like(target)
    at = 0
    while at != place:
        token = str(traced.formula[at])
        parts = children(traced, at, table[token].arity)
        which = max(i for i, part in enumerate(parts) if part <= place)
        arguments = [traced.values[part] for part in parts]
        operator = table[token]
        if not operator.inverses:
            return None
        guess = arguments.pop(which)
        target = operator.solve(which, target, arguments, guess)
        arguments.insert(which, target)
        slope = slope * operator.slope(which, *arguments)
        at = parts[which]
    return target, slope


def spliced(traced: Traced, place: int, part: Sequence[str | float]) -> Formula:
    """The formula with another part in the place of one.

    >>> from jaxsym.expr import OPERATORS
    >>> traced = trace(("add", "1", "x"), {"x": np.array([2.0])}, OPERATORS)
    >>> spliced(traced, 1, ("sin", "x"))
    ('add', 'sin', 'x', 'x')
    """
    return replaced(traced.formula, traced.ends, place, part)


def replaced(
    formula: Formula, ends: Sequence[int], place: int, part: Sequence[str | float]
) -> Formula:
    """As `spliced`, for a formula without values.

    Args:
      formula: what to change.
      ends: as `part_ends` gives them.
      place: where the part to be replaced begins.
      part: what to put there.
    """
    return (*formula[:place], *part, *formula[ends[place] :])
