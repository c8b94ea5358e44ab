"""Which inputs matter to a target, and columns that hold all that it depends on.

Derivatives tell it: a target of ``x2 - x1`` has opposite ones by the two, one of the distance has
its gradient along the displacement, and inputs that do nothing have none.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr

from jaxsym._check import require
from jaxsym.distill.parts.outputs import Target
from jaxsym.distill.parts.recording import Samples
from jaxsym.expr import Expression, apply, parse, variable

_DEAD = 0.02  # of a target's changes, at most, that an input causes which does nothing
_BROKEN = 0.05  # of the size of derivatives, at most, by which a symmetry may be missed
_ROUND = 8  # columns, at most, among which radii are looked for
_SAME = 1e-9  # relative difference of columns that are one
_LINEAR = 1e-4  # of a column's spread, at most, that linear functions of others leave of it
_ALIKE = 1e-5  # the same where one was computed in single precision


class Columns(NamedTuple):
    """What a search is given.

    Attributes:
      names: of the columns.
      values: the table.
      features: those that are no inputs, as functions of inputs and of features before.
      sensitivity: share of the target's changes that each input causes.
      notes: what was found, in words.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "n W"]
    features: dict[str, Expression]
    sensitivity: dict[str, float]
    notes: tuple[str, ...]


class _Table(NamedTuple):
    """Columns of a target with its derivatives by them."""

    names: list[str]
    values: np.ndarray
    slopes: np.ndarray


def read_features(
    given: Mapping[str, str | Expression] | None, inputs: tuple[str, ...]
) -> dict[str, Expression]:
    """Features of the user's as expressions.

    Raises:
      ValueError: a name that is taken, or a formula of anything else than inputs and features
        before.

    >>> read_features({"r": "sqrt(dx**2 + dy**2)"}, ("dx", "dy"))
    {'r': Expression(sqrt(dx**2 + dy**2))}
    """
    features: dict[str, Expression] = {}
    for name, formula in (given or {}).items():
        known = (*inputs, *features)
        require(name not in known, f"feature '{name}' has the name of another column")
        require(
            isinstance(formula, str | Expression),
            f"feature '{name}' is {formula!r}; expected a formula as text, such as "
            "'sqrt(dx**2 + dy**2)', or an Expression",
        )
        if isinstance(formula, str):
            formula = parse(formula, variables=known)
        features[name] = formula
        foreign = set(features[name].variables) - set(known)
        require(
            not foreign,
            f"feature '{name}' is a function of {sorted(foreign)}; expected some of "
            f"{', '.join(known)}",
        )
    return features


def read_columns(
    samples: Samples,
    target: Target,
    given: Mapping[str, Expression],
    error: float,
    *,
    known: Mapping[str, Expression] | None = None,
) -> Columns:
    """The columns that a target is to be searched in.

    Args:
      samples: of the part.
      target: what is to be explained.
      given: the user's features.
      known: further features that have names already.
      error: of the network, relative: what is below it cannot be told.
    """
    table = _Table(list(samples.names), samples.inputs, target.slopes)
    table, notes = _independent(table, target.along)
    shares = sensitivities(table.values, table.slopes)
    sensitivity = dict(zip(table.names, shares.tolist(), strict=True))
    dead = shares <= max(_DEAD, min(error, 0.1))
    if np.any(dead):
        gone = ", ".join(name for name, d in zip(table.names, dead, strict=True) if d)
        notes.append(f"does not depend on {gone}")
    table = _without(table, np.flatnonzero(dead))
    features: dict[str, Expression] = {}
    for reduce in (_differences, _radii):
        named = {**given, **(known or {}), **features}
        table, new, said = reduce(table, target.along, named)
        features.update(new)
        notes += said
    names, values = list(table.names), table.values
    full = {name: samples.inputs[:, k] for k, name in enumerate(samples.names)}
    for name, feature in given.items():
        column = feature.evaluate(np.column_stack([full[v] for v in feature.variables]))
        full[name] = column
        if np.all(np.isfinite(column)) and np.ptp(column) > 0 and not _there(values, column):
            names.append(name)
            values = np.column_stack([values, column])
    return Columns(tuple(names), values, features, sensitivity, tuple(notes))


def sensitivities(
    inputs: Float[np.ndarray, "n V"], slopes: Float[np.ndarray, "n V"]
) -> Float[np.ndarray, " V"]:
    """Share of the changes of a target that each input causes as it varies in the data.

    In each row, the derivative times the input's standard deviation, relative to that of all inputs
    (derivative-based sensitivity: Sobol and Kucherenko 2009); the mean over the rows, so that the
    few where a law is steep do not rule all.

    >>> sensitivities(np.array([[0.0, 1.0], [1.0, 3.0]]), np.array([[3.0, 2.0]] * 2)).tolist()
    [0.6, 0.8]
    """
    size = np.abs(slopes) * np.std(inputs, axis=0)
    whole = np.linalg.norm(size, axis=1, keepdims=True)
    return np.mean(size / np.maximum(whole, 1e-300), axis=0)


def _without(table: _Table, gone: np.ndarray) -> _Table:
    kept = [k for k in range(len(table.names)) if k not in set(gone.tolist())]
    return _Table([table.names[k] for k in kept], table.values[:, kept], table.slopes[:, kept])


