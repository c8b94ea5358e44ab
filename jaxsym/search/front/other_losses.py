"""The front of a search by squares as one by another loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, constant
from jaxsym.search.front.finalize import fitted_front
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.front.refit import fitted, has_few_constants
from jaxsym.search.problem.losses import Loss
from jaxsym.search.problem.problem import Problem

_TURNS = 12  # of squares that take the place of the loss


def by_loss(
    front: ParetoFront, problem: Problem, loss: Loss, y: Float[np.ndarray, "n ..."]
) -> tuple[Problem, ParetoFront]:
    """The expressions of a front fitted and ranked by a loss, and the squares that stand for it.

    Args:
      front: what a search by squares has found.
      problem: with the user's weights.
      loss: what is to be least.
      y: targets, or the ends of intervals.
    """
    rows = tuple(c._replace(expression=_fitted(c.expression, problem, loss, y)) for c in front)
    squares, ranked = problem, _ranked(replace(front, candidates=rows), problem, loss, y)
    for _ in range(_TURNS):
        if not len(ranked):
            break
        best = ranked.best().expression
        squares = loss.as_squares(problem, best.evaluate(problem.X, problem.variables), y)
        snapped = [c.expression for c in fitted_front(ranked, squares)]
        rows = tuple(Candidate(e, problem.complexity(e), 0.0) for e in snapped)
        ranked = _ranked(replace(front, candidates=(*ranked, *rows)), problem, loss, y)
        if ranked.best().expression == best:
            break
    return squares, ranked


def _fitted(
    expression: Expression, problem: Problem, loss: Loss, y: Float[np.ndarray, "n ..."]
) -> Expression:
    """An expression with the constants for which the loss is least, from where they are."""
    if not has_few_constants(expression):
        return expression
    found = [expression]
    for _ in range(_TURNS):
        values = found[-1].evaluate(problem.X, problem.variables)
        found.append(next(fitted([found[-1]], loss.as_squares(problem, values, y))))

    def left(form: Expression) -> float:
        return loss.mean(form.evaluate(problem.X, problem.variables), y, problem.weights)

    return min(found, key=left)


def _ranked(
    front: ParetoFront, problem: Problem, loss: Loss, y: Float[np.ndarray, "n ..."]
) -> ParetoFront:
    """The same expressions with their losses."""
    rows = [
        c._replace(
            loss=loss.mean(c.expression.evaluate(problem.X, problem.variables), y, problem.weights)
        )
        for c in front
    ]
    return replace(
        ParetoFront.of(
            rows,
            variance=_of_constant(problem, loss, y),
            samples=problem.samples,
            rounding=problem.rounding,
        ),
        exponent=loss.exponent,
    )


def _of_constant(problem: Problem, loss: Loss, y: Float[np.ndarray, "n ..."]) -> float:
    """The loss of the best constant."""
    level = float(problem.weights @ problem.y)
    for _ in range(_TURNS):
        squares = loss.as_squares(problem, np.full(len(problem.y), level), y)
        level = float(squares.weights @ squares.y)
    values = constant(level).evaluate(problem.X, problem.variables)
    return loss.mean(values, y, problem.weights)
