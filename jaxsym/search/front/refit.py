"""The constants of a front: fitted to the whole table, then replaced by exact numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from jaxsym.expr import (
    Expression,
    snap,
)
from jaxsym.expr.bases import has_literal_bases, powers_of_numbers
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.subtrees import part_ends, to_expression, to_formula
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem

_SLOTS = 6  # constants of an expression that is fitted, at most
_GUESS_RESTARTS = 8  # of a guess, whose constants may be far from their best
_NEAR = 48  # candidates that are fitted again, a few of every complexity
_SNAPPED = 20  # candidates that are snapped, at most; few fronts have more
_PRECISE = 1e-8  # share of the variance left from which 2**x is told from exp(0.69*x)
_WORTH = 0.97  # a candidate is snapped if its loss is below this share of the simpler ones'


def guesses(problem: Problem) -> Iterator[Expression]:
    """What the user guessed, as it is and with fitted constants."""
    yield from problem.constraints.guesses
    free = [guess for guess in problem.constraints.guesses if guess.constants]
    yield from fitted(free, problem, restarts=_GUESS_RESTARTS)


def refit_constants(archive: Archive, late: Callable[[], bool] = lambda: False) -> None:
    """Fit the constants of all that is near the front to the whole table, unless it gets late."""
    near = [c.expression for c in archive.near(_NEAR) if has_few_constants(c.expression)]
    refitted = fitted(near, archive.problem)
    archive.add(itertools.takewhile(lambda _: not late(), refitted))


def snap_constants(archive: Archive, late: Callable[[], bool] = lambda: False) -> None:
    """Snap the constants of what is on the front, the best first; at least of that one."""
    done: set[tuple[str, ...]] = set()
    while len(done) < _SNAPPED:
        # a final form may uncover candidates that were a little worse than the one it replaced
        waiting = [c for c in _worth_it(archive.wide_front()) if c.expression.tokens not in done]
        if not waiting or (done and late()):
            return
        candidate = min(waiting, key=archive.wide_front().description_length)
        final = _snapped(candidate.expression, archive.problem)
        archive.replace(candidate, final)
        done |= {candidate.expression.tokens, final.tokens}


def _worth_it(front: ParetoFront) -> Iterator[Candidate]:
    """Candidates with constants that are clearly better than the simpler ones."""
    best = math.inf
    for candidate in front:
        if candidate.loss < _WORTH * best and has_few_constants(candidate.expression):
            yield candidate
        best = min(best, candidate.loss)


def _snapped(expression: Expression, problem: Problem) -> Expression:
    """Exact numbers for constants, with a factor outside or inside a sum, whichever is shorter."""
    forms = {form.tokens: form for form in (expression, _multiplied_out(expression))}
    found = [
        _snap(form, problem)
        for form in forms.values()
        if problem.complexity(form) <= problem.complexity(expression)
    ]
    found += _exact_powers(expression, problem)
    return min(found, key=lambda e: sum(len(repr(c)) for c in e.constants))


def _snap(expression: Expression, problem: Problem) -> Expression:
    return snap(
        expression,
        problem.X,
        problem.y,
        variables=problem.variables,
        weights=problem.weights,
        named=problem.constraints.named,
        samples=_independent(expression, problem),
        noise=problem.noise,
    )


def _independent(expression: Expression, problem: Problem) -> float:
    """Samples whose errors are independent: those of rounding are alike wherever values are."""
    rounding = problem.loss(expression) <= problem.rounding * problem.variance
    return len(expression.constants) + 1 if rounding else problem.samples


def _exact_powers(expression: Expression, problem: Problem) -> Iterator[Expression]:
    """Powers of exact numbers for exponentials, where precise data say that they are that."""
    if not problem.loss(expression) < _PRECISE * problem.variance or "pow" not in problem.operators:
        return
    for form in powers_of_numbers(expression):
        found = _snap(form, problem)
        if has_literal_bases(found) and problem.complexity(found) <= problem.max_complexity:
            yield found


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


def has_few_constants(expression: Expression) -> bool:
    """Whether there are constants to fit, and not so many that they fit noise."""
    return 0 < len(expression.constants) <= _SLOTS


def fitted(
    expressions: Iterable[Expression], problem: Problem, *, restarts: int = 1, steps: int = 50
) -> Iterator[Expression]:
    """Expressions with constants fitted from where they are, and from further starts.

    Args:
      expressions: with constants.
      problem: rows to fit on.
      restarts: starts of each fit; all but the first are normal random numbers.
      steps: of Levenberg-Marquardt.
    """
    columns = dict(zip(problem.variables, problem.X.T, strict=True))
    rng = np.random.default_rng(0)
    for expression in expressions:
        own = np.array(expression.constants)
        starts = np.concatenate([own[None], rng.normal(size=(restarts - 1, len(own)))])
        fit = least_squares(
            expression, columns, problem.y, problem.weights, starts=starts, steps=steps
        )
        yield expression.with_constants(fit.constants) if fit.loss < np.inf else expression
