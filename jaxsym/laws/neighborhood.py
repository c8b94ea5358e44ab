"""Laws one change away from a law: what a search on noisy messages misses or adds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from jaxsym.expr import Expression, apply, constant, literal, variable
from jaxsym.expr.subtrees import part_ends, replaced, to_expression, to_formula
from jaxsym.laws.particle_law import ParticleLaw, Term
from jaxsym.laws.thresholds import with_free_thresholds

_SMALL = 1e-3  # where new constants start
_SUMS = ("add", "sub")


def softened(law: ParticleLaw, length: float) -> ParticleLaw:
    """The pull as a function of distance plus a constant, as simulations soften it.

    Args:
      law: the law.
      length: a typical distance; the constant starts at a hundredth of it.

    >>> from jaxsym.expr import parse
    >>> softened(ParticleLaw(parse("m2/r**3"), False, 3), 1.0).coefficient
    Expression(m2/(r*(r + 0.01)**2))
    """
    r = variable("r")
    profile = (law.coefficient * r).canonical()
    return _changed(law, profile.substitute({"r": r + constant(0.01 * length)}) / r)


def cut_off(law: ParticleLaw, length: float) -> Iterator[ParticleLaw]:
    """The pull beyond a distance alone, and within it alone.

    Args:
      law: the law.
      length: where the distance starts.

    >>> from jaxsym.expr import parse
    >>> law = ParticleLaw(parse("2 - 1/r"), False, 3)
    >>> [str(cut.coefficient) for cut in cut_off(law, 1.5)]
    ['Piecewise((2 - 1/r, r > 1.5), (0, True))', 'Piecewise((0, r > 1.5), (2 - 1/r, True))']
    """
    pull, nothing = law.coefficient, literal(0)
    for beyond, within in ((pull, nothing), (nothing, pull)):
        sides = variable("r"), constant(length), beyond, within
        yield dataclasses.replace(law, coefficient=apply("if_greater", *sides))


def neighbors(law: ParticleLaw, length: float) -> Iterator[ParticleLaw]:
    """Other functions of distance, offsets, fewer terms, thresholds, and what a body does alone.

    Args:
      law: the law.
      length: a typical distance.
    """
    r = variable("r")
    profile = (law.coefficient * r).canonical()
    yield from with_fewer_terms(law)
    yield _changed(law, with_free_thresholds(law.coefficient))
    yield softened(law, length)
    yield _changed(law, law.coefficient * r ** constant(_SMALL))
    yield _changed(law, (profile + constant(_SMALL)) / r)
    yield _changed(law, law.coefficient + constant(_SMALL))
    yield from _own(law)


def with_fewer_terms(law: ParticleLaw) -> Iterator[ParticleLaw]:
    """The law with one side of a sum left out, for each side of each sum.

    >>> from jaxsym.expr import parse
    >>> law = ParticleLaw(parse("2.5/r + m2"), False, 2)
    >>> [str(fewer.coefficient) for fewer in with_fewer_terms(law)]
    ['2.5/r', 'm2']
    """
    for fewer in without_a_term(law.coefficient):
        yield _changed(law, fewer)


def with_coefficient(law: ParticleLaw, term: Term, coefficient: Expression) -> ParticleLaw:
    """The law with another coefficient for one of its further terms."""
    new = dataclasses.replace(term, coefficient=coefficient.canonical())
    further = tuple(new if other is term else other for other in law.further)
    return dataclasses.replace(law, further=further)


def without_a_term(expression: Expression) -> Iterator[Expression]:
    """The expression with each of its sums replaced by each of the two sides.

    >>> from jaxsym.expr import parse
    >>> [str(e) for e in without_a_term(parse("x*(y + 2.5)"))]
    ['x*y', 'x*2.5']
    """
    formula, table = to_formula(expression), expression.operators
    ends = part_ends(formula, table)
    for place, token in enumerate(formula):
        if token in _SUMS:
            middle = ends[place + 1]
            for side in (formula[place + 1 : middle], formula[middle : ends[place]]):
                yield to_expression(replaced(formula, ends, place, side), table)


def _own(law: ParticleLaw) -> Iterator[ParticleLaw]:
    if law.drag is None:
        yield dataclasses.replace(law, drag=constant(-_SMALL))
        yield dataclasses.replace(law, drag=constant(-_SMALL) / variable("m1"))
    else:
        yield dataclasses.replace(law, drag=None)
    yield dataclasses.replace(law, field=() if law.field else (_SMALL,) * law.dims)
    for term in law.further:
        yield law.without(term)
        for fewer in without_a_term(term.coefficient):
            yield with_coefficient(law, term, fewer)


def _changed(law: ParticleLaw, coefficient: Expression) -> ParticleLaw:
    return dataclasses.replace(law, coefficient=coefficient.canonical())
