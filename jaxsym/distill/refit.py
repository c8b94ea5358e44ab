"""Refit of every constant, and of unknown masses, through the whole model."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float
from scipy.optimize import least_squares

from jaxsym.distill.law import ParticleLaw, symbolic_network, with_parameters
from jaxsym.graphs import Snapshots, Topology, graph

_FAR = 1e6  # relative residuals are cut here: forms that diverge stay finite


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
    return np.maximum(size, 0.1 * np.where(usual > 0, usual, 1.0))


def refit(
    law: ParticleLaw,
    data: Snapshots,
    edges: Topology,
    *,
    log_mass: Float[np.ndarray, " N"] | None = None,
    steps: int = 100,
) -> Refit:
    """Least squares through the message, the node function and the sum between them, in float64.

    Gradients go through the whole model (forward mode, exact). The residual of each body is
    relative, see `error_scale`.

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
        fitted = problem.start
        if log_mass is not None:
            # first the constants that fit the masses as they are: both at once may run away
            fitted = problem.minimize(fitted, problem.among("coefficient"), steps)
        fitted = problem.minimize(fitted, np.ones(len(fitted), bool), steps)
        residual = problem.residual(fitted)
        found = problem.unravel(fitted)
        spread = _standard_errors(problem, fitted, residual)
    return Refit(
        with_parameters(law, found),
        None if log_mass is None else np.asarray(found["log_mass"]),
        float(np.sqrt(np.mean(residual**2))),
        np.asarray(problem.unravel(spread)["coefficient"]),
        len(residual),
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
        return float(np.sqrt(np.mean(problem.residual(problem.start) ** 2)))


def _problem(law, data, edges, log_mass) -> _Problem:
    apply, params = symbolic_network(law, masses=0 if log_mass is None else len(log_mass))
    if log_mass is not None:
        params["log_mass"] = np.asarray(log_mass, np.float64)
    return _Problem(apply, params, data, edges)


class _Problem:
    """Relative residuals of a symbolic network as a function of one flat vector."""

    def __init__(self, apply: Any, params: Any, data: Snapshots, edges: Topology):
        self.start, self.unravel = ravel_pytree(jax.tree.map(jnp.asarray, params))
        self.start = np.asarray(self.start)
        bodies = jax.tree.map(jnp.asarray, data.bodies)
        bodies = bodies._replace(
            **{
                name: getattr(bodies, name).astype(float)
                for name in ("position", "velocity", "mass", "charge")
            }
        )
        nodes = graph(bodies, edges)
        target = jnp.asarray(data.acceleration, float).reshape(-1, np.shape(data.acceleration)[-1])
        scale = jnp.asarray(error_scale(data)).reshape(-1, 1)

        def residual(flat):
            predicted = apply(self.unravel(flat), nodes).acceleration
            relative = ((predicted - target) / scale).ravel()
            return jnp.clip(jnp.nan_to_num(relative, nan=_FAR), -_FAR, _FAR)

        self._residual = jax.jit(residual)
        self._jacobian = jax.jit(jax.jacfwd(residual))

    def residual(self, flat: np.ndarray) -> np.ndarray:
        return np.asarray(self._residual(flat))

    def jacobian(self, flat: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.asarray(self._jacobian(flat)), posinf=0.0, neginf=0.0)

    def among(self, name: str) -> np.ndarray:
        """Which entries of the flat vector belong to a part of the parameters."""
        parts = self.unravel(self.start)
        chosen = {key: jnp.full_like(part, key == name) for key, part in parts.items()}
        return np.asarray(ravel_pytree(chosen)[0]) > 0

    def minimize(self, start: np.ndarray, free: np.ndarray, steps: int) -> np.ndarray:
        """Least squares over the free entries."""
        if not np.any(free):
            return start

        def full(part):
            flat = start.copy()
            flat[free] = part
            return flat

        return full(
            least_squares(
                lambda part: self.residual(full(part)),
                start[free],
                lambda part: self.jacobian(full(part))[:, free],
                x_scale="jac",
                ftol=1e-14,
                xtol=1e-14,
                gtol=1e-14,
                max_nfev=steps,
            ).x
        )


def _standard_errors(problem: _Problem, flat: np.ndarray, residual: np.ndarray) -> np.ndarray:
    if not len(flat):
        return flat
    jacobian = problem.jacobian(flat)
    norms = np.linalg.norm(jacobian, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    _, singular, rows = np.linalg.svd(jacobian / norms, full_matrices=False)
    inverse = (rows**2 / np.maximum(singular[:, None], 1e-10) ** 2).sum(0)
    return np.sqrt(np.mean(residual**2) * inverse) / norms
