"""Which symmetries a law obeys, and by how much the data speak for or against them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import constant
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import ParticleLaw, Term
from jaxsym.terms import Kind, kinds, turns_with

SYMMETRIES = ("translation", "rotation", "reflection", "Galilean", "reciprocity")
_SAME = 1e-6  # relative difference of forces that are opposite


class Symmetry(NamedTuple):
    """A symmetry, whether the law has it, and the evidence.

    Attributes:
      name: in `SYMMETRIES`.
      holds: whether every term of the law has it.
      evidence: in words: which terms break it.
      log_likelihood_ratio: of the law against the same without the terms that break it, all other
        constants fitted again, in natural logarithms; where none breaks it, of the law with the
        best of the terms that would. None where it was not computed.
    """

    name: str
    holds: bool
    evidence: str
    log_likelihood_ratio: float | None = None

    def to_json(self) -> dict[str, Any]:
        """In plain JSON types."""
        return {
            "holds": self.holds,
            "evidence": self.evidence,
            "log_likelihood_ratio": self.log_likelihood_ratio,
        }


def broken_by(kind: Kind, dims: int) -> frozenset[str]:
    """The symmetries that a kind of term breaks, found by trying them on its vector.

    Reciprocity depends on coefficients alone: the vectors of pairs are opposite at both ends.

    Args:
      kind: of term.
      dims: D.

    >>> from jaxsym.terms import KINDS
    >>> sorted(broken_by(KINDS["magnetic"], 2)), sorted(broken_by(KINDS["central"], 2))
    (['Galilean', 'reflection'], [])
    """
    found = set()
    if not turns_with(kind, _rotation(dims)):
        found.add("rotation")
    if not turns_with(kind, np.diag([*[1.0] * (dims - 1), -1.0])[::-1, ::-1]):
        found.add("reflection")
    if not kind.between:
        found |= {"translation"} if kind.powers[0] else set()
        found |= {"Galilean"} if kind.powers[1] else set()
    return frozenset(found)


def symmetries_of(
    law: ParticleLaw,
    inputs: Float[np.ndarray, "K V"],
    loss_of: Callable[[ParticleLaw], tuple[float, int]] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Symmetry, ...]:
    """Symmetries of a law.

    Args:
      law: the equations.
      inputs: `VARIABLES` of pairs in the data.
      loss_of: fits a law to the data: its mean squared residual and how many independent numbers
        were fitted; None to tell the terms alone.
      names: of kinds of terms that may occur; all by default.
    """
    base = None if loss_of is None else loss_of(law)
    found = []
    for name in SYMMETRIES:
        breaking = _breaking(law, name, inputs)
        ratio = None
        if base is not None and loss_of is not None:
            ratio = _ratio(law, name, breaking, base, loss_of, names)
        told = ", ".join(term.name for term in breaking) or "no term breaks it"
        found.append(Symmetry(name, not breaking, told, ratio))
    return tuple(found)


def _breaking(law: ParticleLaw, name: str, inputs: np.ndarray) -> list[Term]:
    if name == "reciprocity":
        return [term for term in law.pair_terms if not _reciprocal(term, law, inputs)]
    return [term for term in law.terms if name in broken_by(term.kind, law.dims)]


def _reciprocal(term: Term, law: ParticleLaw, inputs: np.ndarray) -> bool:
    """Whether the force on 2 by 1 is the opposite, for the bodies of the data."""
    columns = [VARIABLES.index(name) for name in ("r", "m2", "m1", "q2", "q1")]
    tables = inputs, inputs[:, columns]
    here, there = (
        term.coefficient.evaluate(table, VARIABLES)
        * (table[:, 1] if law.order == 2 and not law.force else 1.0)
        for table in tables
    )
    return bool(np.allclose(here, there, rtol=_SAME, atol=0.0))


def _ratio(law, name, breaking, base, loss_of, names) -> float | None:
    """Logarithm of the likelihood ratio of the free against the constrained law."""
    loss, count = base
    if name == "reciprocity":
        return None
    if breaking:
        constrained = law
        for term in breaking:
            same = [t for t in constrained.terms if t.name == term.name]
            constrained = constrained.without(same[0])
        if not constrained.terms:
            return None
        return _nats(loss_of(constrained)[0], loss, count)
    trials = []
    for kind in kinds(names, law.dims, law.order):
        if name in broken_by(kind, law.dims):
            trials.append(loss_of(_with(law, kind))[0])
    return _nats(loss, min(trials), count) if trials else None


def _with(law: ParticleLaw, kind: Kind) -> ParticleLaw:
    return dataclasses.replace(law, further=(*law.further, Term(kind.name, constant(1e-3))))


def _nats(constrained: float, free: float, count: int) -> float:
    floor = np.finfo(float).tiny
    return float(count / 2 * np.log(max(constrained, floor) / max(free, floor)))


def _rotation(dims: int) -> Float[np.ndarray, "D D"]:
    """About no axis of the coordinates in space, by an angle that no symmetry of a square has."""
    generator = np.zeros((dims, dims))
    for place, (i, j) in enumerate(zip(*np.triu_indices(dims, 1), strict=True)):
        generator[i, j], generator[j, i] = 0.7 + 0.3 * place, -0.7 - 0.3 * place
    size = generator @ generator
    angle = np.sqrt(-np.trace(size) / 2)
    return np.eye(dims) + np.sin(angle) / angle * generator + (1 - np.cos(angle)) / angle**2 * size
