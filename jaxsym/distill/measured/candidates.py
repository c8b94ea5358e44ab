"""From terms that the weak form reads in the data to candidate laws."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxsym.distill.measured.law_motion import GeneralLaw
from jaxsym.distill.measured.radial_forms import RadialForm, radial_forms
from jaxsym.distill.measured.textbook import Form, general
from jaxsym.expr import Expression, constant, parse, variable
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
      general: the law as one of many of the same form, where its functions are textbook forms.
    """

    law: ParticleLaw
    bits: float = 0.0
    general: GeneralLaw | None = None


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
    rest = [(term, _forms(term, ())[0]) for term in others]
    return [
        _candidate([(leading, form), *rest], terms.own, dims)
        for form in _forms(leading, found)[:_FORMS]
    ]


def softened_laws(terms: Terms, dims: int) -> list[Candidate]:
    """The leading function as a softened power.

    Where bodies meet, the weak form's function of distance is off by more than its errors, and what
    softens a pull there looks like a second term.

    Args:
      terms: that act.
      dims: D.
    """
    leading, *others = terms.central
    best = _forms(leading, ())[0]
    form = None if best.form is None else best.form.softened(float(np.median(leading.distance)))
    if form is None:
        return []
    rest = [(term, _forms(term, ())[0]) for term in others]
    made = best._replace(expression=form.expression(), form=form)
    return [_candidate([(leading, made), *rest], terms.own, dims)]


def _candidate(
    parts: Sequence[tuple[WeakTerm, RadialForm]], own: Sequence[WeakTerm], dims: int
) -> Candidate:
    law = ParticleLaw(
        _summed([_coefficient(term, form.expression) for term, form in parts]).canonical(),
        False,
        dims,
        *_own(own, dims),
    )
    textbook = [(term.factor, form.form) for term, form in parts if form.form is not None]
    general = _general(law, textbook) if len(textbook) == len(parts) else None
    return Candidate(law, parts[0][1].bits, general)


def _general(law: ParticleLaw, parts: Sequence[tuple[str, Form]]) -> GeneralLaw:
    """The law with all numbers of its forms as constants."""
    made = [general(form) for _, form in parts]
    r = variable("r")
    total = _summed([parse(f) * whole / r for (f, _), (whole, _) in zip(parts, made, strict=True)])
    free = [
        name in form.free
        for (_, form), (_, names) in zip(parts, made, strict=True)
        for name in names
    ]

    def written(found: ParticleLaw) -> ParticleLaw:
        values = iter(found.coefficient.constants)
        terms = []
        for (factor, form), (_, names) in zip(parts, made, strict=True):
            moved = form.moved(**{name: next(values) for name in names})
            terms.append((parse(factor) * moved.expression() / r).canonical())
        return dataclasses.replace(found, coefficient=_summed(terms).canonical())

    return GeneralLaw(dataclasses.replace(law, coefficient=total), np.array(free), written)


def _summed(parts: Sequence[Expression]) -> Expression:
    return sum(parts[1:], parts[0])


def _forms(term: WeakTerm, found: Sequence[Expression]) -> list[RadialForm]:
    return radial_forms(term.distance, term.size, term.covariance, found)


def _coefficient(term: WeakTerm, form: Expression) -> Expression:
    return (parse(term.factor) * form / variable("r")).canonical()


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


def without_own_terms(given: Candidate) -> list[Candidate]:
    """The law without its drag, and without its field, where it has them."""
    fewer: list[dict[str, Any]] = []
    if given.law.drag is not None:
        fewer.append({"drag": None})
    if given.law.field:
        fewer.append({"field": ()})
    return [_replaced(given, **change) for change in fewer]


def _replaced(given: Candidate, **change: Any) -> Candidate:
    whole = given.general
    if whole is not None:
        whole = whole._replace(law=dataclasses.replace(whole.law, **change))
    return given._replace(law=dataclasses.replace(given.law, **change), general=whole)
