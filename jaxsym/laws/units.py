"""NaturalUnits in which a network's inputs are of order one, and the way back."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from jaxsym.expr import Expression, constant, variable
from jaxsym.trajectories import Trajectories


class NaturalUnits(NamedTuple):
    """Powers of ten, in the units of the data; 1 where the data are of order one already.

    Attributes:
      length: of a typical distance between bodies.
      velocity: of a typical velocity.
      acceleration: of a typical acceleration.
      mass: of a typical mass.
      charge: of a typical charge.
    """

    length: float
    velocity: float
    acceleration: float
    mass: float
    charge: float


def natural_units(data: Trajectories) -> NaturalUnits:
    """NaturalUnits that fit the data.

    >>> from jaxsym.trajectories import trajectories
    >>> x = 1.5e11 * np.arange(2.0)[:, None] + np.zeros((1, 3, 1, 2))
    >>> natural_units(trajectories(x, velocity=x, acceleration=x, time=range(3))).length
    100000000000.0
    """
    position = np.asarray(data.position, np.float64)
    apart = position - np.roll(position, 1, axis=2)
    return NaturalUnits(
        *(
            1.0 if values is None else _power_of_ten(values)
            for values in (
                np.linalg.norm(apart, axis=-1),
                np.linalg.norm(np.asarray(data.velocity, np.float64), axis=-1),
                np.linalg.norm(np.asarray(data.acceleration, np.float64), axis=-1),
                data.mass,
                data.charge,
            )
        )
    )


def in_units(data: Trajectories, units: NaturalUnits) -> Trajectories:
    """The same motion measured in other units (time is not used, and left alone)."""
    return dataclasses.replace(
        data,
        position=data.position / units.length,
        velocity=data.velocity / units.velocity,
        acceleration=data.acceleration / units.acceleration,
        mass=None if data.mass is None else data.mass / units.mass,
        charge=None if data.charge is None else data.charge / units.charge,
    )


def coefficient_in_data_units(
    coefficient: Expression, units: NaturalUnits, masses_known: bool, unit: float | None = None
) -> Expression:
    """A pair coefficient read in natural units, for the data as they are.

    Args:
      coefficient: ``c(r, m1, m2, q1, q2)`` with ``a = c d``.
      units: the natural units.
      masses_known: unknown masses are not measured in any unit of the data.
      unit: of the coefficient in units of the data; by default that of a pull along the line.

    >>> from jaxsym.expr import parse
    >>> units = NaturalUnits(10.0, 1.0, 100.0, 1.0, 1.0)
    >>> round(coefficient_in_data_units(parse("2.0/r**3"), units, True).constants[0], 6)
    20000.0
    """
    mass = units.mass if masses_known else 1.0
    scales = {"r": units.length, "m1": mass, "m2": mass, "q1": units.charge, "q2": units.charge}
    changed = {n: variable(n) / constant(s) for n, s in scales.items() if s != 1.0}
    factor = units.acceleration / units.length if unit is None else unit
    scaled = coefficient.substitute(changed)
    return (scaled if factor == 1.0 else scaled * constant(factor)).canonical()


def _power_of_ten(values: Any) -> float:
    size = float(np.median(np.abs(values)))
    if size == 0.0 or 0.03 < size < 30.0:
        return 1.0
    return 10.0 ** round(np.log10(size))
