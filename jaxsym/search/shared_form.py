"""Several targets that share one form and differ in their constants."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import numpy as np

from jaxsym._random import generator
from jaxsym.expr import Expression
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.presentation import with_fewer_constants
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING

_STARTS = 6  # of each fit, besides the constants found for another target
_SLOTS = 6  # constants of a form, at most


def share_forms(
    problems: Sequence[Problem], fronts: Sequence[ParetoFront], key: jax.Array
) -> tuple[ParetoFront, ...]:
    """Fronts of the same forms, one per target, from what was found for each alone.

    Every form is fitted to every target; a form is better than another if the geometric mean of its
    losses, each over its target's variance, is lower.

    Args:
      problems: one per target.
      fronts: one per target.
      key: PRNG key of the fits' starts.
    """
    forms = {form.tokens: form for front in fronts for form in _forms(front)}
    chosen = [form for form in forms.values() if len(form.constants) <= _SLOTS]
    fitted = _fit(problems, chosen, key)
    chosen = chosen[: len(fitted)]
    rows = [
        Candidate(form, problems[0].complexity(form), _joint(problems, of_targets))
        for form, of_targets in zip(chosen, fitted, strict=True)
    ]
    place = {form.tokens: index for index, form in enumerate(chosen)}
    joint = ParetoFront.of(rows, variance=1.0, samples=sum(p.samples for p in problems))
    kept = [place[candidate.expression.tokens] for candidate in joint]
    return tuple(
        ParetoFront(
            tuple(
                Candidate(found[i], row.complexity, problem.loss(found[i]), row.score)
                for i, row in zip(kept, joint, strict=True)
            ),
            problem.variance,
            problem.samples,
            problem.noise,
            problem.rounding,
        )
        for problem, found in zip(problems, zip(*fitted, strict=True), strict=True)
    )


def _forms(front: ParetoFront) -> list[Expression]:
    """The front's expressions with their numbers freed, with no more than needed, as they are."""
    expressions = [candidate.expression for candidate in front]
    free = [with_free_numbers(expression) for expression in expressions]
    return [*free, *itertools.chain(*map(with_fewer_constants, free)), *expressions]


def _fit(
    problems: Sequence[Problem], forms: Sequence[Expression], key: jax.Array
) -> list[list[Expression]]:
    """Each form fitted to each problem; after Ctrl-C those that are done, the first one at least.

    Raises:
      KeyboardInterrupt: before the first form has been fitted.
    """
    starts = [generator(key) for _ in problems]
    fitted: list[list[Expression]] = []
    try:
        for form in forms:
            pairs = zip(problems, starts, strict=True)
            fitted.append([_fit_one(problem, form, rng) for problem, rng in pairs])
    except KeyboardInterrupt:
        if not fitted:
            raise
    return fitted


def _fit_one(problem: Problem, form: Expression, rng: np.random.Generator) -> Expression:
    columns = dict(zip(problem.variables, problem.X.T, strict=True))
    own = np.array(form.constants)
    starts = np.concatenate([own[None], own * rng.normal(1.0, 1.0, (_STARTS, len(own)))])
    found = least_squares(form, columns, problem.y, problem.weights, starts=starts)
    return form.with_constants(found.constants)


def _joint(problems: Sequence[Problem], expressions: Sequence[Expression]) -> float:
    shares = [
        max(problem.loss(expression) / (problem.variance or 1.0), ROUNDING)
        for problem, expression in zip(problems, expressions, strict=True)
    ]
    return float(np.exp(np.mean(np.log(shares))))
