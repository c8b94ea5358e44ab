"""Terms of every kind as groups of columns: a vector of `jaxsym.terms` times a factor.

A pair's term has a function of distance before it, a body's term a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxsym.expr import parse
from jaxsym.inference.weak.regression import Group
from jaxsym.inference.weak.splines import DistanceSpline
from jaxsym.inference.weak.tables import Jacobians
from jaxsym.terms import KINDS, Kind
from jaxsym.terms import kinds as known_kinds

_ALIKE = 1.0 - 1e-9  # cosine between factors that are multiples of one another
_PIECES = 16  # with as many samples each, of the finest of splines
_STRIDES = (1, 2, 4)  # that make the coarser ones; the data choose
_STEP = 1e-4  # of the finite differences, relative to distance and speed

PAIR_VECTORS = tuple(kind.name for kind in KINDS.values() if kind.between)
BODY_VECTORS = tuple(kind.name for kind in KINDS.values() if not kind.between)

# accelerations grow with them; simplest first, as the first of several that are alike is kept
PAIR_FACTORS = ("1", "1/m1", "m2", "m2/m1", "m2**2/m1", "q1*q2", "q1*q2/m1")
# of velocities: bodies yield by a mobility 1/m1, if at all, and stir by strengths of their own
FIRST_ORDER_PAIR_FACTORS = ("1", "1/m1", "m2", "q2", "q1*q2", "q1*q2/m1")
BODY_FACTORS = ("1", "1/m1", "q1", "q1/m1")


class Particles(NamedTuple):
    """What the bodies of R runs are.

    Attributes:
      mass: None where unknown. ``[1, Q, N]`` for a run of Q snapshots with masses of their own.
      charge: None where there is none; likewise.
      pairs: ordered pairs (acted on, acting).
      bodies: N.
      dims: D.
      box: length of a periodic box, in which the nearest image of a body acts; None without.
    """

    mass: Float[np.ndarray, "R N"] | None
    charge: Float[np.ndarray, "R N"] | None
    pairs: Int[np.ndarray, "E 2"]
    bodies: int
    dims: int
    box: float | None = None


def nearest_image(
    displacement: Float[np.ndarray, "... D"], box: float | None
) -> Float[np.ndarray, "... D"]:
    """Displacements to the nearest image in a periodic box.

    Args:
      displacement: between bodies.
      box: length of its edges; None for no box.

    >>> nearest_image(np.array([4.0, -1.0]), 6.0).tolist()
    [-2.0, -1.0]
    """
    return displacement if box is None else displacement - box * np.round(displacement / box)


def pair_groups(
    particles: Particles,
    distance: Float[np.ndarray, " n"],
    kinds: Sequence[tuple[str, str]] | None = None,
    names: Sequence[str] = PAIR_VECTORS,
    order: int = 2,
) -> tuple[list[Group], DistanceSpline]:
    """A group for each pair of a vector and a factor, and the spline that all share.

    Args:
      particles: the bodies.
      distance: sample of the distances between them, to place the pieces of splines.
      kinds: names in `PAIR_VECTORS` and factors; all by default.
      names: of the vectors that may occur.
      order: of the equation of motion.
    """
    known = PAIR_FACTORS if order == 2 else FIRST_ORDER_PAIR_FACTORS
    factors = _different(particles, known, pairs=True)
    kinds = [(v, f) for v in names for f in factors] if kinds is None else kinds
    spline, choices = _splines(distance)
    return [
        _pair_group(particles, spline, choices, vector, factor_values(particles, factor), name)
        for vector, factor in kinds
        for name in [f"{vector} {factor}"]
    ], spline


def groups_of_bodies(
    particles: Particles, distance: Float[np.ndarray, " n"], factor: str, end: int
) -> tuple[list[Group], DistanceSpline]:
    """Pulls along the line in which each body has a function of distance of its own.

    Args:
      particles: the bodies.
      distance: as in `pair_groups`.
      factor: before all of these functions.
      end: whose function it is: 0 for that of the body that is acted on, 1 of the acting one.
    """
    spline, choices = _splines(distance)
    factors = factor_values(particles, factor)
    owner = particles.pairs[:, end]
    return [
        _pair_group(particles, spline, choices, "central", factors * (owner == body), str(body))
        for body in range(particles.bodies)
    ], spline


def _splines(distance: np.ndarray) -> tuple[DistanceSpline, tuple[np.ndarray, ...]]:
    """The finest, and how the columns of each are made of its columns."""
    finest = DistanceSpline(distance, _PIECES)
    return finest, tuple(finest.coarser(finest.every(stride)) for stride in _STRIDES)


def body_groups(
    particles: Particles,
    kinds: Sequence[tuple[str, str]] | None = None,
    names: Sequence[str] | None = None,
) -> list[Group]:
    """A group of one column for each vector and factor; all by default, or those of the names."""
    factors = _different(particles, BODY_FACTORS, pairs=False)
    if names is None:
        names = [kind.name for kind in known_kinds(None, particles.dims) if not kind.between]
    kinds = [(v, f) for v in names for f in factors] if kinds is None else kinds
    return [_body_group(particles, vector, factor) for vector, factor in kinds]


def factor_values(particles: Particles, factor: str) -> Float[np.ndarray, "R E"]:
    """A factor of `PAIR_FACTORS` for each run and pair."""
    acted_on, acting = particles.pairs.T
    return _evaluated(particles, factor, {"1": acted_on, "2": acting})


def _evaluated(particles: Particles, factor: str, ends: dict[str, np.ndarray]) -> np.ndarray:
    names, columns = [], []
    for letter, values in (("m", particles.mass), ("q", particles.charge)):
        if values is not None:
            names += [letter + end for end in ends]
            columns += [values[..., index] for index in ends.values()]
    expression = parse(factor)
    if not expression.variables:
        known = [x.shape[:-1] for x in (particles.mass, particles.charge) if x is not None]
        return np.ones((*(known or [(1,)])[0], len(ends["1"])))
    table = np.stack(columns, axis=-1)
    return expression.evaluate(table.reshape(-1, len(names)), names).reshape(table.shape[:-1])


def _different(particles: Particles, factors: Sequence[str], *, pairs: bool) -> list[str]:
    """Those that can be had, without those that are multiples of earlier ones."""
    bodies = np.arange(particles.bodies)
    ends = dict(zip("12", particles.pairs.T, strict=True)) if pairs else {"1": bodies}
    have = {letter for letter, x in zip("mq", particles[:2], strict=True) if x is not None}
    kept: dict[str, np.ndarray] = {}
    for factor in factors:
        if not {name[0] for name in parse(factor).variables} <= have:
            continue
        values = _evaluated(particles, factor, ends).ravel()
        norm = np.linalg.norm(values)
        alike = [
            abs(values @ other) > _ALIKE * norm * np.linalg.norm(other) for other in kept.values()
        ]
        if norm > 0 and not any(alike):
            kept[factor] = values
    return list(kept)


def _pair_group(particles, spline, choices, vector, factors, name) -> Group:
    acted_on, acting = particles.pairs.T
    kind = KINDS[vector]

    def ends(x, v):
        x, v = (y.reshape(len(x), -1, particles.dims) for y in (x, v))
        apart = nearest_image(x[:, acting] - x[:, acted_on], particles.box)
        return apart, v[:, acting] - v[:, acted_on]

    def design(run: int, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        d, dv = ends(x, v)
        arms = _of_pairs(kind, d, dv) * _of_run(factors, run)[..., None]
        pieces = spline.values(np.linalg.norm(d, axis=-1))
        result = np.zeros((*x.shape, pieces.shape[-1])).reshape(
            len(x), -1, particles.dims, pieces.shape[-1]
        )
        for body in np.unique(acted_on):
            mine = acted_on == body
            result[:, body] = np.einsum("qed,qep->qdp", arms[:, mine], pieces[:, mine])
        return result.reshape(*x.shape, -1)

    def jacobians(run: int, x: np.ndarray, v: np.ndarray, coefficients: np.ndarray) -> Jacobians:
        d, dv = ends(x, v)

        def pull(d, dv):
            size = spline.values(np.linalg.norm(d, axis=-1)) @ coefficients
            return _of_pairs(kind, d, dv) * (size * _of_run(factors, run))[..., None]

        value = _derivative(lambda y: pull(y, dv), d)
        velocity = _derivative(lambda y: pull(d, y), dv)
        return Jacobians(*(_between(j, particles.pairs, x.shape[1]) for j in (value, velocity)))

    return Group(name, design, jacobians, choices)


def _body_group(particles, vector, factor) -> Group:
    bodies = np.arange(particles.bodies)
    factors = _evaluated(particles, factor, {"1": bodies})
    push = KINDS[vector].vector

    def own(run, x, v):
        x, v = (y.reshape(len(x), -1, particles.dims) for y in (x, v))
        return x, v, _of_run(factors, run)[..., None]

    def design(run: int, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        bodies_x, bodies_v, factor = own(run, x, v)
        return (push(bodies_x, bodies_v) * factor).reshape(*x.shape, 1)

    def jacobians(run: int, x: np.ndarray, v: np.ndarray, coefficients: np.ndarray) -> Jacobians:
        bodies_x, bodies_v, factor = own(run, x, v)
        value = _derivative(lambda y: push(y, bodies_v) * factor * coefficients, bodies_x)
        velocity = _derivative(lambda y: push(bodies_x, y) * factor * coefficients, bodies_v)
        return Jacobians(*(_on_diagonal(j, x.shape[1]) for j in (value, velocity)))

    return Group(f"{vector} {factor}", design, jacobians, (np.eye(1),))


def _of_pairs(kind: Kind, d: np.ndarray, dv: np.ndarray) -> np.ndarray:
    """The vector, of length 1 where it has that of the distance."""
    vector = kind.vector(d, dv)
    return vector / np.linalg.norm(d, axis=-1, keepdims=True) if kind.along else vector


def _of_run(factors: np.ndarray, run: int) -> np.ndarray:
    return factors[run if len(factors) > 1 else 0]


def _derivative(f: Callable[[np.ndarray], np.ndarray], y: np.ndarray) -> np.ndarray:
    """``[..., D, D]``: components of f, then of the argument, by central differences."""
    step = _STEP * (np.linalg.norm(y, axis=-1, keepdims=True) + np.finfo(float).tiny)
    columns = [
        (f(y + step * axis) - f(y - step * axis)) / (2.0 * step) for axis in np.eye(y.shape[-1])
    ]
    return np.stack(columns, axis=-1)


def _between(of_pairs: np.ndarray, pairs: np.ndarray, size: int) -> np.ndarray:
    """``[Q, C, C]`` of derivatives ``[Q, E, D, D]`` with respect to displacements."""
    times, _, dims, _ = of_pairs.shape
    bodies = size // dims
    result = np.zeros((times, bodies, bodies, dims, dims))
    for (acted_on, acting), part in zip(pairs, of_pairs.swapaxes(0, 1), strict=True):
        result[:, acted_on, acting] += part
        result[:, acted_on, acted_on] -= part
    return result.swapaxes(2, 3).reshape(times, size, size)


def _on_diagonal(of_bodies: np.ndarray, size: int) -> np.ndarray:
    times, bodies, dims, _ = of_bodies.shape
    result = np.zeros((times, bodies, dims, bodies, dims))
    for body in range(bodies):
        result[:, body, :, body] = of_bodies[:, body]
    return result.reshape(times, size, size)
