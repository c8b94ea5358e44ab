"""The constants of a law, in the order in which fits and their errors have them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.terms import AXES


def flat_constants(law: ParticleLaw) -> list[float]:
    """The constants of the pull, of the drag, of the field, and of further terms, in this order."""
    drag = () if law.drag is None else law.drag.constants
    further = [c for term in law.further for c in term.coefficient.constants]
    return [*law.coefficient.constants, *drag, *law.field, *further]


def constant_places(law: ParticleLaw) -> list[str]:
    """The name of the term that each of `flat_constants` is in."""
    drag = () if law.drag is None else law.drag.constants
    field = [f"constant along {axis}" for axis in AXES[: len(law.field)]]
    further = [term.name for term in law.further for _ in term.coefficient.constants]
    return ["central"] * len(law.coefficient.constants) + ["drag"] * len(drag) + field + further


def constants_of(law: ParticleLaw, masses: Float[np.ndarray, " N"] | None = None) -> dict[str, Any]:
    """The same by part, unknown masses after them; a pytree whose leaves come in that order."""
    parts = {"coefficient": law.coefficient.constants, "field": law.field}
    if masses is not None:
        parts["mass"] = tuple(masses)
    if law.drag is not None:
        parts["drag"] = law.drag.constants
    found: dict[str, Any] = {
        name: np.asarray(values, np.float64) for name, values in parts.items() if len(values)
    }
    if law.further:
        found["further"] = tuple(
            np.asarray(term.coefficient.constants, np.float64) for term in law.further
        )
    return found


def with_constants(law: ParticleLaw, flat: Sequence[float]) -> ParticleLaw:
    """The law with constants in the order of `flat_constants`.

    >>> from jaxsym.expr import parse
    >>> law = ParticleLaw(parse("2.5/r"), True, 2, parse("-0.5"), (0.0, 1.5))
    >>> str(with_constants(law, [3.0, -1.0, 0.5, 2.0]).drag)
    '-1.0'
    """
    left = [float(value) for value in flat]

    def taken(count: int) -> list[float]:
        head, left[:] = left[:count], left[count:]
        return head

    return dataclasses.replace(
        law,
        coefficient=law.coefficient.with_constants(taken(len(law.coefficient.constants))),
        drag=law.drag and law.drag.with_constants(taken(len(law.drag.constants))),
        field=tuple(taken(len(law.field))),
        further=tuple(
            dataclasses.replace(
                term,
                coefficient=term.coefficient.with_constants(taken(len(term.coefficient.constants))),
            )
            for term in law.further
        ),
    )
