"""Stage: functions of two simple entries, streamed past the target and never stored.

`y = a u(f . g) + b`, alone or beside a simple entry: functions that oscillate often cannot be
inverted, and correlate with nothing until they are complete, so that all of them are tried. A few
rows tell whether one fits; the best are looked at on all rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula
from jaxsym.search.native.ranking import least
from jaxsym.search.native.stages.contexts import Context, beside
from jaxsym.search.native.stages.semantics import SemanticSearch, affine
from jaxsym.search.problem.problem import Problem

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_ENTRIES = 224  # f and g
_ROWS = 24  # on which all are compared
_BESIDE = 10  # entries beside
_KEPT = 48
_BLOCK = 16  # entries f at a time
_FUNCTIONS = ("sin", "cos", "exp", "log", "sqrt", "tanh")


class _Found(NamedTuple):
    """One match: correlation, number of the context, and the tokens that were matched."""

    share: float
    context: int
    function: str
    operator: str
    f: int
    g: int


def nested_formulas(
    problem: Problem, semantics: SemanticSearch, stop: Callable[[], bool]
) -> Iterator[Formula]:
    """The best of all such formulas.

    Args:
      problem: the target, on the rows of the library.
      semantics: the library.
      stop: whether time is over.
    """
    found = beside(problem, semantics, _BESIDE)
    if not found:
        return
    rows = np.linspace(0, len(problem.y) - 1, min(_ROWS, len(problem.y))).astype(int)
    targets = _standard(np.stack([context.target.values[rows] for context in found]))
    order = np.argsort(semantics.library.complexity, kind="stable")[:_ENTRIES]
    values = semantics.library.values[order][:, rows]
    best: list[_Found] = []
    with np.errstate(all="ignore"):
        for start in range(0, len(order), _BLOCK):
            if stop():
                break
            for name, operator, joined in _joined(problem, values, start):
                share = np.abs(_standard(joined.reshape(-1, len(rows))) @ targets.T)
                for index in least(-share.reshape(1, -1), 4)[0].tolist():
                    pair, context = divmod(index, len(found))
                    f, g = divmod(pair, len(order))
                    score = float(share.ravel()[index])
                    best.append(_Found(score, context, name, operator, start + f, g))
            best = heapq.nlargest(_KEPT, best)
        for match in best:
            yield _formula(match, found[match.context], semantics, order, problem)


def _joined(
    problem: Problem, values: np.ndarray, start: int
) -> Iterator[tuple[str, str, Float[np.ndarray, "B M r"]]]:
    """Blocks of `u(f . g)` with the names of u and of the operator."""
    f, g = values[start : start + _BLOCK, None], values[None]
    for operator in ("add", "sub", "mul", "div"):
        row = problem.operators.get(operator)
        if row is None or row.numpy is None:
            continue
        inner = row.numpy(f, g)
        for name in _FUNCTIONS:
            function = problem.operators.get(name)
            if function is not None and function.numpy is not None:
                yield name, operator, function.numpy(inner)


def _standard(rows: Float[np.ndarray, "M r"]) -> Float[np.ndarray, "M r"]:
    """Rows of mean 0 and length 1; 0 where they are constant or not finite."""
    rows = rows - rows.mean(1, keepdims=True)
    size = np.sqrt((rows**2).sum(1, keepdims=True))
    usable = np.isfinite(size) & (size > 1e-9)
    return np.where(usable, rows / np.where(usable, size, 1.0), 0.0).astype(np.float32)


def _formula(
    match: _Found, context: Context, semantics: SemanticSearch, order: np.ndarray, problem: Problem
) -> Formula:
    """A match with its factor and offset, in its context."""
    f, g = (int(order[entry]) for entry in (match.f, match.g))
    inner = problem.operators[match.operator].numpy
    outer = problem.operators[match.function].numpy
    assert inner is not None and outer is not None
    values = outer(inner(semantics.library.values[f], semantics.library.values[g]))
    part = (match.function, match.operator, *semantics.formula(f), *semantics.formula(g))
    return (*context.before, *affine(context.target, values, part), *context.after)


def nested_functions(state: SearchState) -> Iterator[Expression]:
    """Stage: functions of two simple entries, alone or beside a third."""
    state.evolution.seed(nested_formulas(state.sample, state.semantics, state.stop))
    yield from state.evolution.fitted(state.budget.fitted_nested)
