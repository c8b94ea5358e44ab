"""Stage: simple formulas with one hole, all of them, each filled with the best library entries.

A context is `u(f . v(hole))`: functions u and v, a simple entry f, and an operator between them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from jaxsym.expr.subtrees import Formula, Values
from jaxsym.search.native.stages.semantics import Filler, Hole
from jaxsym.search.problem.problem import Problem

_OUTER = ("inv", "square", "sqrt", "exp", "log", "sin", "cos", "asin", "acos", "tanh")
_INNER = ("square", "sqrt", "exp", "log", "sin", "cos", "tanh")
_AROUND = ((), ("inv",), ("square",), ("sqrt",), ("exp",), ("log",))  # deep contexts
_SIMPLE, _FEW = 48, 16  # entries f, without and with a function around
_KEPT = 400  # of the best fillings of each form


class Context(NamedTuple):
    """A formula with a hole.

    Attributes:
      before, after: tokens around the hole.
      hole: what it asks for.
      cost: complexity of the tokens.
    """

    before: Formula
    after: Formula
    hole: Hole
    cost: int


class _Partial(NamedTuple):
    """A context while it is made: desired values and slope."""

    before: Formula
    after: Formula
    desired: Values
    slope: Values


def contexts(problem: Problem, filler: Filler, smooth: Values, *, deep: bool) -> Iterator[Context]:
    """Contexts of a target, the plain ones first.

    Functions are inverted at the target without its noise, where that is known, and there the noise
    is carried on by their slopes.

    Args:
      problem: the target, on the rows of the library.
      filler: the library.
      smooth: the target without noise, or the target itself.
      deep: whether there is an entry beside the hole and a function around it.
    """
    with np.errstate(all="ignore"):
        whole = _Partial((), (), smooth, np.ones_like(smooth))
        noise = problem.y - smooth
        outers = [whole, *_functions(problem, whole, _OUTER)]
        for outer in outers:
            if not deep:
                yield from _holes(problem, noise, [outer])
                continue
            if outer.before[:1] not in _AROUND:
                continue
            besides = list(_besides(problem, filler, outer, _FEW if outer.before else _SIMPLE))
            yield from _holes(problem, noise, besides)
            for neighbor in besides:
                yield from _holes(problem, noise, _functions(problem, neighbor, _INNER))


def beside(problem: Problem, filler: Filler, count: int) -> list[Context]:
    """The hole alone, and simple entries beside it.

    Args:
      problem: the target, on the rows of the library.
      filler: the library.
      count: entries.
    """
    with np.errstate(all="ignore"):
        whole = _Partial((), (), problem.y, np.ones_like(problem.y))
        partials = [whole, *_besides(problem, filler, whole, count)]
        return list(_holes(problem, np.zeros_like(problem.y), partials))


def _holes(problem: Problem, noise: Values, partials: Iterable[_Partial]) -> Iterator[Context]:
    table = problem.table
    for before, after, smooth, slope in partials:
        if np.any(noise):
            hole = Hole.of(smooth + noise / slope, slope, problem.weights, smooth)
        else:
            hole = Hole.of(smooth, slope, problem.weights)
        if hole is not None:
            cost = sum(table[t].cost if t in table else 1 for t in before + after)
            yield Context(before, after, hole, cost)


def _functions(problem: Problem, outer: _Partial, names: tuple[str, ...]) -> Iterator[_Partial]:
    """A function around the hole, and the same plus or minus 1."""
    for name in names:
        operator = problem.operators.get(name)
        if operator is None or not operator.inverses:
            continue
        shifts = ((), ("add", "1"), ("sub", "1")) if name == "exp" else ((),)
        for shift in shifts:
            desired = outer.desired
            if shift:  # 1 + f(hole), 1 - f(hole)
                desired = desired - 1 if shift[0] == "add" else 1 - desired
            argument = operator.solve(0, desired, guess=np.zeros_like(desired))
            slope = outer.slope * operator.slope(0, argument)
            if np.isfinite(argument).mean() > 0.9:
                yield _Partial((*outer.before, *shift, name), outer.after, argument, slope)


def _besides(problem: Problem, filler: Filler, outer: _Partial, count: int) -> Iterator[_Partial]:
    """A simple entry beside the hole."""
    d, s = outer.desired, outer.slope
    order = np.argsort(filler.library.complexity, kind="stable")[: count + 1]
    for entry in order.tolist():
        f, part = filler.library.values[entry], filler.formula(entry)
        before, after = outer.before, outer.after
        yield _Partial((*before, "sub", *part), after, f - d, -s)
        yield _Partial((*before, "add", *part), after, d - f, s)
        if filler.library.complexity[entry] > 1 or filler.formula(entry) != ("1",):
            yield _Partial((*before, "mul", *part), after, d / f, s * f)
            yield _Partial((*before, "div", *part), after, f / d, s * d**2 / f)


def filled(
    found: list[Context], filler: Filler, stop: Callable[[], bool], *, each: int
) -> list[tuple[float, Formula]]:
    """The contexts with their holes filled, the best fits first.

    Args:
      found: contexts.
      filler: the library.
      stop: whether time is over.
      each: entries of either form that are tried in every hole.

    Returns:
      log of the share of the variance that is left, about, and the formula.
    """
    best: list[tuple[float, int, int, int]] = []
    level = math.log(filler.sample.variance)
    batch = 512
    for start in range(0, len(found), batch):
        if stop():
            break
        part = [context.hole for context in found[start : start + batch]]
        for kind in range(2):
            if kind:
                desired = np.stack([hole.product for hole in part])
                entries, scores = filler.powers.best(desired, each, penalty=1e-3)
            else:
                entries, scores = filler.best(part, each, penalty=1e-3)
                scores = scores + np.array([[hole.level] for hole in part]) - level
            best += [
                (float(score), start + i, kind, int(entry))
                for i, row in enumerate(zip(entries, scores, strict=True))
                for entry, score in zip(*row, strict=True)
            ]
        best = heapq.nsmallest(_KEPT, best)
    formulas = []
    for score, index, kind, entry in best:
        context = found[index]
        hole = found[index].hole
        if kind:
            filling = filler.powers.formula(hole.product, [entry])
        else:
            filling = filler.affine(hole, entry)
        if filling is not None:
            formulas.append((score, (*context.before, *filling, *context.after)))
    return formulas
