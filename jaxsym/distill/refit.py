"""Refit of every constant, and of unknown masses, through the whole model."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from jaxsym.distill.law import ParticleLaw, symbolic_network, with_parameters
from jaxsym.distill.reading import LEAST_OF_USUAL
from jaxsym.distill.thresholds import threshold_slots
from jaxsym.expr.levenberg_marquardt import Point, levenberg_marquardt
from jaxsym.graphs import Bodies, Snapshots, Topology, graph

_FAR = 1e6  # relative residuals are cut here: forms that diverge stay finite
# how far, by logarithm, thresholds are tried around their last place
_REACHES = (1.5, 0.1, 0.02, 0.004)
_TRIALS = 61


class Refit(NamedTuple):
    """A law put back in the model and fitted to the data.

    Attributes:
      law: with its constants refitted.
      log_mass: logarithms of the masses, where they were unknown; else None.
      error: root mean square of the relative residuals.
      spread: standard errors of the pair law's constants.
      residuals: how many numbers were fitted.
    """

    law: ParticleLaw
    log_mass: Float[np.ndarray, " N"] | None
    error: float
    spread: Float[np.ndarray, " C"]
    residuals: int


def error_scale(data: Snapshots) -> Float[np.ndarray, "S N"]:
    """What errors are measured against: a body's acceleration now, or a part of its usual one.

    Args:
      data: snapshots; bodies are told apart by their place in them.
    """
    size = np.linalg.norm(np.asarray(data.acceleration, np.float64), axis=-1)
    usual = np.median(size, axis=0)
    return np.maximum(size, LEAST_OF_USUAL * np.where(usual > 0, usual, 1.0))


def refit(
    law: ParticleLaw,
    data: Snapshots,
    edges: Topology,
    *,
    log_mass: Float[np.ndarray, " N"] | None = None,
    steps: int = 60,
) -> Refit:
    """Least squares through the message, the node function and the sum between them, in float64.

    Gradients go through the whole model (forward mode, exact). The residual of each body is
    relative, see `error_scale`. Thresholds of conditionals, which no gradient moves, are tried on
    ever finer grids, with the other constants fitted again after each.

    Args:
      law: where to start.
      data: snapshots to fit.
      edges: of one snapshot; one edge a pair where masses are unknown.
      log_mass: start of the masses if they are unknown.
      steps: most evaluations.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import snapshots, topology
    >>> from jaxsym.simulate import particles
    >>> spring = particles("spring", bodies=2, dims=2, softening=0.0)
    >>> data = snapshots(spring.simulate(jax.random.key(0), trajectories=4, steps=5))
    >>> start = ParticleLaw(parse("1.5*(r - 1.2)/r"), True, 2)
    >>> [round(c, 3) for c in refit(start, data, topology(2)).law.coefficient.constants]
    [2.0, 1.0]
    """
    with jax.enable_x64(True):
        problem = _problem(law, data, edges, log_mass)
        if len(problem.start):
            start = problem.start
            if log_mass is not None:
                # first the constants that fit the masses as they are: both at once may run away
                start = problem.minimize(start, problem.among("coefficient"), steps).constants
            point = problem.minimize(start, jnp.ones(len(start), bool), steps)
        else:
            point = problem.at_start()
        thresholds = np.flatnonzero(problem.among("coefficient"))[threshold_slots(law.coefficient)]
        for place in thresholds:
            point = problem.placed(point, place, steps)
        errors = _standard_errors(point, problem.residuals)
        errors[thresholds] = _REACHES[-1] * np.abs(np.asarray(point.constants))[thresholds]
        found = problem.unravel(point.constants)
        spread = problem.unravel(jnp.asarray(errors))
        return Refit(
            with_parameters(law, found),
            None if log_mass is None else np.asarray(found["log_mass"]),
            float(np.sqrt(point.loss)),
            np.asarray(spread["coefficient"]),
            problem.residuals,
        )


def relative_error(
    law: ParticleLaw, data: Snapshots, edges: Topology, log_mass: Float[np.ndarray, " N"] | None
) -> float:
    """Root mean square of the relative residuals of a law as it is.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import snapshots, topology
    >>> from jaxsym.simulate import particles
    >>> spring = particles("spring", bodies=2, dims=2, softening=0.0)
    >>> data = snapshots(spring.simulate(jax.random.key(0), trajectories=4, steps=5))
    >>> law = ParticleLaw(parse("2*(r - 1)/r"), True, 2)
    >>> relative_error(law, data, topology(2), None) < 1e-5
    True
    """
    with jax.enable_x64(True):
        problem = _problem(law, data, edges, log_mass)
        return float(np.sqrt(problem.at_start().loss))


def in_double(bodies: Bodies) -> Bodies:
    """The bodies in float64; to be called where that is enabled."""
    numbers = jax.tree.map(lambda a: jnp.asarray(a, float), bodies)
    return numbers._replace(label=jnp.asarray(bodies.label))


def _problem(law, data, edges, log_mass) -> _Problem:
    apply, params = symbolic_network(law, masses=0 if log_mass is None else len(log_mass))
    if log_mass is not None:
        params["log_mass"] = np.asarray(log_mass, np.float64)
    return _Problem(apply, params, data, edges)


class _Problem:
    """Relative residuals of a symbolic network as a function of one flat vector."""

    def __init__(self, apply: Any, params: Any, data: Snapshots, edges: Topology):
        flat, self.unravel = ravel_pytree(jax.tree.map(jnp.asarray, params))
        self.start = jnp.asarray(flat, float)
        bodies = in_double(data.bodies)
        target = jnp.asarray(data.acceleration, float).reshape(-1, np.shape(data.acceleration)[-1])
        # as an argument, not a constant of the program: compiling is most of the work
        self.data = graph(bodies, edges), target, jnp.asarray(error_scale(data)).reshape(-1, 1)
        self.residuals = target.size

        def residual(flat, data):
            nodes, target, scale = data
            predicted = apply(self.unravel(flat), nodes).acceleration
            relative = ((predicted - target) / scale).ravel()
            cut = jnp.clip(jnp.nan_to_num(relative, nan=_FAR), -_FAR, _FAR)
            return cut, cut

        def linearize(free, data, flat):
            slopes, values = jax.jacfwd(residual, has_aux=True)(flat, data)
            slopes = jnp.where(free, jnp.nan_to_num(slopes, posinf=0.0, neginf=0.0), 0.0)
            mean = lambda a, b: a.T @ b / len(values)  # noqa: E731
            return Point(flat, mean(values, values), mean(slopes, slopes), mean(slopes, values))

        self._linearize = linearize
        self._losses = jax.jit(
            jax.vmap(lambda flat, data: jnp.mean(residual(flat, data)[0] ** 2), (0, None))
        )
        self._minimize = jax.jit(
            lambda start, free, steps, data: levenberg_marquardt(
                partial(linearize, free, data), start, steps
            )
        )

    def at_start(self) -> Point:
        """The problem at the parameters given."""
        everything = jnp.ones(len(self.start), bool)
        return jax.jit(self._linearize)(everything, self.data, self.start)

    def among(self, name: str) -> Bool[Array, " P"]:
        """Which entries of the flat vector belong to a part of the parameters."""
        parts = self.unravel(self.start)
        chosen = {key: jnp.full_like(part, key == name) for key, part in parts.items()}
        return ravel_pytree(chosen)[0] > 0

    def minimize(self, start: Array, free: Array, steps: int) -> Point:
        """Least squares over the free entries."""
        return self._minimize(start, free, steps, self.data)

    def placed(self, point: Point, place: int, steps: int) -> Point:
        """The point with one entry at the best of ever finer grids and all others fitted to it."""
        for reach in _REACHES:
            factors = jnp.exp(reach * jnp.linspace(-1.0, 1.0, _TRIALS))
            trials = jnp.tile(point.constants, (_TRIALS, 1)).at[:, place].multiply(factors)
            best = trials[jnp.argmin(self._losses(trials, self.data))]
            point = self.minimize(best, jnp.ones(len(best), bool), steps)
        return point


def _standard_errors(point: Point, residuals: int) -> Float[np.ndarray, " P"]:
    curvature = np.asarray(point.curvature)
    scale = np.sqrt(np.diag(curvature))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    inverse = (vectors**2 / np.maximum(values, 1e-14)).sum(1)
    return np.sqrt(float(point.loss) / residuals * inverse) / scale
