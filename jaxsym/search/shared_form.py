"""Several targets that share one form and differ in their constants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import numpy as np

from jaxsym._random import generator
from jaxsym.expr import Expression, Operator, apply, constant
from jaxsym.expr.fitting.single import least_squares
from jaxsym.expr.tokens import is_literal, literal_value
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import ROUNDING

_STARTS = 6  # of each fit, besides the constants found for another target
_SLOTS = 6  # most constants of a form


def with_free_numbers(expression: Expression) -> Expression:
    """An expression with constants in the place of its exact numbers, but for exponents.

    >>> from jaxsym.expr import parse
    >>> with_free_numbers(parse("2*x**3 + pi"))
    Expression(2.0*x**3 + 3.141592653589793)
    """
    table = expression.operators

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        if all(is_literal(argument.tokens[0]) for argument in arguments):
            value = apply(operator.name, *arguments, operators=table).evaluate(np.zeros(0), [])
            return constant(float(value)) if math.isfinite(value) else arguments[0]
        freed = 1 if operator.name == "pow" else len(arguments)
        arguments = [_free(a) for a in arguments[:freed]] + arguments[freed:]
        return apply(operator.name, *arguments, operators=table)

    return _free(expression.rebuilt(join)).canonical()


def _free(expression: Expression) -> Expression:
    token = expression.tokens[0]
    return constant(literal_value(token)) if is_literal(token) else expression


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
    fitted = [_fit(problem, chosen, key) for problem in problems]
    rows = [
        Candidate(form, problems[0].complexity(form), _joint(problems, of_targets))
        for form, of_targets in zip(chosen, zip(*fitted, strict=True), strict=True)
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
        )
        for problem, found in zip(problems, fitted, strict=True)
    )


def _forms(front: ParetoFront) -> list[Expression]:
    """The front's expressions with their numbers freed, and as they are."""
    expressions = [candidate.expression for candidate in front]
    return [*map(with_free_numbers, expressions), *expressions]


def _fit(problem: Problem, forms: Sequence[Expression], key: jax.Array) -> list[Expression]:
    rng = generator(key)
    columns = dict(zip(problem.variables, problem.X.T, strict=True))
    fitted = []
    for form in forms:
        own = np.array(form.constants)
        others = own * rng.normal(1.0, 1.0, (_STARTS, len(own)))
        starts = np.concatenate([own[None], others])
        found = least_squares(form, columns, problem.y, problem.weights, starts=starts)
        fitted.append(form.with_constants(found.constants))
    return fitted


def _joint(problems: Sequence[Problem], expressions: Sequence[Expression]) -> float:
    shares = [
        max(problem.loss(expression) / (problem.variance or 1.0), ROUNDING)
        for problem, expression in zip(problems, expressions, strict=True)
    ]
    return float(np.exp(np.mean(np.log(shares))))
