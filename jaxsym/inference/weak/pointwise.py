"""What forces act where rates are given: the terms of weak forms, fitted to snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxsym.inference.weak.choice import choose_groups
from jaxsym.inference.weak.profiles import WeakTerm, profile_places, term_of
from jaxsym.inference.weak.regression import Chosen
from jaxsym.inference.weak.terms import Particles, body_groups, nearest_image, pair_groups
from jaxsym.terms import kinds

# Of a rate: what splines are off by that are to follow functions of distance. Less counts as none.
SPLINE_ERROR = 1e-3


class RateSnapshots(NamedTuple):
    """S moments of N bodies, and the rates that terms are to add up to.

    Attributes:
      position: in D coordinates.
      velocity: of the bodies.
      rate: accelerations, or velocities in motion of first order.
      scale: what errors of a body's rate are measured against.
      mass: None where unknown.
      charge: None where there is none.
      pairs: ordered pairs (acted on, acting).
    """

    position: Float[np.ndarray, "S N D"]
    velocity: Float[np.ndarray, "S N D"]
    rate: Float[np.ndarray, "S N D"]
    scale: Float[np.ndarray, "S N"]
    mass: Float[np.ndarray, "S N"] | None
    charge: Float[np.ndarray, "S N"] | None
    pairs: Int[np.ndarray, "E 2"]


class PointwiseTerms(NamedTuple):
    """The terms, and what they leave.

    Attributes:
      terms: in the order in which they entered.
      error: usual relative error of the rates that they make.
    """

    terms: list[WeakTerm]
    error: float


def pointwise_terms(
    data: RateSnapshots, *, order: int = 2, terms: Sequence[str] | None = None
) -> PointwiseTerms:
    """Read terms and their functions of distance from rates, as `weak_profiles` from positions.

    Args:
      data: snapshots with rates.
      order: 2 if the rates are accelerations, 1 if velocities.
      terms: names of kinds of terms that may occur; all by default.

    Raises:
      ValueError: unknown names.

    >>> rng = np.random.default_rng(0)
    >>> x, v = rng.normal(size=(2, 300, 2, 2))
    >>> d = x[:, ::-1] - x
    >>> data = RateSnapshots(x, v, 2.0 * d - 0.5 * v, np.ones((300, 2)), None, None,
    ...                      np.array([[0, 1], [1, 0]]))
    >>> found = pointwise_terms(data)
    >>> sorted(term.vector for term in found.terms), found.error < 1e-3
    (['central', 'drag'], True)
    """
    bodies, dims = data.position.shape[1:]
    mass, charge = (None if x is None else x[None] for x in (data.mass, data.charge))
    particles = Particles(mass, charge, data.pairs, bodies, dims)
    acted_on, acting = data.pairs.T
    apart = nearest_image(data.position[:, acting] - data.position[:, acted_on], None)
    distance = np.linalg.norm(apart, axis=-1).ravel()
    known = kinds(terms, dims, order)
    of_pairs, spline = pair_groups(
        particles, distance, None, [kind.name for kind in known if kind.between], order
    )
    groups = of_pairs + body_groups(
        particles, None, [kind.name for kind in known if not kind.between]
    )
    states = [x.reshape(len(x), -1) for x in (data.position, data.velocity)]
    weight = np.repeat(1.0 / (SPLINE_ERROR * data.scale), dims, axis=1).ravel()
    tables = [
        group.design(0, *states).reshape(len(weight), -1) * weight[:, None] for group in groups
    ]
    target = data.rate.ravel() * weight
    entries, chi2 = choose_groups(tables, target, [group.choices for group in groups])
    at = profile_places(distance)
    found = []
    for entry in entries:
        part = tables[entry.group] @ entry.coefficients
        share = float(np.median(np.abs(part)) / max(np.median(np.abs(target)), 1e-300))
        chosen = Chosen(
            groups[entry.group].name, entry.evidence, share, entry.coefficients, entry.covariance
        )
        found.append(term_of(chosen, spline, at))
    return PointwiseTerms(found, SPLINE_ERROR * float(np.sqrt(chi2)))