def _independent(table: _Table, kept: tuple[str, ...]) -> tuple[_Table, list[str]]:
    """The table without columns that are linear functions of others, as mixes of few numbers are.

    What the target depends on them by, it depends on the others by.
    """
    center, size = table.values.mean(axis=0), table.values.std(axis=0)
    varying = np.flatnonzero(size > _ALIKE * np.abs(table.values).max(axis=0))
    scaled = (table.values[:, varying] - center[varying]) / size[varying]
    # those that directions are made of come first
    scaled = scaled * np.array([1e3 if table.names[k] in kept else 1.0 for k in varying])
    _, triangle, order = qr(scaled, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    own = diagonal > _LINEAR * np.sqrt(len(scaled))
    if len(varying) < 2 or np.all(own):
        return table, []
    left = np.sort(varying[order[: len(own)][own]])
    gone = np.setdiff1d(varying, left)
    mix = np.linalg.lstsq(
        table.values[:, left] - center[left], table.values[:, gone] - center[gone], rcond=None
    )[0]
    slopes = table.slopes.copy()
    slopes[:, left] += table.slopes[:, gone] @ mix.T
    names = ", ".join(table.names[k] for k in gone)
    said = [f"is given {names} as linear functions of its other inputs"]
    return _without(table._replace(slopes=slopes), gone), said


def _differences(
    table: _Table, along: tuple[str, ...], given: Mapping[str, Expression]
) -> tuple[_Table, dict[str, Expression], list[str]]:
    """Pairs of columns of whose difference, or sum, alone the target is a function."""
    features: dict[str, Expression] = {}
    notes: list[str] = []
    pairs = itertools.combinations(list(table.names), 2)
    for first, second in pairs:
        if first not in table.names or second not in table.names:
            continue
        i, j = table.names.index(first), table.names.index(second)
        for sign, word in ((-1.0, "minus"), (1.0, "plus")):
            if not _vanishes(table.slopes[:, j] - sign * table.slopes[:, i], table, (i, j)):
                continue
            formula = (variable(second) + int(sign) * variable(first)).canonical()
            name = _name(f"{second}_{word}_{first}", formula, given, (*table.names, *features))
            features[name] = formula
            column = table.values[:, j] + sign * table.values[:, i]
            rest = _without(table, np.array([i, j]))
            table = _joined(rest, name, column, table.slopes[:, j])
            notes.append(f"depends on {first} and {second} by {formula} alone")
            break
    return table, features, notes


def _radii(
    table: _Table, along: tuple[str, ...], given: Mapping[str, Expression]
) -> tuple[_Table, dict[str, Expression], list[str]]:
    """Groups of columns of whose Euclidean length alone the target is a function."""
    names = table.names[:_ROUND]
    groups = [tuple(along)] if along and set(along) <= set(names) else []
    groups += [*itertools.combinations(names, 3), *itertools.combinations(names, 2)]
    for group in groups:
        if len(group) < 2:
            continue
        places = [table.names.index(name) for name in group]
        points, slopes = table.values[:, places], table.slopes[:, places]
        square = np.maximum(np.sum(points**2, axis=1, keepdims=True), 1e-300)
        radial = np.sum(points * slopes, axis=1, keepdims=True) * points / square
        if not _vanishes((slopes - radial).ravel(), table, tuple(places)):
            continue
        formula = apply("sqrt", _sum_of_squares(group))
        length = np.sqrt(square[:, 0])
        name = _name("r", formula, given, tuple(table.names))
        slope = np.sum(points * slopes, axis=1) / length
        table = _joined(_without(table, np.array(places)), name, length, slope)
        said = f"depends on {', '.join(group)} by their length alone"
        return table, {name: formula}, [said]
    return table, {}, []


def _sum_of_squares(names: tuple[str, ...]) -> Expression:
    total = variable(names[0]) ** 2
    for name in names[1:]:
        total = total + variable(name) ** 2
    return total


def _vanishes(rest: np.ndarray, table: _Table, places: tuple[int, ...]) -> bool:
    """Whether what breaks a symmetry is next to nothing among the derivatives."""
    size = np.sqrt(np.mean(table.slopes[:, list(places)] ** 2, axis=0))
    if np.any(size < 0.2 * size.max()):
        return False  # one of the columns hardly matters, so that anything would seem to hold
    typical = np.median(np.abs(table.slopes[:, list(places)]))
    return float(np.median(np.abs(rest))) < _BROKEN * typical


def _joined(table: _Table, name: str, column: np.ndarray, slope: np.ndarray) -> _Table:
    """The table with a column more, or with its derivatives added to those of one like it."""
    for place, old in enumerate(table.values.T):
        if np.abs(old - column).max() < _ALIKE * np.abs(column).max():
            slopes = table.slopes.copy()
            slopes[:, place] += slope
            return table._replace(slopes=slopes)
    return _Table(
        [*table.names, name],
        np.column_stack([table.values, column]),
        np.column_stack([table.slopes, slope]),
    )


def _name(
    wish: str, formula: Expression, given: Mapping[str, Expression], taken: tuple[str, ...]
) -> str:
    """The name of a feature that is known by its formula, or a free one."""
    known = [name for name, feature in given.items() if feature == formula]
    if known:
        return known[0]
    wishes = itertools.chain([wish], (f"{wish}_{k}" for k in itertools.count(2)))
    return next(name for name in wishes if name not in (*taken, *given))


def _there(values: np.ndarray, column: np.ndarray) -> bool:
    scale = np.abs(column).max()
    return any(np.abs(old - column).max() < _SAME * scale for old in values.T)
