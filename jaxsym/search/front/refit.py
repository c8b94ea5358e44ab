"""Stage 6: constants inside functions, exact constants, and the last digits.

Closed forms fit only constants that are linear. Here the best candidates get constants where they
had literals and inside their functions, all are fitted at once, and what ends on the front is
fitted to the whole table and snapped.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from jaxsym.expr import (
    Expression,
    Operator,
    apply,
    constant,
    snap,
    variable,
)
from jaxsym.expr.fitting.free import free_literal
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.operators import having
from jaxsym.expr.subtrees import part_ends, to_expression, to_formula
from jaxsym.expr.tokens import is_literal
from jaxsym.search.front.archive import Pool
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem

_SLOTS = 6  # most constants of an expression that is fitted
_RESTARTS, _STEPS = 2, 30  # of a first fit
_NEAR = 48  # candidates that are polished
_SNAPPED = 20  # most candidates that are snapped
_WORTH = 0.97  # a candidate is snapped if its loss is below this share of the simpler ones'
_SCALED = having("transcendental") - {"asin", "acos"}  # whose arguments have a scale of their own


def fit_guesses(pool: Pool) -> None:
    """Offer the pool what the user guessed, with fitted constants and as it is."""
    guesses = list(pool.problem.constraints.guesses)
    pool.offer(guesses)
    free = [guess for guess in guesses if guess.constants]
    if free:
        pool.offer(_fitted(free, pool.problem, restarts=8))


def insert_constants(pool: Pool, sample: Problem, count: int) -> None:
    """Offer the pool variants of its best candidates with more constants, fitted.

    Args:
      pool: candidates.
      sample: rows to fit on.
      count: about how many candidates are varied.
    """
    forms = {v.tokens: v for e in pool.best(count) for v in variants(e)}
    forms |= {form.tokens: form for form in single_functions(sample)}
    chosen = [v for v in forms.values() if 0 < len(v.constants) <= _SLOTS]
    if chosen:
        pool.offer(_fitted(chosen, sample, restarts=_RESTARTS, steps=_STEPS))


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


def polish(pool: Pool, late: Callable[[], bool] = lambda: False) -> None:
    """Fit the constants of all that is near the front to the whole table, unless it gets late."""
    near = [c.expression for c in pool.near(_NEAR) if 0 < len(c.expression.constants) <= _SLOTS]
    fitted = _fitted(near, pool.problem)
    pool.offer(itertools.takewhile(lambda _: not late(), fitted))


def finish(pool: Pool, late: Callable[[], bool] = lambda: False) -> None:
    """Snap the constants of what is on the front, the best first; at least of that one."""
    done: set[tuple[str, ...]] = set()
    while len(done) < _SNAPPED:
        # a final form may uncover candidates that were a little worse than the one it replaced
        waiting = [c for c in _worth_it(pool.wide_front()) if c.expression.tokens not in done]
        if not waiting or (done and late()):
            return
        candidate = min(waiting, key=pool.wide_front().description_length)
        final = _snapped(candidate.expression, pool.problem)
        pool.replace(candidate, final)
        done |= {candidate.expression.tokens, final.tokens}


def _worth_it(front: ParetoFront) -> Iterator[Candidate]:
    """Candidates with constants that are clearly better than the simpler ones."""
    best = math.inf
    for candidate in front:
        if candidate.loss < _WORTH * best and 0 < len(candidate.expression.constants) <= _SLOTS:
            yield candidate
        best = min(best, candidate.loss)


def _snapped(expression: Expression, problem: Problem) -> Expression:
    """Exact numbers for constants, with a factor outside or inside a sum, whichever is shorter."""
    forms = {form.tokens: form for form in (expression, _multiplied_out(expression))}
    found = [
        snap(
            form,
            problem.X,
            problem.y,
            variables=problem.variables,
            weights=problem.weights,
            named=problem.constraints.named,
        )
        for form in forms.values()
        if problem.complexity(form) <= problem.complexity(expression)
    ]
    return min(found, key=lambda e: sum(len(repr(c)) for c in e.constants))


def _multiplied_out(expression: Expression) -> Expression:
    """The expression with a constant factor moved into the sum that it multiplies.

    >>> from jaxsym.expr import parse
    >>> _multiplied_out(parse("2.5*x*(0.5*y - 1)/z"))
    Expression(x*(1.25*y - 2.5)/z)
    """
    table = expression.operators
    formula = to_formula(expression)
    ends = part_ends(formula, table)
    factors, waiting, total = [], [0], None
    while waiting:
        place = waiting.pop()
        token = formula[place]
        if isinstance(token, float):
            factors.append(place)
        elif token == "mul":
            waiting += [place + 1, ends[place + 1]]
        elif token in ("div", "neg"):
            waiting.append(place + 1)
        elif token in ("add", "sub"):
            total = place
    if len(factors) != 1 or total is None:
        return expression
    split = ends[total + 1]
    terms = formula[total + 1 : split], formula[split : ends[total]]
    scale = ("mul", formula[factors[0]])
    new = (formula[total], *scale, *terms[0], *scale, *terms[1])
    formula = (*formula[: factors[0]], "1", *formula[factors[0] + 1 :])
    formula = (*formula[:total], *new, *formula[ends[total] :])
    return to_expression(formula, table).canonical()


def _fitted(
    expressions: list[Expression], problem: Problem, *, restarts: int = 1, steps: int = 50
) -> Iterator[Expression]:
    """Expressions with constants fitted from where they are, and from further starts."""
    columns = dict(zip(problem.variables, problem.X.T, strict=True))
    rng = np.random.default_rng(0)
    for expression in expressions:
        own = np.array(expression.constants)
        starts = np.concatenate([own[None], rng.normal(size=(restarts - 1, len(own)))])
        fit = least_squares(
            expression, columns, problem.y, problem.weights, starts=starts, steps=steps
        )
        yield expression.with_constants(fit.constants) if fit.loss < np.inf else expression
