"""What forces act in noisy motion, and their functions of distance with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxsym._check import require
from jaxsym.inference.noise import estimate_noise
from jaxsym.inference.weak.regression import Chosen, Series, WeakFit, weak_fit
from jaxsym.inference.weak.splines import DistanceSpline
from jaxsym.inference.weak.terms import Particles, body_groups, nearest_image, pair_groups
from jaxsym.terms import kinds

_POINTS = 60  # at which a profile is told
_OUTERMOST = 0.005  # share of the distances at either end where it is not told


class WeakTerm(NamedTuple):
    """A term of the equation of motion: vector times factor times a function of distance.

    Attributes:
      vector: name in `PAIR_VECTORS` or `BODY_VECTORS`.
      factor: of masses and charges, as text.
      evidence: for it, see `choose_groups`.
      share: usual size over that of the whole acceleration.
      distance: r at quantiles of the data's distances; empty for a body's term.
      size: f(r), or the one constant of a body's term.
      covariance: of these; its diagonal holds squared standard errors.
    """

    vector: str
    factor: str
    evidence: float
    share: float
    distance: Float[np.ndarray, " K"]
    size: Float[np.ndarray, " K"]
    covariance: Float[np.ndarray, "K K"]

    @property
    def error(self) -> Float[np.ndarray, " K"]:
        """Standard errors of ``size``."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def name(self) -> str:
        """Vector and factor."""
        return f"{self.vector} {self.factor}"


class WeakProfiles(NamedTuple):
    """The terms, and what they were read from.

    Attributes:
      terms: in the order in which they entered.
      chi2_per_row: about 1 where they explain the data.
      density: number of distances of samples in each interval between those of a profile.
      sigma: standard deviation of the noise, of each run, body and coordinate.
      fit: with the smoothed states.
      order: of the equation of motion.
    """

    terms: list[WeakTerm]
    chi2_per_row: float
    density: Float[np.ndarray, " K-1"]
    sigma: Float[np.ndarray, "R N D"]
    fit: WeakFit
    order: int = 2


def weak_profiles(
    time: Float[np.ndarray, " T"],
    position: Float[np.ndarray, "R T N D"],
    *,
    mass: Float[np.ndarray, "R N"] | None = None,
    charge: Float[np.ndarray, "R N"] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    sigma: float | Float[np.ndarray, "R N D"] | None = None,
    pair_kinds: Sequence[tuple[str, str]] | None = None,
    body_kinds: Sequence[tuple[str, str]] | None = None,
    lengths: Sequence[float] | None = None,
    box: float | None = None,
    order: int = 2,
    terms: Sequence[str] | None = None,
) -> WeakProfiles:
    """Read terms and their functions of distance from positions alone.

    Args:
      time: increasing, unevenly spaced as may be.
      position: NaN where a sample is missing.
      mass: None where unknown.
      charge: None where there is none.
      pairs: bodies that interact, in either direction; all by default.
      sigma: standard deviation of the noise; estimated by default.
      pair_kinds: vectors and factors that may occur, all by default.
      body_kinds: the same for bodies' own terms.
      lengths: of the windows; by default the data choose.
      box: length of a periodic box in which the nearest image of a body acts. Positions are those
        of continuous motion.
      order: 2 if terms add up to accelerations, 1 if to velocities.
      terms: names of kinds of terms that may occur (`jaxsym.terms`); all by default.

    Raises:
      ValueError: shapes that disagree, too few samples, a sigma that is not positive, unknown
        names.

    >>> import jax
    >>> from jaxsym.simulate import particles
    >>> system = particles("spring", bodies=2, dims=2, softening=0.0)
    >>> data = system.simulate(jax.random.key(0), trajectories=4, steps=60, dt=0.05)
    >>> rng = np.random.default_rng(0)
    >>> position = np.asarray(data.position) + 1e-3 * rng.normal(size=data.position.shape)
    >>> found = weak_profiles(np.arange(60) * 0.05, position, mass=np.asarray(data.mass))
    >>> [term] = found.terms
    >>> off = (term.size - 2.0 * (term.distance - 1.0)) / term.error
    >>> term.name, bool(np.sqrt(np.mean(off**2)) < 2.0)
    ('central 1/m1', True)
    """
    series, noise = series_of(time, position, sigma)
    bodies, dims = position.shape[2:]
    particles = Particles(mass, charge, ordered_pairs(position, pairs), bodies, dims, box)
    distance = distances(position, particles)
    distance = distance[np.isfinite(distance)]
    known = kinds(terms, dims, order)
    of_pairs, spline = pair_groups(
        particles, distance, pair_kinds, [kind.name for kind in known if kind.between], order
    )
    alone = [kind.name for kind in known if not kind.between]
    groups = of_pairs + body_groups(particles, body_kinds, alone)
    fit = weak_fit(series, groups, order=order, lengths=lengths)
    at = profile_places(distance)
    found = [term_of(one, spline, at) for one in fit.groups]
    density = np.histogram(distance, at)[0].astype(float)
    return WeakProfiles(found, fit.chi2_per_row, density, noise, fit, order)


