"""Pulls between bodies of unknown masses: a function of distance for each body.

Where masses are unknown, a pull is a function of distance times a number that each body has. It
enters linearly as a function of its own for each body, and the functions of bodies that differ in
strength alone are multiples of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.inference.weak.profiles import distances, ordered_pairs, series_of
from jaxsym.inference.weak.regression import weak_fit
from jaxsym.inference.weak.splines import DistanceSpline
from jaxsym.inference.weak.terms import Particles, body_groups, groups_of_bodies
from jaxsym.terms import kinds

ACTED_ON, ACTING = 0, 1
_POINTS = 40  # at which each body's function is told
_OUTERMOST = 0.005  # share of its distances at either end where it is not told


class BodyPull(NamedTuple):
    """A body's function of distance f, in ``a = factor f(r) d/r``.

    Attributes:
      distance: r at quantiles of the distances between this body and the others.
      size: f(r).
      covariance: of these.
    """

    distance: Float[np.ndarray, " K"]
    size: Float[np.ndarray, " K"]
    covariance: Float[np.ndarray, "K K"]


class BodyPulls(NamedTuple):
    """Pulls that differ from body to body.

    Attributes:
      end: whose function of distance it is: `ACTED_ON` or `ACTING`.
      factor: of charges, as text.
      pulls: for each body; None for one whose pull does not show.
      evidence: for all of them, see `choose_groups`.
      vector: of the kind of term.
      chi2_per_row: about 1 where they explain the data, with what bodies do alone.
    """

    end: int
    factor: str
    pulls: list[BodyPull | None]
    evidence: float
    vector: str = "central"
    chi2_per_row: float = 1.0


def body_pulls(
    time: Float[np.ndarray, " T"],
    position: Float[np.ndarray, "R T N D"],
    *,
    charge: Float[np.ndarray, "R N"] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    sigma: float | Float[np.ndarray, "R N D"] | None = None,
    box: float | None = None,
    order: int = 2,
) -> BodyPulls:
    """Read for each body how it pulls the others, or how it yields to their pull.

    The end for whose functions there is most evidence is chosen, and the factor. (Chi squared does
    not tell: rows count less where forces change fast with noisy positions, as wild functions do.)
    The bodies are the same in all runs.

    Args:
      time, position, charge, pairs, sigma, box: as in `weak_profiles`.
      order: of the equation of motion. In motion of first order nothing yields but to what acts,
        along the line or across it.

    Raises:
      ValueError: as in `weak_profiles`.

    >>> import jax
    >>> from jaxsym.simulate import particles
    >>> system = particles("r1", bodies=3, dims=2)
    >>> mass = np.tile(np.float32([1.0, 2.0, 4.0]), (4, 1))
    >>> state = system.initial(jax.random.key(0), 4)._replace(mass=mass)
    >>> data = system.rollout(state, steps=60, dt=0.02)
    >>> time, position = (np.asarray(a, np.float64) for a in (data.time, data.position))
    >>> found = body_pulls(time, position, sigma=1e-5)
    >>> found.end == ACTING, [pull is not None for pull in found.pulls]
    (True, [True, True, True])
    """
    series, _ = series_of(time, position, sigma)
    bodies, dims = position.shape[2:]
    particles = Particles(None, charge, ordered_pairs(position, pairs), bodies, dims, box)
    apart = distances(position, particles)
    usual = apart[np.isfinite(apart)]
    alone = [kind.name for kind in kinds(None, dims, order) if not kind.between]
    others = body_groups(particles, None, alone)

    def read(end: int, factor: str, vector: str = "central") -> BodyPulls:
        groups, spline = groups_of_bodies(particles, usual, factor, end, vector)
        fit = weak_fit(series, groups + others, order=order)
        chosen = {one.name: one for one in fit.groups}
        pulls = [
            _pull(chosen[str(body)], spline, apart[particles.pairs[:, end] == body])
            if str(body) in chosen
            else None
            for body in range(particles.bodies)
        ]
        evidence = sum(chosen[str(body)].evidence for body, pull in enumerate(pulls) if pull)
        return BodyPulls(end, factor, pulls, evidence, vector, fit.chi2_per_row)

    if order == 1:
        ways_of_acting = [read(ACTING, "1", vector) for vector in ("central", "across")]
        return min(ways_of_acting, key=lambda one: one.chi2_per_row)
    ways = [(ACTING, "1"), (ACTED_ON, "1")]
    if charge is not None:
        ways.append((ACTED_ON, "q1*q2"))
    return max((read(*way) for way in ways), key=lambda one: one.evidence)


def _pull(chosen, spline: DistanceSpline, apart: np.ndarray) -> BodyPull:
    known = apart[np.isfinite(apart)]
    at = np.quantile(known, np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, _POINTS))
    pieces = spline.values(at)
    covariance = pieces @ chosen.covariance @ pieces.T
    return BodyPull(at, pieces @ chosen.coefficients, covariance)
