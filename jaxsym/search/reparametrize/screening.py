"""Which columns of a wide table are worth a search: libraries grow steeply with their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxsym.expr import variable
from jaxsym.search.native.stages.pursuit import Columns, Pursuit
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.change import Change
from jaxsym.search.tolerances import SPANNED


def screen(problem: Problem, count: int) -> Change:
    """The change to the columns that explain most of the target, about.

    Orthogonal matching pursuit with simple functions of each column, for the target and for its
    logarithm; a column enters with its best function.

    Args:
      problem: with more than `count` columns.
      count: columns to keep.

    >>> from jaxsym.search.problem.problem import make_problems
    >>> X = np.random.default_rng(0).uniform(1.0, 2.0, (50, 20))
    >>> (problem,) = make_problems(X, X[:, [7]] / X[:, [11]], None, operators={}, max_complexity=9,
    ...     variables=[f"x{i}" for i in range(20)])
    >>> sorted(screen(problem, 2).inner)
    ['x11', 'x7']
    """
    targets = [problem.y]
    if np.all(problem.y != 0):
        targets.append(np.log(np.abs(problem.y)))
    orders = [_pursue(problem, target, count) for target in targets]
    # by turns, so that either way of looking has its say
    chosen = list(dict.fromkeys(column for pair in zip(*orders, strict=False) for column in pair))
    chosen += [column for order in orders for column in order if column not in chosen]
    return keep([problem.variables[column] for column in sorted(chosen[:count])])


def keep(names: Sequence[str]) -> Change:
    """The change to some of the columns, or to all, with the target as it is."""
    unknown = "kept"
    while unknown in names:
        unknown += "_"
    return Change({name: variable(name) for name in names}, variable(unknown), unknown)


def _pursue(problem: Problem, target: np.ndarray, count: int) -> list[int]:
    """Columns in the order in which they enter, each with its best function."""
    functions = [_functions(column) for column in problem.X.T]
    groups = np.repeat(np.arange(len(functions)), [len(some) for some in functions])
    columns = Columns(np.concatenate(functions), problem.weights, groups=groups)
    return groups[Pursuit(columns, target).path(count, SPANNED)].tolist()


def _functions(column: np.ndarray) -> list[np.ndarray]:
    size = np.abs(column).max() or 1.0
    x = column / size
    functions = [x, x**2]
    if np.all(x != 0):
        functions += [1 / x, np.log(np.abs(x))]
    return functions