def series_of(
    time: Float[np.ndarray, " T"],
    position: Float[np.ndarray, "R T N D"],
    sigma: float | Float[np.ndarray, "R N D"] | None,
) -> tuple[list[Series], Float[np.ndarray, "R N D"]]:
    """The runs, and their noise.

    Args:
      time, position, sigma: as in `weak_profiles`.

    Raises:
      ValueError: shapes that disagree, too few samples, a sigma that is not positive.
    """
    times = position.shape[1]
    require(
        time.shape == (times,),
        f"time has shape {time.shape}; expected ({times},), one for each time in position",
    )
    noise = _noise(time, position, sigma)
    return [Series(time, x, s) for x, s in zip(position, noise, strict=True)], noise


def ordered_pairs(
    position: Float[np.ndarray, "R T N D"], pairs: Sequence[tuple[int, int]] | None
) -> Int[np.ndarray, "E 2"]:
    """Pairs (acted on, acting) of bodies that interact, all by default.

    Args:
      position: of the bodies.
      pairs: that interact, in either direction.
    """
    if pairs is not None:
        return np.array([(i, j) for a, b in pairs for i, j in ((a, b), (b, a))])
    return np.stack(np.nonzero(~np.eye(position.shape[2], dtype=bool)), axis=1)


def distances(
    position: Float[np.ndarray, "R T N D"], particles: Particles
) -> Float[np.ndarray, "E R T"]:
    """Between the bodies of each pair; NaN where one is missing."""
    first, second = particles.pairs.T
    apart = nearest_image(position[:, :, first] - position[:, :, second], particles.box)
    return np.moveaxis(np.linalg.norm(apart, axis=-1), -1, 0)


def _noise(time, position, sigma) -> Float[np.ndarray, "R N D"]:
    runs, times, bodies, dims = position.shape
    shape = (runs, bodies, dims)
    if sigma is None:
        columns = np.moveaxis(position, 1, 0).reshape(times, -1)
        sigma = estimate_noise(time, columns).sigma.reshape(shape)
    sigma = np.asarray(sigma, np.float64)
    require(
        sigma.shape in ((), shape) and bool((sigma > 0).all()),
        f"sigma has shape {sigma.shape} and least value {sigma.min()}; "
        f"expected a positive number or an array of shape {shape} of them",
    )
    return np.broadcast_to(sigma, shape)


def profile_places(distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " K"]:
    """Distances at which profiles are told: quantiles of those of the data."""
    return np.quantile(distance, np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, _POINTS))


def term_of(chosen: Chosen, spline: DistanceSpline, distance: np.ndarray) -> WeakTerm:
    """A group that was chosen, its function of distance at these places."""
    vector, factor = chosen.name.rsplit(" ", 1)
    start = vector, factor, chosen.evidence, chosen.share
    if len(chosen.coefficients) == 1:
        return WeakTerm(*start, np.zeros(0), chosen.coefficients, chosen.covariance)
    pieces = spline.values(distance)
    covariance = pieces @ chosen.covariance @ pieces.T
    return WeakTerm(*start, distance, pieces @ chosen.coefficients, covariance)
