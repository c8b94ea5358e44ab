"""From terms that the weak form reads in the data to candidate laws."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from jaxsym.distill.measured.radial_forms import RadialForm, radial_forms
from jaxsym.expr import Expression, constant, literal, parse, variable
from jaxsym.inference import WeakProfiles, WeakTerm
from jaxsym.laws.particle_law import AXES, ParticleLaw

# Terms below this share of the acceleration are what the bias of smoothed states leaves; those that
# are physics are offered later, where the motion asks for them.
_SHARE = 0.01
_FORMS = 6  # of the leading term


class Candidate(NamedTuple):
    """A law to fit.

    Attributes:
      law: with constants where the fit starts.
      bits: description length of its leading function of distance.
    """

    law: ParticleLaw
    bits: float


class Terms(NamedTuple):
    """What the data say acts.

    Attributes:
      central: pulls along the line between two bodies.
      own: what bodies do on their own that a law has a place for: drag and a shared field.
      other: terms that a law has no place for.
    """

    central: list[WeakTerm]
    own: list[WeakTerm]
    other: list[WeakTerm]


def told_apart(profiles: WeakProfiles, share: float = _SHARE) -> Terms:
    """Terms above a share of the acceleration, by what a law can do with them.

    Args:
      profiles: of the weak form.
      share: of the whole acceleration, by usual sizes.
    """
    terms = [term for term in profiles.terms if term.share >= share]
    central = [term for term in terms if term.vector == "central"]
    own = [term for term in terms if _is_own(term)]
    other = [term for term in terms if term.vector != "central" and not _is_own(term)]
    return Terms(central, own, other)


def _is_own(term: WeakTerm) -> bool:
    if term.vector == "drag":
        return "q1" not in term.factor or term.factor in ("q1", "q1/m1")
    return term.vector.startswith("constant along") and term.factor == "1"


def candidate_laws(terms: Terms, dims: int, found: Sequence[Expression] = ()) -> list[Candidate]:
    """Laws of accelerations, likeliest first: forms of the leading function, the others' best ones.

    Args:
      terms: that act.
      dims: D.
      found: further formulas in ``r`` for the leading function, as of a search.
    """
    leading, *others = terms.central
    rest = literal(0)
    for term in others:
        rest = rest + _coefficient(term, _forms(term, ())[0])
    own = _own(terms.own, dims)
    return [
        Candidate(
            ParticleLaw((_coefficient(leading, form) + rest).canonical(), False, dims, *own),
            form.bits,
        )
        for form in _forms(leading, found)[:_FORMS]
    ]


def _forms(term: WeakTerm, found: Sequence[Expression]) -> list[RadialForm]:
    return radial_forms(term.distance, term.size, term.covariance, found)


def _coefficient(term: WeakTerm, form: RadialForm) -> Expression:
    return (parse(term.factor) * form.expression / variable("r")).canonical()


def _own(terms: Sequence[WeakTerm], dims: int) -> tuple[Expression | None, tuple[float, ...]]:
    drag: Expression | None = None
    field = [0.0] * dims
    for term in terms:
        size = float(term.size[0])
        if term.vector == "drag":
            part = (constant(size) * parse(term.factor)).canonical()
            drag = part if drag is None else (drag + part).canonical()
        else:
            field[AXES.index(term.vector[-1])] = size
    return drag, tuple(field) if any(field) else ()


def without_own_terms(law: ParticleLaw) -> list[ParticleLaw]:
    """The law without its drag, and without its field, where it has them."""
    fewer = []
    if law.drag is not None:
        fewer.append(dataclasses.replace(law, drag=None))
    if law.field:
        fewer.append(dataclasses.replace(law, field=()))
    return fewer
