"""Freedoms of a law that no data can fix, and the choice made among them."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxsym.distill.refitting import Refit, refit
from jaxsym.expr import Expression, literal
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.graphs import Snapshots, Topology
from jaxsym.laws.pairs import VARIABLES, arbitrary_inputs

_MASSES = [VARIABLES.index("m1"), VARIABLES.index("m2")]


def unit_strength(fit: Refit) -> Refit:
    """Where forces grow with the square of unknown masses, measure the masses by what they pull.

    ``F = c m1 m2 f(r)`` with unknown masses leaves c free: masses k times as large with a c k
    times smaller move alike. With c = 1 the mass of a body is its strength as a source, such as
    GM in gravity. Other laws are returned as they are.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.laws import ParticleLaw
    >>> law = ParticleLaw(parse("4.0*m1*m2/r**3"), True, 3)
    >>> unit = unit_strength(Refit(law, np.log([1.0, 0.5]), 0.0, np.zeros(1), 1))
    >>> unit.law.coefficient, np.exp(unit.log_mass).round(6).tolist()
    (Expression(m1*m2/r**3), [4.0, 2.0])
    """
    slot = strength_slot(fit.law.coefficient)
    if fit.log_mass is None or slot is None:
        return fit
    coefficient = fit.law.coefficient
    unit = with_number(coefficient, slot, literal(1)).canonical()
    log_mass = fit.log_mass + np.log(coefficient.constants[slot])
    return fit._replace(law=dataclasses.replace(fit.law, coefficient=unit), log_mass=log_mass)


def strength_slot(coefficient: Expression) -> int | None:
    """Which constant of a force is its strength, where the force grows with the masses' square.

    None where there is no such constant, or it is not positive.

    >>> from jaxsym.expr import parse
    >>> strength_slot(parse("4.0*m1*m2/(r + 0.1)**3")), strength_slot(parse("4.0/r**3"))
    (0, None)
    """
    table = arbitrary_inputs()
    heavier = table.copy()
    heavier[:, _MASSES] *= 2.0
    value = coefficient.evaluate(table, VARIABLES)
    if not np.allclose(coefficient.evaluate(heavier, VARIABLES), 4.0 * value, rtol=1e-6):
        return None
    for slot, strength in enumerate(coefficient.constants):
        unit = with_number(coefficient, slot, literal(1))
        if strength > 0 and np.allclose(unit.evaluate(table, VARIABLES) * strength, value):
            return slot
    return None


def heaviest_is_one(fit: Refit, data: Snapshots, edges: Topology) -> Refit:
    """The same law with unknown masses in units of the heaviest, its constants refitted.

    Args:
      fit: a law of forces.
      data: snapshots to refit on.
      edges: of one snapshot.
    """
    if fit.log_mass is None:
        return fit
    return refit(fit.law, data, edges, log_mass=fit.log_mass - fit.log_mass.max())
