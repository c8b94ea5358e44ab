"""From terms that the weak form reads in the data to candidate laws."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from jaxsym.distill.measured.law_motion import GeneralLaw
from jaxsym.distill.measured.radial_forms import RadialForm, radial_forms
from jaxsym.distill.measured.textbook import Form, general
from jaxsym.expr import Expression, constant, literal, parse, variable
from jaxsym.inference import WeakTerm
from jaxsym.laws.particle_law import ParticleLaw, Term
from jaxsym.terms import AXES, KINDS

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
      pairs: what one body does to another, the leading term first.
      own: what bodies do on their own.
    """

    pairs: list[WeakTerm]
    own: list[WeakTerm]


def told_apart(terms: Sequence[WeakTerm], share: float = _SHARE) -> Terms:
    """Terms above a share of the acceleration, those of pairs and those of bodies alone.

    Args:
      terms: as they were read.
      share: of the whole acceleration, by usual sizes.
    """
    shown = [term for term in terms if term.share >= share]
    pairs = [term for term in shown if KINDS[term.vector].between]
    return Terms(pairs, [term for term in shown if not KINDS[term.vector].between])


def candidate_laws(
    terms: Terms, dims: int, found: Sequence[Expression] = (), order: int = 2
) -> list[Candidate]:
    """Laws of rates, likeliest first: forms of the leading function, the others' best ones.

    Args:
      terms: that act.
      dims: D.
      found: further formulas in ``r`` for the leading function, as of a search.
      order: of the equation of motion.
    """
    if not terms.pairs:
        return [_candidate([], terms.own, dims, order)]
    leading, *others = terms.pairs
    rest = [(term, _forms(term, ())[0]) for term in others]
    return [
        _candidate([(leading, form), *rest], terms.own, dims, order)
        for form in _forms(leading, found)[:_FORMS]
    ]


def softened_laws(terms: Terms, dims: int, order: int = 2) -> list[Candidate]:
    """The leading function as a softened power.

    Where bodies meet, the weak form's function of distance is off by more than its errors, and what
    softens a pull there looks like a second term.

    Args:
      terms: that act, between bodies for one.
      dims: D.
      order: of the equation of motion.
    """
    leading, *others = terms.pairs
    best = _forms(leading, ())[0]
    form = None if best.form is None else best.form.softened(float(np.median(leading.distance)))
    if form is None:
        return []
    rest = [(term, _forms(term, ())[0]) for term in others]
    made = best._replace(expression=form.expression(), form=form)
    return [_candidate([(leading, made), *rest], terms.own, dims, order)]


def _candidate(
    parts: Sequence[tuple[WeakTerm, RadialForm]], own: Sequence[WeakTerm], dims: int, order: int
) -> Candidate:
    sums: dict[str, Expression] = {}
    for term, form in parts:
        _add(sums, term.vector, _coefficient(term, form.expression))
    coefficient = sums.pop("central", literal(0))
    drag, field, alone = _own(own, dims)
    further = tuple(Term(name, part) for name, part in (sums | alone).items())
    law = ParticleLaw(coefficient, False, dims, drag, field, further, order)
    bits = parts[0][1].bits if parts else 0.0
    central = [(term, form) for term, form in parts if term.vector == "central"]
    textbook = [(term.factor, form.form) for term, form in central if form.form is not None]
    same = central and len(textbook) == len(central)
    return Candidate(law, bits, _general(law, textbook) if same else None)


def _add(sums: dict[str, Expression], name: str, part: Expression) -> None:
    sums[name] = (sums[name] + part if name in sums else part).canonical()


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
    size = parse(term.factor) * form
    along = KINDS[term.vector].along
    return (size / variable("r") if along else size).canonical()


def _own(
    terms: Sequence[WeakTerm], dims: int
) -> tuple[Expression | None, tuple[float, ...], dict[str, Expression]]:
    """Drag, the field that all bodies share, and the coefficients of all other terms."""
    field = [0.0] * dims
    sums: dict[str, Expression] = {}
    for term in terms:
        size = float(term.size[0])
        if term.vector.startswith("constant along") and term.factor == "1":
            field[AXES.index(term.vector[-1])] = size
        else:
            _add(sums, term.vector, constant(size) * parse(term.factor))
    return sums.pop("drag", None), tuple(field) if any(field) else (), sums


def with_fewer(given: Candidate, doubtful: Sequence[str] | None = None) -> list[Candidate]:
    """The law without each of its terms but those along the line between two bodies.

    Args:
      given: the law.
      doubtful: names of terms that are tried; all by default. Constants along axes, which all
        bodies share, leave together.
    """
    law = given.law
    tried = {term.name for term in law.terms} if doubtful is None else set(doubtful)
    fewer: list[Candidate] = []
    if law.drag is not None and "drag" in tried:
        fewer.append(_changed(given, lambda law: dataclasses.replace(law, drag=None)))
    if law.field and any(name.startswith("constant along") for name in tried):
        fewer.append(_changed(given, lambda law: dataclasses.replace(law, field=())))
    for place, term in enumerate(law.further):
        if len(law.terms) > 1 and term.name in tried:
            fewer.append(_changed(given, partial(_without, place=place)))
    return fewer


def _without(law: ParticleLaw, place: int) -> ParticleLaw:
    return law.without(law.further[place])


def _changed(given: Candidate, change: Callable[[ParticleLaw], ParticleLaw]) -> Candidate:
    whole = given.general
    if whole is not None:
        whole = whole._replace(law=change(whole.law))
    return given._replace(law=change(given.law), general=whole)
