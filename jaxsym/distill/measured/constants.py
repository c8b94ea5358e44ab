"""The constants of a law, in the order in which fits and their errors have them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from jaxsym.laws.particle_law import ParticleLaw


def flat_constants(law: ParticleLaw) -> list[float]:
    """The constants of the pair law, of the drag and of the field, in this order."""
    drag = () if law.drag is None else law.drag.constants
    return [*law.coefficient.constants, *drag, *law.field]


def constants_of(
    law: ParticleLaw, masses: Float[np.ndarray, " N"] | None = None
) -> dict[str, np.ndarray]:
    """The same by part, unknown masses after them; a pytree whose leaves come in that order."""
    parts = {"coefficient": law.coefficient.constants, "field": law.field}
    if masses is not None:
        parts["mass"] = tuple(masses)
    if law.drag is not None:
        parts["drag"] = law.drag.constants
    return {name: np.asarray(values, np.float64) for name, values in parts.items() if len(values)}
