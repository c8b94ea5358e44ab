"""Freedoms of a law that no data can fix, and the choice made among them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from jaxsym.distill.law import ParticleLaw
from jaxsym.distill.reading import VARIABLES
from jaxsym.distill.refit import Refit, refit
from jaxsym.expr import constant, literal, variable
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.graphs import Snapshots, Topology

_DISTANCE, _MASSES = VARIABLES.index("r"), [VARIABLES.index("m1"), VARIABLES.index("m2")]


def unit_strength(fit: Refit) -> Refit:
    """Where forces grow with the square of unknown masses, measure the masses by what they pull.

    ``F = c m1 m2 f(r)`` with unknown masses leaves c free: masses k times as large with a c k
    times smaller move alike. With c = 1 the mass of a body is its strength as a source, such as
    GM in gravity. Other laws are returned as they are.

    >>> from jaxsym.expr import parse
    >>> law = ParticleLaw(parse("4.0*m1*m2/r**3"), True, 3)
    >>> unit = unit_strength(Refit(law, np.log([1.0, 0.5]), 0.0, np.zeros(1), 1))
    >>> unit.law.coefficient, np.exp(unit.log_mass).round(6).tolist()
    (Expression(m1*m2/r**3), [4.0, 2.0])
    """
    if fit.log_mass is None:
        return fit
    coefficient = fit.law.coefficient
    table = _samples()
    heavier = table.copy()
    heavier[:, _MASSES] *= 2.0
    value = coefficient.evaluate(table, VARIABLES)
    if not np.allclose(coefficient.evaluate(heavier, VARIABLES), 4.0 * value, rtol=1e-6):
        return fit
    for slot, strength in enumerate(coefficient.constants):
        unit = with_number(coefficient, slot, literal(1))
        if strength > 0 and np.allclose(unit.evaluate(table, VARIABLES) * strength, value):
            law = dataclasses.replace(fit.law, coefficient=unit.canonical())
            return fit._replace(law=law, log_mass=fit.log_mass + np.log(strength))
    return fit


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


def power_of_distance(law: ParticleLaw) -> float | None:
    """p if the pull is proportional to distance to the power -p, up to a small softening.

    >>> from jaxsym.expr import parse
    >>> power_of_distance(ParticleLaw(parse("m2/r**3"), False, 3))
    2.0
    >>> power_of_distance(ParticleLaw(parse("2.0*(r - 1.0)/r"), True, 3)) is None
    True
    """
    near, far = _slope(law, 1.0), _slope(law, 1e4)
    slopes = np.concatenate([near, far])
    if not np.all(np.isfinite(slopes)) or np.ptp(far) > 1e-3 or np.ptp(slopes) > 0.1:
        return None
    return round(float(-np.mean(far) - 1.0), 12)


def with_free_exponent(law: ParticleLaw) -> ParticleLaw:
    """The law times a trainable power of distance, near power zero.

    >>> from jaxsym.expr import parse
    >>> len(with_free_exponent(ParticleLaw(parse("m2/r**3"), False, 3)).coefficient.constants)
    1
    """
    return dataclasses.replace(law, coefficient=law.coefficient * variable("r") ** constant(1e-9))


def _slope(law: ParticleLaw, scale: float) -> Float[np.ndarray, " 20"]:
    """Local exponents of distance about ``scale``."""
    table = _samples()
    table[:, _DISTANCE] *= scale
    farther = table.copy()
    farther[:, _DISTANCE] *= 2.0
    with np.errstate(all="ignore"):
        ratio = law.coefficient.evaluate(farther, VARIABLES) / law.coefficient.evaluate(
            table, VARIABLES
        )
        return np.log(ratio) / np.log(2.0)


def _samples() -> Float[np.ndarray, "20 V"]:
    """Points at which freedoms are tested: the law is known in closed form, so any will do."""
    return np.random.default_rng(0).uniform(0.5, 2.0, (20, len(VARIABLES)))
