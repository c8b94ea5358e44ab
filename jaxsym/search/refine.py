"""Stage 6: constants inside functions, exact constants, and the last digits.

Closed forms fit only constants that are linear. Here the best candidates get constants where they
had literals and inside their functions, all are fitted at once, and what ends on the front is
fitted to the whole table and snapped.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax

from jaxsym.expr import (
    Expression,
    Operator,
    apply,
    constant,
    fit_expressions,
    literal,
    snap,
    variable,
)
from jaxsym.expr.tokens import is_literal, literal_value
from jaxsym.search.pool import Pool
from jaxsym.search.problem import Problem

_VARIED = 6  # most constants of a variant
_FINAL = 8  # most constants of an expression whose constants are polished
_RESTARTS = 3
_NEAR = 48  # candidates that are polished,
_TOGETHER = 8  # so many in one batch
_MOST_FINISHED = 60
_SCALED = frozenset({"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh"})


def insert_constants(pool: Pool, sample: Problem, key: jax.Array, count: int) -> None:
    """Offer the pool variants of its best candidates with more constants, fitted.

    Args:
      pool: candidates.
      sample: rows to fit on.
      key: PRNG key of the restarts.
      count: about how many candidates are varied.
    """
    forms = {v.tokens: v for e in pool.best(count) for v in variants(e)}
    chosen = [v for v in forms.values() if 0 < len(v.constants) <= _VARIED]
    if chosen:
        pool.offer(_fitted(chosen, sample, key, _RESTARTS, _VARIED))


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


def _varied(expression: Expression, inside: bool, literals: bool) -> Expression:
    table = expression.operators

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        if literals and not all(is_literal(a.tokens[0]) for a in arguments):  # not a rational
            fixed = 1 if operator.name == "pow" else len(arguments)  # nor an exponent
            arguments = [_freed(a) for a in arguments[:fixed]] + arguments[fixed:]
        if inside and operator.name in _SCALED:
            arguments = [constant(1.0) * arguments[0]]
            if operator.name != "exp":  # there an offset is a factor outside
                arguments = [arguments[0] + constant(0.0)]
        return apply(operator.name, *arguments, operators=table)

    return expression.fold(
        variable=lambda name: variable(name, table),
        constant=lambda slot: constant(expression.constants[slot]),
        literal=literal,
        apply=join,
    )


def _freed(argument: Expression) -> Expression:
    """A literal as a constant; anything else as it is."""
    token = argument.tokens[0]
    return constant(literal_value(token)) if is_literal(token) else argument


def polish(pool: Pool, key: jax.Array) -> None:
    """Fit the constants of all that is near the front to the whole table."""
    near = [c.expression for c in pool.near(_NEAR)]
    for slots, least in ((4, 1), (_FINAL, 5)):  # two sizes of compiled function
        group = [e for e in near if least <= len(e.constants) <= slots]
        for i in range(0, len(group), _TOGETHER):
            pool.offer(_fitted(group[i : i + _TOGETHER], pool.problem, key, 1, slots))


def finish(pool: Pool) -> None:
    """Snap the constants of what is on the front."""
    done: set[tuple[str, ...]] = set()
    while True:
        # a final form may uncover candidates that were a little worse than the one it replaced
        waiting = [
            c
            for c in pool.front()
            if c.expression.tokens not in done and 0 < len(c.expression.constants) <= _FINAL
        ]
        if not waiting or len(done) > _MOST_FINISHED:
            return
        for candidate in waiting:
            final = _snapped(candidate.expression, pool.problem)
            pool.replace(candidate, final)
            done.add(final.tokens)


def _snapped(expression: Expression, problem: Problem) -> Expression:
    return snap(
        expression,
        problem.X,
        problem.y,
        variables=problem.variables,
        weights=problem.weights,
    )


def _fitted(
    expressions: list[Expression], problem: Problem, key: jax.Array, restarts: int, slots: int
) -> list[Expression]:
    return fit_expressions(
        expressions,
        problem.variables,
        problem.X,
        problem.y,
        weights=problem.weights,
        key=key,
        restarts=restarts,
        slots=slots,
        operators=problem.operators,
    )[0]
