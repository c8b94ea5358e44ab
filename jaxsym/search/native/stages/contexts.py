"""Stages: simple contexts, all of them, each completed by the best entries of a library.

A context is a formula that lacks one part, `u(f . v(part))`: functions u and v, a simple entry f,
and an operator between them. Its part is an entry of a library, found by its target semantics, or a
function of two entries, `w(g . h)`. The latter are not stored but streamed past the targets: those
that oscillate often cannot be inverted and correlate with nothing until they are complete, so that
all are tried. A few rows tell whether one fits; the best are looked at on all rows.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.expr.subtrees import Formula, Values
from jaxsym.search.native.ranking import smallest
from jaxsym.search.native.stages.semantics import VALID, SemanticSearch, SemanticTarget, affine
from jaxsym.search.problem.problem import Problem
from jaxsym.search.tolerances import NODE_OF_EQUALS, SAME

if TYPE_CHECKING:
    from jaxsym.search.native.state import SearchState

_OUTER = ("inv", "square", "sqrt", "exp", "log", "sin", "cos", "asin", "acos", "tanh")
_INNER = ("square", "sqrt", "exp", "log", "sin", "cos", "tanh")
_AROUND = ((), ("inv",), ("square",), ("sqrt",), ("exp",), ("log",))  # deep contexts
# Entries f, without and with a function around: with four operators and eight functions inside
# some four thousand deep contexts.
_SIMPLE, _FEW = 48, 16
_KEPT = 400  # best completed contexts, ten times as many as are fitted
_ENTRIES = 224  # simple entries of functions of two; their pairs are 50,000
_ROWS = 24  # on which these are compared: chance correlations of all pairs stay below 0.9
_BESIDE = 10  # entries beside them
_STREAMED = 48  # of the best that are looked at on all rows
_BLOCK = 16  # entries whose pairs are evaluated at a time
_JOINED = ("sin", "cos", "exp", "log", "sqrt", "tanh")  # functions of two entries


class Context(NamedTuple):
    """A formula that lacks one part.

    Attributes:
      before, after: tokens around the part.
      target: what values the part should have.
    """

    before: Formula
    after: Formula
    target: SemanticTarget


class _Partial(NamedTuple):
    """A context while it is made: values that the part should have, and slope of the whole."""

    before: Formula
    after: Formula
    values: Values
    slope: Values


def contexts(
    problem: Problem, semantics: SemanticSearch, denoised: Values, *, deep: bool
) -> Iterator[Context]:
    """Contexts of a target, the plain ones first.

    Functions are inverted at the denoised target, and the noise is carried on by their slopes.

    Args:
      problem: the target, on the rows of the library.
      semantics: the library.
      denoised: values of the best candidate so far, or the target itself.
      deep: whether there is an entry beside the part and a function around it.
    """
    with np.errstate(all="ignore"):
        whole = _Partial((), (), denoised, np.ones_like(denoised))
        noise = problem.y - denoised
        outers = [whole, *_functions(problem, whole, _OUTER)]
        for outer in outers:
            if not deep:
                yield from _targets(problem, noise, [outer])
                continue
            if outer.before[:1] not in _AROUND:
                continue
            besides = list(_besides(problem, semantics, outer, _FEW if outer.before else _SIMPLE))
            yield from _targets(problem, noise, besides)
            for neighbor in besides:
                yield from _targets(problem, noise, _functions(problem, neighbor, _INNER))


def beside(problem: Problem, semantics: SemanticSearch, count: int) -> list[Context]:
    """The context that is the part alone, and those with simple entries beside it.

    Args:
      problem: the target, on the rows of the library.
      semantics: the library.
      count: entries.
    """
    with np.errstate(all="ignore"):
        whole = _Partial((), (), problem.y, np.ones_like(problem.y))
        partials = [whole, *_besides(problem, semantics, whole, count)]
        return list(_targets(problem, np.zeros_like(problem.y), partials))


def _targets(problem: Problem, noise: Values, partials: Iterable[_Partial]) -> Iterator[Context]:
    for before, after, denoised, slope in partials:
        if np.any(noise):
            target = SemanticTarget.of(denoised + noise / slope, slope, problem.weights, denoised)
        else:
            target = SemanticTarget.of(denoised, slope, problem.weights)
        if target is not None:
            yield Context(before, after, target)


def _functions(problem: Problem, outer: _Partial, names: tuple[str, ...]) -> Iterator[_Partial]:
    """A function around the part, and the same plus or minus 1."""
    for name in names:
        operator = problem.operators.get(name)
        if operator is None or not operator.inverses:
            continue
        shifts = ((), ("add", "1"), ("sub", "1")) if name == "exp" else ((),)
        for shift in shifts:
            values = outer.values
            if shift:  # 1 + f(part), 1 - f(part)
                values = values - 1 if shift[0] == "add" else 1 - values
            argument = operator.solve(0, values, guess=np.zeros_like(values))
            slope = outer.slope * operator.slope(0, argument)
            if np.isfinite(argument).mean() > VALID:
                yield _Partial((*outer.before, *shift, name), outer.after, argument, slope)


def _besides(
    problem: Problem, semantics: SemanticSearch, outer: _Partial, count: int
) -> Iterator[_Partial]:
    """A simple entry beside the part."""
    d, s = outer.values, outer.slope
    order = np.argsort(semantics.library.complexity, kind="stable")[: count + 1]
    for entry in order.tolist():
        f, part = semantics.library.values[entry], semantics.formula(entry)
        before, after = outer.before, outer.after
        yield _Partial((*before, "sub", *part), after, f - d, -s)
        yield _Partial((*before, "add", *part), after, d - f, s)
        if semantics.library.complexity[entry] > 1 or semantics.formula(entry) != ("1",):
            yield _Partial((*before, "mul", *part), after, d / f, s * f)
            yield _Partial((*before, "div", *part), after, f / d, s * d**2 / f)


def completed(
    found: list[Context], semantics: SemanticSearch, stop: Callable[[], bool], *, each: int
) -> list[tuple[float, Formula]]:
    """The contexts with the best entries of a library as their parts, the best fits first.

    Args:
      found: contexts.
      semantics: the library.
      stop: whether time is over.
      each: entries of either form that are tried in every context.

    Returns:
      log of the share of the variance that is left, about, and the formula.
    """
    best: list[tuple[float, int, int, int]] = []
    level = math.log(semantics.sample.variance)
    batch = 512
    for start in range(0, len(found), batch):
        if stop():
            break
        targets = [context.target for context in found[start : start + batch]]
        for kind in range(2):
            if kind:
                values = np.stack([target.product for target in targets])
                entries, scores = semantics.powers.best(values, each, penalty=NODE_OF_EQUALS)
            else:
                entries, scores = semantics.best(targets, each, penalty=NODE_OF_EQUALS)
                scores = scores + np.array([[target.level] for target in targets]) - level
            best += [
                (float(score), start + i, kind, int(entry))
                for i, row in enumerate(zip(entries, scores, strict=True))
                for entry, score in zip(*row, strict=True)
            ]
        best = heapq.nsmallest(_KEPT, best)
    formulas = []
    for score, index, kind, entry in best:
        context = found[index]
        target = context.target
        if kind:
            part = semantics.powers.formula(target.product, [entry])
        else:
            part = semantics.affine(target, entry)
        if part is not None:
            formulas.append((score, (*context.before, *part, *context.after)))
    return formulas


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
                for index in smallest(-share.reshape(1, -1), 4)[0].tolist():
                    pair, context = divmod(index, len(found))
                    f, g = divmod(pair, len(order))
                    score = float(share.ravel()[index])
                    best.append(_Found(score, context, name, operator, start + f, g))
            best = heapq.nlargest(_STREAMED, best)
        for match in best:
            formula = _formula(match, found[match.context], semantics, order, problem)
            if formula is not None:
                yield formula


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
        for name in _JOINED:
            function = problem.operators.get(name)
            if function is not None and function.numpy is not None:
                yield name, operator, function.numpy(inner)


def _standard(rows: Float[np.ndarray, "M r"]) -> Float[np.ndarray, "M r"]:
    """Rows of mean 0 and length 1; 0 where they are constant or not finite."""
    rows = rows - rows.mean(1, keepdims=True)
    size = np.sqrt((rows**2).sum(1, keepdims=True))
    usable = np.isfinite(size) & (size > SAME)
    return np.where(usable, rows / np.where(usable, size, 1.0), 0.0).astype(np.float32)


def _formula(
    match: _Found, context: Context, semantics: SemanticSearch, order: np.ndarray, problem: Problem
) -> Formula | None:
    """A match with its factor and offset, in its context; None if it is not finite on all rows."""
    f, g = (int(order[entry]) for entry in (match.f, match.g))
    inner = problem.operators[match.operator].numpy
    outer = problem.operators[match.function].numpy
    assert inner is not None and outer is not None
    values = outer(inner(semantics.library.values[f], semantics.library.values[g]))
    if not np.all(np.isfinite(values)):
        return None
    part = (match.function, match.operator, *semantics.formula(f), *semantics.formula(g))
    return (*context.before, *affine(context.target, values, part), *context.after)


def functions(state: SearchState) -> Iterator[Expression]:
    """Stage: simple contexts, first the one that is the part alone."""
    budget = state.budget
    found = state.contexts
    for some, each in ((found[:1], budget.entries), (found[1:], budget.factors)):
        formulas = completed(some, state.semantics, state.stop, each=each)
        state.evolution.seed(formula for _, formula in formulas)
        yield from state.evolution.fitted(budget.fitted)


def deep_contexts(state: SearchState) -> Iterator[Expression]:
    """Stage: functions of a simple entry and of a function of the part."""
    found = list(contexts(state.sample, state.semantics, state.target, deep=True))
    formulas = completed(found, state.semantics, state.stop, each=state.budget.in_contexts)
    state.evolution.seed(formula for _, formula in formulas)
    yield from state.evolution.fitted(state.budget.fitted)


def nested_functions(state: SearchState) -> Iterator[Expression]:
    """Stage: functions of two simple entries, alone or beside a third."""
    state.evolution.seed(nested_formulas(state.sample, state.semantics, state.stop))
    yield from state.evolution.fitted(state.budget.fitted)
