"""A fitted law in other units or another form, its constants' errors carried along."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.gauge import strength_slot
from jaxsym.distill.measured.constants import constants_of, flat_constants
from jaxsym.expr import Expression, constant, literal, variable
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.inference import TrajectoryFit, snap_constants
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import OWN_VARIABLES, ParticleLaw, Term, with_parameters
from jaxsym.laws.units import NaturalUnits, coefficient_in_data_units

_STEP = 1e-6  # of differences, relative to the constants
_SAME = 1e-9  # relative difference of forms that are the same
_POLISHED = 3  # Newton steps, which undo the errors of these differences


class MotionUnits(NamedTuple):
    """Units of the work in those of the data.

    Attributes:
      natural: of length, velocity, acceleration, mass and charge.
      time: of time.
      origin: the time at which it is zero.
    """

    natural: NaturalUnits
    time: float
    origin: float

    def rate(self, order: int) -> float:
        """Of what terms add up to."""
        return self.natural.velocity if order == 1 else self.natural.acceleration

    def unit_of(self, term: Term, order: int) -> float:
        """Of a term's coefficient."""
        return self.rate(order) / term.kind.unit(self.natural.length, self.natural.velocity)


class StatedLaw(NamedTuple):
    """A law with what is known of its constants.

    Attributes:
      law: the equations.
      covariance: of `flat_constants`, and of the masses after them; zero for what is exact.
      masses: of the bodies, where they were unknown.
    """

    law: ParticleLaw
    covariance: Float[np.ndarray, "K K"]
    masses: Float[np.ndarray, " N"] | None = None

    @property
    def errors(self) -> Float[np.ndarray, " K"]:
        """Standard errors, in the order of the covariance."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def unit_body(self) -> int | None:
        """The body whose unknown mass is the unit of mass, if one is."""
        if self.masses is None:
            return None
        held = np.flatnonzero(self.errors[-len(self.masses) :] == 0)
        return int(held[0]) if len(held) else None


def in_data_units(
    given: StatedLaw, units: MotionUnits, inputs: Float[np.ndarray, "n V"]
) -> StatedLaw:
    """A law of accelerations found in natural units, for the data as they are.

    Args:
      given: the law. Unknown masses have no unit.
      units: the natural units.
      inputs: `VARIABLES` in units of the data, where both have the same values.
    """
    natural, law = units.natural, given.law
    scales = np.array([natural.length, natural.mass, natural.mass, natural.charge, natural.charge])

    def of_pairs(coefficient: Expression, unit: float) -> Expression:
        in_units = coefficient_in_data_units(coefficient, natural, True, unit)
        if len(in_units.constants) > len(coefficient.constants):
            same = _rescaled(coefficient, inputs / scales, scales, unit)
            one, other = (form.evaluate(inputs, VARIABLES) for form in (same, in_units))
            in_units = same if np.allclose(one, other, rtol=_SAME, atol=0.0) else in_units
        return in_units

    def stated(term: Term) -> Term:
        unit = units.unit_of(term, law.order)
        change = of_pairs if term.kind.between else partial(_own_in_units, natural=natural)
        return dataclasses.replace(term, coefficient=change(term.coefficient, unit))

    drag = law.drag and stated(Term("drag", law.drag)).coefficient
    in_data = dataclasses.replace(
        law,
        coefficient=stated(Term("central", law.coefficient)).coefficient,
        drag=drag,
        field=tuple(value * units.rate(law.order) for value in law.field),
        further=tuple(stated(term) for term in law.further),
    )
    return _carried(given, in_data, inputs / scales, inputs, units)


def _own_in_units(coefficient: Expression, unit: float, natural: NaturalUnits) -> Expression:
    named = {"m1": natural.mass, "q1": natural.charge}
    changed = {n: variable(n) / constant(s) for n, s in named.items() if s != 1.0}
    changed_too = coefficient.substitute(changed)
    return (changed_too if unit == 1.0 else changed_too * constant(unit)).canonical()


def _rescaled(
    coefficient: Expression,
    inputs: Float[np.ndarray, "n V"],
    scales: Float[np.ndarray, " V"],
    unit: float,
) -> Expression:
    """The formula ``unit f(inputs / scales)`` in the form of f, where the form allows it.

    Constants ``c_i`` that take up a scale s change by powers of it, ``f(x / s; c) = f(x; c s^p)``.
    The powers follow from ``-x df/dx = sum_i p_i c_i df/dc_i``. Factors written before the
    variables instead would be constants of which no data can tell one from another.
    """
    constants = np.asarray(coefficient.constants, np.float64)
    value = coefficient.evaluate(inputs, VARIABLES)
    usable = np.isfinite(value) & (value != 0)
    if not len(constants) or not usable.any():
        return coefficient
    inputs, value = inputs[usable], value[usable]
    slopes = constants * _slopes(coefficient, inputs, VARIABLES) / value[:, None]
    powers = [(np.log(unit), np.ones(len(value)))]
    for column, scale in enumerate(scales):
        moved = []
        for sign in (1.0, -1.0):
            table = inputs.copy()
            table[:, column] *= 1.0 + sign * _STEP
            moved.append(coefficient.evaluate(table, VARIABLES))
        powers.append((np.log(scale), (moved[1] - moved[0]) / (2 * _STEP * value)))
    logarithm = sum(
        size * np.linalg.lstsq(slopes, change, rcond=1e-9)[0] for size, change in powers
    )
    found = coefficient.with_constants((constants * np.exp(logarithm)).tolist())
    target, table = unit * value, inputs * scales
    for _ in range(_POLISHED):
        left = (target - found.evaluate(table, VARIABLES)) / target
        numbers = np.asarray(found.constants)
        slopes = numbers * _slopes(found, table, VARIABLES) / target[:, None]
        more = np.linalg.lstsq(slopes, left, rcond=1e-9)[0]
        if not np.isfinite(more).all():
            break
        found = found.with_constants((numbers * (1.0 + more)).tolist())
    return found


def restated(given: StatedLaw, law: ParticleLaw, inputs: np.ndarray) -> StatedLaw:
    """The same law written otherwise, in the same units.

    Args:
      given: the law as it was.
      law: the law as it is to be; an acceleration or a force as the other.
      inputs: `VARIABLES` where both are compared.
    """
    return _carried(given, law, inputs, inputs, None)


def by_their_pull(given: StatedLaw, inputs: Float[np.ndarray, "n V"]) -> StatedLaw:
    """Unknown masses measured by what they pull, where that can be (`jaxsym.distill.gauge`).

    The strength of the law becomes 1 and the masses are so much larger. Other laws are returned as
    they are, with masses in units of the heaviest.

    Args:
      given: the law in units of the data.
      inputs: `VARIABLES` where forms are compared.
    """
    slot = None if given.masses is None else strength_slot(given.law.as_force().coefficient)
    if slot is None or given.masses is None:
        return given
    force = restated(given, given.law.as_force(), inputs)
    coefficient, count = force.law.coefficient, len(flat_constants(force.law))
    strength = coefficient.constants[slot]
    moves = np.eye(len(force.covariance))
    moves[count:, count:] *= strength
    moves[count:, slot] = given.masses
    moves = np.delete(moves, slot, axis=0)
    unit = with_number(coefficient, slot, literal(1))
    law = dataclasses.replace(force.law, coefficient=unit)
    covariance = moves @ force.covariance @ moves.T
    short = dataclasses.replace(law, coefficient=unit.canonical())
    return restated(StatedLaw(law, covariance, strength * given.masses), short, inputs)


def snapped(given: StatedLaw, fit: TrajectoryFit, inputs: np.ndarray) -> StatedLaw:
    """Exact numbers where the errors allow them, the other constants moved along.

    Args:
      given: the law in units of the data.
      fit: whose data the errors come from.
      inputs: `VARIABLES` at which forms are compared.
    """
    constants = constants_of(given.law, given.masses)
    whole = dataclasses.replace(fit, constants=constants, covariance=given.covariance)
    found = snap_constants(whole, first=len(flat_constants(given.law)))
    law = with_parameters(given.law, {"coefficient": (), "drag": (), **found.constants})
    left = StatedLaw(law, found.covariance, found.constants.get("mass"))
    return restated(left, _with_numbers(law, found.numbers), inputs)


def _with_numbers(law: ParticleLaw, numbers: Mapping[int, Expression]) -> ParticleLaw:
    """Exact numbers in the pull and in further terms, by place among `flat_constants`."""

    def written(coefficient: Expression, first: int) -> Expression:
        for slot in reversed(range(len(coefficient.constants))):
            if first + slot in numbers:
                coefficient = with_number(coefficient, slot, numbers[first + slot])
        return coefficient.canonical()

    place = len(flat_constants(dataclasses.replace(law, further=())))
    further = []
    for term in law.further:
        further.append(dataclasses.replace(term, coefficient=written(term.coefficient, place)))
        place += len(term.coefficient.constants)
    return dataclasses.replace(law, coefficient=written(law.coefficient, 0), further=tuple(further))


def _carried(
    given: StatedLaw,
    after: ParticleLaw,
    inputs_before: np.ndarray,
    inputs_after: np.ndarray,
    units: MotionUnits | None,
) -> StatedLaw:
    """Constants move together such that both laws have the same values everywhere."""
    before, covariance = given.law, given.covariance
    pull: float | np.ndarray = 1.0
    if before.force != after.force:
        pull = inputs_after[:, [1]] if after.force else 1.0 / inputs_after[:, [1]]
    columns = [VARIABLES.index(name) for name in ("m1", "q1")]

    def linked(old: Term, new: Term) -> np.ndarray:
        unit: float | np.ndarray = 1.0 if units is None else units.unit_of(new, after.order)
        names: tuple[str, ...] = VARIABLES
        tables = inputs_before, inputs_after
        if new.kind.between:
            unit = pull * unit
        else:
            tables, names = (inputs_before[:, columns], inputs_after[:, columns]), OWN_VARIABLES
        return _linked(
            unit * _slopes(old.coefficient, tables[0], names),
            _slopes(new.coefficient, tables[1], names),
        )

    blocks = [linked(Term("central", before.coefficient), Term("central", after.coefficient))]
    if before.drag is not None and after.drag is not None:
        blocks.append(linked(Term("drag", before.drag), Term("drag", after.drag)))
    push = 1.0 if units is None else units.rate(after.order)
    blocks.append(push * np.eye(len(before.field)))
    blocks += [linked(*pair) for pair in zip(before.further, after.further, strict=True)]
    masses = 0 if given.masses is None else len(given.masses)
    blocks.append(np.eye(masses))
    matrix = np.zeros((len(flat_constants(after)) + masses, len(covariance)))
    row = column = 0
    for block in blocks:
        matrix[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    known = np.where(np.isfinite(covariance), covariance, 0.0)
    carried = matrix @ known @ matrix.T
    lost = (np.abs(matrix[:, ~np.isfinite(np.diag(covariance))]) > 0).any(axis=1)
    carried[lost, lost] = np.inf
    return StatedLaw(after, carried, given.masses)


def _slopes(
    expression: Expression, inputs: np.ndarray, names: tuple[str, ...]
) -> Float[np.ndarray, "n C"]:
    """By the constants."""
    constants = np.asarray(expression.constants, np.float64)
    columns = []
    for slot, value in enumerate(constants):
        step = _STEP * (abs(value) or 1.0)
        ends = []
        for sign in (1.0, -1.0):
            moved = constants.copy()
            moved[slot] += sign * step
            ends.append(expression.with_constants(moved.tolist()).evaluate(inputs, names))
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=-1) if columns else np.zeros((len(inputs), 0))


def _linked(before: np.ndarray, after: np.ndarray) -> Float[np.ndarray, "C K"]:
    """How the constants after move with those before."""
    if 0 in (before.shape[1], after.shape[1]):
        return np.zeros((after.shape[1], before.shape[1]))
    usable = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    # relative to the size of the slopes at each place, so that near and far count alike
    size = np.linalg.norm(after[usable], axis=1, keepdims=True)
    size[size == 0] = 1.0
    scale = np.linalg.norm(after[usable] / size, axis=0)
    scale[scale == 0] = 1.0
    found = np.linalg.lstsq(after[usable] / size / scale, before[usable] / size, rcond=None)[0]
    return found / scale[:, None]
