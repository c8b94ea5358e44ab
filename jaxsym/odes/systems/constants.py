"""Constants of a system told as exactly as their errors allow, those that are one told once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, literal, variable
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.inference import snap_constants
from jaxsym.odes.systems.fitting import SystemFit

_FAR = 2.0  # standard errors beyond which two constants are not taken for one


class Stated(NamedTuple):
    """A system for people.

    Attributes:
      equations: with numbers.
      forms: the same with names for the constants, as text.
      constants: by name; exact numbers have none.
      uncertainty: standard errors by name.
      shared: names of the constants that stand in several equations.
    """

    equations: tuple[Expression, ...]
    forms: tuple[str, ...]
    constants: dict[str, float]
    uncertainty: dict[str, float]
    shared: tuple[str, ...]


def stated(system: SystemFit, names: Sequence[str]) -> Stated:
    """Exact numbers where errors allow them, and one name for constants that are equal.

    Args:
      system: with its fit.
      names: that the constants must not have.
    """
    snapped = snap_constants(system.fit)
    values = np.asarray(snapped.constants, float).ravel().copy()
    covariance = np.array(snapped.covariance)
    free = [k for slots in system.slots for k in slots if k not in snapped.numbers]
    same = _shared(values, covariance, free, _equation_of(system))
    errors = np.sqrt(np.diag(covariance))
    letter = first_letter(names)
    titles: dict[int, str] = {}
    for place in free:
        if place not in same:
            titles[place] = f"{letter}{len(titles) + 1}"
    equations, forms = [], []
    for expression, slots in zip(system.equations, system.slots, strict=True):
        numbers = expression.with_constants(values[slots].tolist())
        named = numbers
        for slot in reversed(range(len(slots))):
            place = slots[slot]
            if place in snapped.numbers:
                numbers = with_number(numbers, slot, snapped.numbers[place])
                named = with_number(named, slot, snapped.numbers[place])
            else:
                other, sign = same.get(place, (place, 1))
                symbol = variable(titles[other])
                named = with_number(named, slot, symbol if sign > 0 else -symbol)
        equations.append(numbers.canonical())
        forms.append(str(named.canonical()))
    used = {titles[other] for other, _ in same.values()}
    return Stated(
        tuple(equations),
        tuple(forms),
        {title: float(values[place]) for place, title in titles.items()},
        {title: float(errors[place]) for place, title in titles.items()},
        tuple(title for title in titles.values() if title in used),
    )


def first_letter(names: Sequence[str]) -> str:
    """Of the constants' names, which are no states' names.

    >>> first_letter(["c1", "x"])
    'k'
    """
    taken = {name[0] for name in names if name[1:].isdigit()}
    return next(letter for letter in "ckpqw" if letter not in taken)


def without_zeros(system: SystemFit) -> tuple[Expression, ...] | None:
    """The equations without constants whose errors allow zero; None if there are none."""
    numbers = snap_constants(system.fit).numbers
    zeros = {place for place, number in numbers.items() if number.tokens == ("0",)}
    if not zeros.intersection(place for slots in system.slots for place in slots):
        return None
    shorter = []
    for expression, slots in zip(system.equations, system.slots, strict=True):
        for slot in reversed(range(len(slots))):
            if slots[slot] in zeros:
                expression = with_number(expression, slot, literal(0))
        shorter.append(expression.canonical())
    return tuple(shorter)


def _equation_of(system: SystemFit) -> dict[int, int]:
    return {place: m for m, slots in enumerate(system.slots) for place in slots}


def _shared(
    values: Float[np.ndarray, " P"],
    covariance: Float[np.ndarray, "P P"],
    free: Sequence[int],
    equation: dict[int, int],
) -> dict[int, tuple[int, int]]:
    """Constants that are another one, or its opposite: ``{place: (other, sign)}``.

    The rule is that of exact numbers: bits that one constant less saves, against the likelihood
    that it costs. Values and covariance move along.
    """
    same: dict[int, tuple[int, int]] = {}
    pairs = [
        (i, j, sign)
        for place, j in enumerate(free)
        for i in free[:place]
        for sign in (1, -1)
        if equation[i] != equation[j] and values[i] * values[j] * sign > 0
    ]
    while True:
        best, choice = 0.0, None
        for i, j, sign in pairs:
            if i in same or j in same or any(other == j for other, _ in same.values()):
                continue
            gain = _gain(values, covariance, i, j, sign, len(pairs))
            if gain > best:
                best, choice = gain, (i, j, sign)
        if choice is None:
            return same
        i, j, sign = choice
        _tie(values, covariance, i, j, sign)
        same[j] = (i, sign)


def _gain(values, covariance, i, j, sign, pairs) -> float:
    variance = covariance[i, i] + covariance[j, j] - 2 * sign * covariance[i, j]
    error = math.sqrt(covariance[j, j]) if covariance[j, j] > 0 else math.inf
    if not (math.isfinite(variance) and variance > 0 and math.isfinite(error)):
        return 0.0
    away = (values[i] - sign * values[j]) ** 2 / variance
    if away > _FAR**2:
        return 0.0
    saved = 1 + math.log2(1 + abs(values[j]) / error) - math.log2(1 + pairs)
    return saved - away / (2 * math.log(2))


def _tie(values, covariance, i, j, sign) -> None:
    """Moves all constants to where they are best with one that is the other."""
    known = np.isfinite(np.diag(covariance))
    direction = np.zeros(len(values))
    direction[i], direction[j] = 1.0, -sign
    finite = np.where(known[:, None] & known[None], covariance, 0.0)
    moved = finite @ direction
    variance = float(direction @ moved)
    values -= moved * float(direction @ values) / variance
    covariance -= np.outer(moved, moved) / variance
    values[j] = sign * values[i]
    covariance[np.diag_indices(len(values))] = np.maximum(np.diag(covariance), 0.0)
