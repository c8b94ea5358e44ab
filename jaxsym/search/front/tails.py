"""Equations without one of their terms, fitted again: what a tail is worth is seen without it."""

from __future__ import annotations

from collections.abc import Iterator

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import part_ends, replaced, to_expression, to_formula


def without_terms(expression: Expression) -> Iterator[Expression]:
    """The expression without one of the terms of its sums, for each of them.

    >>> from jaxsym.expr import parse
    >>> [str(found) for found in without_terms(parse("2.5*x + exp(1 - y)"))]
    ['exp(1 - y)', '2.5*x', '2.5*x + exp(-y)', '2.5*x + E']
    """
    table = expression.operators
    formula = to_formula(expression)
    ends = part_ends(formula, table)
    for place, token in enumerate(formula):
        if token in ("add", "sub"):
            split = ends[place + 1]
            first, second = formula[place + 1 : split], formula[split : ends[place]]
            for left in (second if token == "add" else ("neg", *second), first):
                yield to_expression(replaced(formula, ends, place, left), table).canonical()
