"""The power of distance that a pull falls with."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from jaxsym.expr import constant, variable
from jaxsym.laws.pairs import VARIABLES, arbitrary_inputs
from jaxsym.laws.particle_law import ParticleLaw

_DISTANCE = VARIABLES.index("r")


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
    table = arbitrary_inputs()
    table[:, _DISTANCE] *= scale
    farther = table.copy()
    farther[:, _DISTANCE] *= 2.0
    with np.errstate(all="ignore"):
        ratio = law.coefficient.evaluate(farther, VARIABLES) / law.coefficient.evaluate(
            table, VARIABLES
        )
        return np.log(ratio) / np.log(2.0)
