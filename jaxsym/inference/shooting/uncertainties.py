"""Errors of constants and first states, and directions that the data do not determine."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsym._programs import bounded_jit
from jaxsym.inference.shooting.chains import Eliminated, state_covariances
from jaxsym.inference.shooting.linearization import Linear, factorize
from jaxsym.inference.shooting.motion import PROGRAMS
from jaxsym.inference.shooting.objective import Task

_TRACE = 1e-9  # damping of the covariance, in units of one standard error
_SINGULAR = 1e-7  # of the constants' singular values, the greatest being 1


def uncertainties(task: Task, linear: Linear):
    """Covariance of the constants, undetermined directions, covariance of the first states, rank.

    Directions in the constants whose singular value is below `_SINGULAR` are undetermined: the
    constants that take part in them get infinite variances.
    """
    # a trace of damping: what no data determine gets a great but finite variance
    factors = _factors(task, linear, jnp.asarray(_TRACE**2))
    units, free = np.asarray(linear.units), np.asarray(task.free)
    triangle = np.asarray(factors.constants)[:-1, :-1]
    triangle = triangle[:, free]
    size = np.linalg.norm(triangle, axis=0)
    # columns that hold no more than the trace of damping keep their smallness
    size = np.where(size > 10 * _TRACE, size, 1.0)
    _, values, axes = np.linalg.svd(triangle / size, full_matrices=False)
    open_ = values <= _SINGULAR
    inverse = np.where(open_, 0.0, 1 / np.where(open_, 1.0, values))
    root = (axes.T * inverse) / size[:, None]
    scaled = np.zeros((len(free), len(free)))
    scaled[np.ix_(free, free)] = root @ root.T
    states, _ = _state_covariances(factors, jnp.asarray(scaled))
    covariance = scaled * np.outer(units, units)
    undetermined = np.zeros((int(open_.sum()), len(free)))
    undetermined[:, free] = axes[open_]
    lost = np.flatnonzero((np.abs(undetermined) > 1e-3).any(axis=0))
    covariance[lost, lost] = np.inf
    first = np.asarray(states)[:, 0] * np.outer(task.scale, task.scale)
    return covariance, undetermined, first, int((~open_).sum())


def promised_gain(task: Task, linear: Linear) -> float:
    """How much a full step would lower the sum of squares if the problem were linear.

    Nothing is promised by directions that the data do not determine.
    """
    factors = _factors(task, linear, jnp.asarray(_SINGULAR**2))
    residuals, ties = linear.chains.rows[..., -1], linear.chains.ties[..., -1]
    total = jnp.sum(residuals**2) + jnp.sum((linear.stiffness * ties) ** 2)
    return float(total - factors.constants[-1, -1] ** 2)


@bounded_jit(shapes=PROGRAMS)
def _factors(task: Task, linear: Linear, damping: Array) -> Eliminated:
    return factorize(task, linear, damping, jnp.zeros_like(linear.costs))


_state_covariances = bounded_jit(shapes=PROGRAMS)(state_covariances)
