"""Which columns of a wide table are worth a search: libraries grow steeply with their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxsym.expr import variable
from jaxsym.search.problem.problem import Problem
from jaxsym.search.reparametrize.change import Change

_SMALLEST = 1e-12  # share of the target's variance below which nothing is left to explain


def screen(problem: Problem, count: int) -> Change:
    """The change to the columns that explain most of the target, about.

    Orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad 1993) with simple functions of
    each column, for the target and for its logarithm; a column enters with its best function.

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
    """Columns in the order in which they enter."""
    root = np.sqrt(problem.weights)
    features = [_functions(column) for column in problem.X.T]
    residual = root * (target - problem.weights @ target)
    enough = _SMALLEST * float(residual @ residual)
    basis = root[:, None] / np.linalg.norm(root)
    found: list[int] = []
    while len(found) < min(count, len(features)) and float(residual @ residual) > enough:
        best = max(
            (_explained(root * f, basis, residual), column, place)
            for column, functions in enumerate(features)
            if column not in found
            for place, f in enumerate(functions)
        )
        _, column, place = best
        found.append(column)
        new = _apart(root * features[column][place], basis)
        norm = float(np.linalg.norm(new))
        if norm > 0:
            basis = np.column_stack([basis, new / norm])
            residual = residual - basis[:, -1] * (basis[:, -1] @ residual)
    return found


def _functions(column: np.ndarray) -> list[np.ndarray]:
    size = np.abs(column).max() or 1.0
    x = column / size
    functions = [x, x**2]
    if np.all(x != 0):
        functions += [1 / x, np.log(np.abs(x))]
    return functions


def _apart(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What of some values the basis does not hold already."""
    return values - basis @ (basis.T @ values)


def _explained(values: np.ndarray, basis: np.ndarray, residual: np.ndarray) -> float:
    new = _apart(values, basis)
    size = float(new @ new)
    return float(new @ residual) ** 2 / size if size > 1e-18 * float(values @ values) else 0.0
