"""Refit of every constant, and of unknown masses, through the whole model."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from jaxsym._programs import bounded_jit
from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.pair_forces import LEAST_OF_USUAL
from jaxsym.expr.fitting.errors import standard_errors
from jaxsym.expr.fitting.levenberg_marquardt import Point, levenberg_marquardt
from jaxsym.graphs import Bodies, Snapshots, Topology, graph
from jaxsym.laws.particle_law import ParticleLaw, with_parameters
from jaxsym.laws.programs import LawProgram, law_program, program_network
from jaxsym.laws.thresholds import threshold_slots

_FAR = 1e6  # relative residuals are cut here: forms that diverge stay finite
# how far, by logarithm, thresholds are tried around their last place
_REACHES = (1.5, 0.1, 0.02, 0.004)
_TRIALS = 61
_BETWEEN = 10  # evaluations of a fit between two grids


class Refit(NamedTuple):
    """A law substituted for the network and fitted to the data.

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

    The usual one is the median of the times when anything moves the body; 1 if nothing ever does.

    Args:
      data: snapshots; bodies are told apart by their place in them.

    >>> from jaxsym.graphs import Bodies
    >>> bodies = Bodies(*(np.zeros((4, 1, 1)),) * 2, *(np.ones((4, 1)),) * 3)
    >>> error_scale(Snapshots(bodies, np.array([0.0, 0.0, 0.0, 2.0]).reshape(4, 1, 1))).ravel()
    array([0.2, 0.2, 0.2, 2. ])
    """
    size = np.linalg.norm(np.asarray(data.acceleration, np.float64), axis=-1)
    moved = np.ma.masked_equal(size, 0.0)
    usual = np.ma.median(moved, axis=0).filled(1.0)
    return np.maximum(size, LEAST_OF_USUAL * usual)


@implicit_broadcasting()
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
        problem = _Residuals(law, data, edges, log_mass)
        start = problem.start
        if log_mass is not None:
            # first the constants that fit the masses as they are: both at once may run away
            start = problem.minimize(start, problem.among("coefficient"), steps).constants
        point = problem.minimize(start, problem.used, steps)
        thresholds = np.flatnonzero(problem.among("coefficient"))[threshold_slots(law.coefficient)]
        for place in thresholds:
            point = problem.placed(point, place, steps)
        errors = problem.standard_errors(point)
        errors[thresholds] = _REACHES[-1] * np.abs(np.asarray(point.constants))[thresholds]
        found = problem.parameters(point.constants)
        return Refit(
            with_parameters(law, found),
            found.get("log_mass"),
            float(np.sqrt(point.loss)),
            problem.parameters(errors)["coefficient"],
            problem.residuals,
        )


@implicit_broadcasting()
def rms_relative_error(
    law: ParticleLaw, data: Snapshots, edges: Topology, log_mass: Float[np.ndarray, " N"] | None
) -> float:
    """Root mean square of the relative residuals of a law as it is.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import snapshots, topology
    >>> from jaxsym.simulate import particles
    >>> spring = particles("spring", bodies=2, dims=2, softening=0.0)
    >>> data = snapshots(spring.simulate(jax.random.key(0), trajectories=4, steps=5))
    >>> law = ParticleLaw(parse("2*(r - 1)/r"), True, 2)
    >>> rms_relative_error(law, data, topology(2), None) < 1e-5
    True
    """
    with jax.enable_x64(True):
        problem = _Residuals(law, data, edges, log_mass)
        return float(np.sqrt(problem.losses(problem.start[None])[0]))


def in_double(bodies: Bodies) -> Bodies:
    """The bodies in float64; to be called where that is enabled."""
    numbers = jax.tree.map(lambda a: jnp.asarray(a, float), bodies)
    return numbers._replace(label=jnp.asarray(bodies.label))


class _Residuals:
    """Relative residuals of a law in the model as a function of one flat vector."""

    def __init__(
        self,
        law: ParticleLaw,
        data: Snapshots,
        edges: Topology,
        log_mass: Float[np.ndarray, " N"] | None,
    ):
        program, params, used = law_program(law)
        if log_mass is not None:
            params["log_mass"] = np.asarray(log_mass, np.float64)
            used["log_mass"] = np.ones(len(log_mass), bool)
        self._parts = used
        self.used = np.asarray(ravel_pytree(used)[0])
        self.start = ravel_pytree(jax.tree.map(jnp.asarray, params))[0]
        bodies = in_double(data.bodies)
        target = jnp.asarray(data.acceleration, float).reshape(-1, np.shape(data.acceleration)[-1])
        scale = jnp.asarray(error_scale(data)).reshape(-1, 1)
        self.residuals = target.size
        self._task = _Task(program, params, graph(bodies, edges), target, scale)
        self._third_law = log_mass is not None and law.force

    def losses(self, trials: Float[Array, "T P"]) -> Float[Array, " T"]:
        """Mean squares of the residuals at each of some flat vectors."""
        return _losses(self._third_law, self._task, trials)

    def among(self, name: str) -> Bool[np.ndarray, " P"]:
        """Which entries of the flat vector are a part of the parameters, and in use."""
        parts = {key: part & (key == name) for key, part in self._parts.items()}
        return np.asarray(ravel_pytree(parts)[0])

    def parameters(self, flat: Array | np.ndarray) -> dict[str, np.ndarray]:
        """The parameters that are in use, by name."""
        ends = np.cumsum([0, *(len(part) for _, part in sorted(self._parts.items()))])
        named = zip(sorted(self._parts), ends, ends[1:], strict=False)
        values = np.asarray(flat)
        return {name: values[a:b][self._parts[name]] for name, a, b in named}

    def minimize(self, start: Array, free: Bool[np.ndarray, " P"], steps: int) -> Point:
        """Least squares over the free entries."""
        return _minimize(self._third_law, self._task, free, start, steps)

    def placed(self, point: Point, place: int, steps: int) -> Point:
        """The point with one entry at the best of ever finer grids and all others fitted to it."""
        for reach in _REACHES:
            factors = jnp.exp(reach * jnp.linspace(-1.0, 1.0, _TRIALS))
            trials = jnp.tile(point.constants, (_TRIALS, 1)).at[:, place].multiply(factors)
            best = trials[jnp.argmin(self.losses(trials))]
            point = self.minimize(best, self.used, _BETWEEN)
        return self.minimize(point.constants, self.used, steps)

    def standard_errors(self, point: Point) -> Float[np.ndarray, " P"]:
        """Of the entries in use; zero for the others."""
        errors = np.zeros(len(self.used))
        curvature = np.asarray(point.curvature)[np.ix_(self.used, self.used)]
        errors[self.used] = standard_errors(curvature, float(point.loss) / self.residuals)
        return errors


class _Task(NamedTuple):
    """Everything that a fit depends on: arguments, so that the compiled functions serve all fits.

    Attributes:
      law: as data.
      params: whose shapes the flat vector has.
      nodes: the snapshots as a graph.
      target: accelerations.
      scale: what their errors are measured against.
    """

    law: LawProgram
    params: dict[str, Any]
    nodes: jraph.GraphsTuple
    target: Float[Array, "K D"]
    scale: Float[Array, "K 1"]


def _residual(third_law: bool, task: _Task, flat: Array) -> Array:
    params = ravel_pytree(task.params)[1](flat)
    predicted = program_network(task.law, params, third_law, task.nodes).acceleration
    relative = ((predicted - task.target) / task.scale).ravel()
    return jnp.clip(jnp.nan_to_num(relative, nan=_FAR), -_FAR, _FAR)


def _linearize(third_law: bool, task: _Task, free: Array, flat: Array) -> Point:
    def twice(flat: Array) -> tuple[Array, Array]:
        residual = _residual(third_law, task, flat)
        return residual, residual

    slopes, values = jax.jacfwd(twice, has_aux=True)(flat)
    slopes = jnp.where(free, jnp.nan_to_num(slopes, posinf=0.0, neginf=0.0), 0.0)
    mean = lambda a, b: a.T @ b / len(values)  # noqa: E731
    return Point(flat, mean(values, values), mean(slopes, slopes), mean(slopes, values))


@bounded_jit(static_argnums=0)
def _minimize(third_law: bool, task: _Task, free: Array, start: Array, steps: int) -> Point:
    return levenberg_marquardt(partial(_linearize, third_law, task, free), start, steps)


@bounded_jit(static_argnums=0)
def _losses(third_law: bool, task: _Task, trials: Array) -> Array:
    return jax.lax.map(lambda flat: jnp.mean(_residual(third_law, task, flat) ** 2), trials)
