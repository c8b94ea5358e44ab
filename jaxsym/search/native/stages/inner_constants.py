"""Stage: constants inside functions and in the place of literals.

Closed forms fit only constants that are linear. Here the best candidates get constants where they
had literals and inside their functions, and all of these are fitted at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jaxsym.expr import Expression, Operator, apply, constant, variable
from jaxsym.expr.fitting.free import free_literal
from jaxsym.expr.operators import having
from jaxsym.expr.tokens import is_literal
from jaxsym.search.front.refit import fitted, has_few_constants
from jaxsym.search.problem.problem import Problem

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_RESTARTS, _STEPS = 2, 30  # of a first fit; what is good is fitted again at the end
_SCALED = having("transcendental") - {"asin", "acos"}  # whose arguments have a scale of their own


def inner_constants(state: SearchState) -> Iterator[Expression]:
    """Variants of the best candidates with more constants, fitted."""
    sample = state.problem.sample(state.rng, state.budget.refined_points)
    forms = {v.tokens: v for e in state.archive.best(state.budget.refined) for v in variants(e)}
    forms |= {form.tokens: form for form in single_functions(sample)}
    chosen = [form for form in forms.values() if has_few_constants(form)]
    yield from fitted(chosen, sample, restarts=_RESTARTS, steps=_STEPS)


def variants(expression: Expression) -> Iterator[Expression]:
    """An expression with constants for its literals, inside its functions, and both.

    >>> from jaxsym.expr import parse
    >>> [str(v) for v in variants(parse("x*exp(x + 1)"))]
    ['x*exp(x + 1.0)', 'x*exp(1.0*(x + 1))', 'x*exp(1.0*(x + 1.0))']
    """
    forms = {expression.tokens}
    for inside, literals in ((False, True), (True, False), (True, True)):
        form = _varied(expression, inside, literals)
        if form.tokens not in forms:
            forms.add(form.tokens)
            yield form


def single_functions(problem: Problem) -> Iterator[Expression]:
    """`C*f(C*x + C) + C` for every variable and function, which no library can hold."""
    for name in problem.variables:
        argument = constant(1.0) * variable(name) + constant(0.0)
        for function in sorted(_SCALED & problem.operators.keys()):
            yield constant(1.0) * apply(function, argument) + constant(0.0)


def _varied(expression: Expression, inside: bool, literals: bool) -> Expression:
    table = expression.operators

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        if literals and not all(is_literal(a.tokens[0]) for a in arguments):  # not a rational
            fixed = 1 if operator.name == "pow" else len(arguments)  # nor an exponent
            arguments = [free_literal(a) for a in arguments[:fixed]] + arguments[fixed:]
        if inside and operator.name in _SCALED:
            arguments = [constant(1.0) * arguments[0]]
            if operator.name != "exp":  # there an offset is a factor outside
                arguments = [arguments[0] + constant(0.0)]
        return apply(operator.name, *arguments, operators=table)

    return expression.rebuilt(join)
