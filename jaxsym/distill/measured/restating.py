"""A fitted law in other units or another form, its constants' errors carried along."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.measured.constants import constants_of, flat_constants
from jaxsym.expr import Expression, constant, variable
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.inference import TrajectoryFit, snap_constants
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import OWN_VARIABLES, ParticleLaw
from jaxsym.laws.units import NaturalUnits, coefficient_in_data_units

_STEP = 1e-6  # of differences, relative to the constants


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


class StatedLaw(NamedTuple):
    """A law with what is known of its constants.

    Attributes:
      law: the equations.
      covariance: of `flat_constants`; zero for those that are exact.
    """

    law: ParticleLaw
    covariance: Float[np.ndarray, "K K"]

    @property
    def errors(self) -> Float[np.ndarray, " K"]:
        """Standard errors."""
        return np.sqrt(np.diag(self.covariance))


def in_data_units(
    law: ParticleLaw, covariance: Float[np.ndarray, "K K"], units: MotionUnits, inputs: np.ndarray
) -> StatedLaw:
    """A law of accelerations found in natural units, for the data as they are.

    Args:
      law: the law.
      covariance: of its constants.
      units: the natural units.
      inputs: `VARIABLES` in units of the data, where both have the same values.
    """
    natural = units.natural
    scales = np.array([natural.length, natural.mass, natural.mass, natural.charge, natural.charge])
    drag = law.drag
    if drag is not None:
        named = {"m1": natural.mass, "q1": natural.charge}
        changed = {n: variable(n) / constant(s) for n, s in named.items() if s != 1.0}
        drag = drag.substitute(changed)
        drag = (drag if units.time == 1.0 else drag * constant(1 / units.time)).canonical()
    stated = dataclasses.replace(
        law,
        coefficient=coefficient_in_data_units(law.coefficient, natural, True),
        drag=drag,
        field=tuple(value * natural.acceleration for value in law.field),
    )
    return _carried(law, covariance, stated, inputs / scales, inputs, units)


def restated(given: StatedLaw, law: ParticleLaw, inputs: np.ndarray) -> StatedLaw:
    """The same law written otherwise, in the same units.

    Args:
      given: the law as it was.
      law: the law as it is to be; an acceleration or a force as the other.
      inputs: `VARIABLES` where both are compared.
    """
    return _carried(given.law, given.covariance, law, inputs, inputs, None)


def snapped(given: StatedLaw, fit: TrajectoryFit, inputs: np.ndarray) -> StatedLaw:
    """Exact numbers where the errors allow them, the other constants moved along.

    Args:
      given: the law in units of the data.
      fit: whose data the errors come from.
      inputs: `VARIABLES` at which forms are compared.
    """
    whole = dataclasses.replace(fit, constants=constants_of(given.law), covariance=given.covariance)
    found = snap_constants(whole)
    law = _with_constants(given.law, found.constants)
    left = StatedLaw(law, found.covariance)
    coefficient, count = law.coefficient, len(law.coefficient.constants)
    for place in sorted(found.numbers, reverse=True):
        if place < count:
            coefficient = with_number(coefficient, place, found.numbers[place])
    short = dataclasses.replace(law, coefficient=coefficient.canonical())
    return restated(left, short, inputs)


def _with_constants(law: ParticleLaw, constants: dict[str, np.ndarray]) -> ParticleLaw:
    drag = law.drag
    if drag is not None:
        drag = drag.with_constants(np.asarray(constants.get("drag", ())).tolist())
    values = np.asarray(constants.get("coefficient", ())).tolist()
    return dataclasses.replace(
        law,
        coefficient=law.coefficient.with_constants(values),
        drag=drag,
        field=tuple(np.asarray(constants.get("field", ())).tolist()),
    )


def _carried(
    before: ParticleLaw,
    covariance: np.ndarray,
    after: ParticleLaw,
    inputs_before: np.ndarray,
    inputs_after: np.ndarray,
    units: MotionUnits | None,
) -> StatedLaw:
    """Constants move together such that both laws have the same values everywhere."""
    natural = None if units is None else units.natural
    # from one unit of acceleration over length to the other
    pull = np.ones(1) if natural is None else np.array([natural.acceleration / natural.length])
    own = 1.0 if units is None else 1.0 / units.time
    push = 1.0 if natural is None else natural.acceleration
    if before.force != after.force:
        pull = inputs_after[:, [1]] if after.force else 1.0 / inputs_after[:, [1]]
    blocks = [
        _linked(
            pull * _slopes(before.coefficient, inputs_before, VARIABLES),
            _slopes(after.coefficient, inputs_after, VARIABLES),
        )
    ]
    if before.drag is not None and after.drag is not None:
        columns = [VARIABLES.index(name) for name in ("m1", "q1")]
        blocks.append(
            _linked(
                own * _slopes(before.drag, inputs_before[:, columns], OWN_VARIABLES),
                _slopes(after.drag, inputs_after[:, columns], OWN_VARIABLES),
            )
        )
    blocks.append(push * np.eye(len(before.field)))
    matrix = np.zeros((len(flat_constants(after)), len(flat_constants(before))))
    row = column = 0
    for block in blocks:
        matrix[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    known = np.where(np.isfinite(covariance), covariance, 0.0)
    carried = matrix @ known @ matrix.T
    lost = (np.abs(matrix[:, ~np.isfinite(np.diag(covariance))]) > 0).any(axis=1)
    carried[lost, lost] = np.inf
    return StatedLaw(after, carried)


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
