"""From tables to equations: proposals, constants for all of them at once, fronts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym._settings import default_settings
from jaxsym.expr import Expression, compile_programs, constant, fit_constants, variable
from jaxsym.nesymres.pretrained import Pretrained, Proposal
from jaxsym.nesymres.vocabulary import VARIABLES
from jaxsym.search.engines.protocol import DEFAULT_OPERATORS
from jaxsym.search.front.archive import Archive
from jaxsym.search.front.finalize import add_rearranged, finalize
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.problem.problem import Problem, make_problems

SLOTS = 6  # most constants of an equation that is fitted
_SHORT, _LENGTH = 32, 64  # instructions of programs; the longest equation has fewer
_POINTS = 256  # most rows that constants are fitted to
_STEPS = 40  # of a fit
_PENALTY = 1e-14  # of the mean squared error, per token (Biggio et al. 2021, section 4.2)


@default_settings()
def solve(
    network: Pretrained,
    tables: Sequence[tuple[Float[ArrayLike, "n V"], Float[ArrayLike, " n"]]],
    *,
    variables: Sequence[Sequence[str]] | None = None,
    key: Key[Array, ""],
    beam: int = 32,
    restarts: int = 4,
    max_complexity: int = 40,
) -> list[ParetoFront]:
    """Equations of T tables, decoded in one batch and fitted in another.

    Args:
      network: of `load_pretrained`.
      tables: pairs of `[n, V]` points and `[n]` values, each of its own size.
      variables: names of the columns of each table; x_1, x_2, ... by default.
      key: PRNG key of the fits' starts.
      beam: width of the beam search.
      restarts: starts of every fit.
      max_complexity: no equation is more complex.

    Returns:
      one front per table: constants in float64, exact numbers where the data allow them.
      ``best()`` chooses by description length, `best_by_error` as the paper does.

    Raises:
      ValueError: see `Pretrained.propose_many`.
    """
    names = variables or [list(VARIABLES[: np.shape(X)[-1]]) for X, _ in tables]
    proposed = network.propose_many(tables, beam, variables=names)
    operators = {**DEFAULT_OPERATORS, **Expression(("1",)).operators}
    problems = [
        make_problems(
            X,
            np.asarray(y)[:, None],
            None,
            variables=row,
            operators=operators,
            max_complexity=max_complexity,
        )[0]
        for (X, y), row in zip(tables, names, strict=True)
    ]
    fitted = fit_proposals(problems, proposed, key=key, restarts=restarts)
    return [to_front(p, found) for p, found in zip(problems, fitted, strict=True)]


def to_front(problem: Problem, fitted: Sequence[Expression]) -> ParetoFront:
    """The front of fitted proposals and of the best constant, with exact numbers put in."""
    mean = constant(float(problem.weights @ problem.y))
    archive = Archive(problem)
    archive.add([mean, *fitted])
    add_rearranged(archive)
    finalize(archive, refit=False)
    return archive.front()


def best_by_error(front: ParetoFront) -> Expression:
    """The equation of least mean squared error plus 1e-14 per token, the paper's choice.

    Raises:
      ValueError: an empty front.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.search import Candidate
    >>> rows = [Candidate(parse("x"), 1, 1e-15), Candidate(parse("x + 1e-9*x**2"), 6, 1e-16)]
    >>> best_by_error(ParetoFront.of(rows, variance=1.0, samples=10))
    Expression(x)
    """
    require(len(front) > 0, "the front is empty; no expression had a finite loss")
    best = min(front, key=lambda c: c.loss + _PENALTY * len(c.expression.tokens))
    return best.expression


def fit_proposals(
    problems: Sequence[Problem],
    proposed: Sequence[Sequence[Proposal]],
    *,
    key: Key[Array, ""],
    restarts: int = 4,
) -> list[list[Expression]]:
    """Constants of all proposals of T tables by one batch of Levenberg-Marquardt in float64.

    Args:
      problems: the tables.
      proposed: expressions of each table's variables; those of too many constants are dropped.
      key: PRNG key of the starts.
      restarts: starts of every fit.

    Returns:
      expressions with constants, for each table.
    """
    chosen = [
        [p.expression for p in proposals if len(p.expression.constants) <= SLOTS]
        for proposals in proposed
    ]
    fitted = [[e for e in row if not e.constants] for row in chosen]
    rows = [(t, e) for t, row in enumerate(chosen) for e in row if e.constants]
    if not rows:
        return fitted
    samples = _samples(problems)
    renamed = [_renamed(e, problems[t].variables) for t, e in rows]
    length = _SHORT if all(len(e.tokens) <= _SHORT for e in renamed) else _LENGTH
    program = compile_programs(renamed, VARIABLES, length=length, slots=SLOTS)
    X, y, weights = (np.stack([sample[i] for sample in samples]) for i in range(3))
    if len(problems) == 1:
        data = X[0], y[0], weights[0]
    else:
        tables = [t for t, _ in rows]
        data = X[tables], y[tables], weights[tables]
    fit = fit_constants(
        program, *data[:2], key=key, weights=data[2], restarts=restarts, steps=_STEPS
    )
    for (t, expression), constants, loss in zip(rows, fit.program.constants, fit.loss, strict=True):
        if np.isfinite(loss):
            count = len(expression.constants)
            fitted[t].append(expression.with_constants(constants[:count].tolist()))
    return fitted


def _samples(problems: Sequence[Problem]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """At most `_POINTS` rows of each table, filled up to as many by rows without weight.

    The number of columns is the same for all tables, so that the fit is compiled once.
    """
    parts = [problem.sample(np.random.default_rng(0), _POINTS) for problem in problems]
    longest = max(len(part.y) for part in parts)
    samples = []
    for part in parts:
        n, columns = part.X.shape
        X = np.pad(part.X, ((0, longest - n), (0, 0)), mode="edge")
        X = np.pad(X, ((0, 0), (0, len(VARIABLES) - columns)))
        y, weights = (np.pad(values, (0, longest - n)) for values in (part.y, part.weights))
        samples.append((X, y, weights))
    return samples


def _renamed(expression: Expression, names: Sequence[str]) -> Expression:
    """With x_1, x_2, ... for the names of a table's columns."""
    pairs = zip(names, VARIABLES, strict=False)
    return expression.substitute({name: variable(own) for name, own in pairs if name != own})
