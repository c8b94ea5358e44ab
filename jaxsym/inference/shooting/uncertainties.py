"""Errors of constants and first states, and directions that the data do not determine."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.inference.shooting.chains import state_covariances
from jaxsym.inference.shooting.linearization import factorize, linearize
from jaxsym.inference.shooting.objective import Guess, Task, Weighting

_TRACE = 1e-9  # damping of the covariance, in units of one standard error
_SINGULAR = 1e-7  # of the constants' singular values, the greatest being 1


def uncertainties(task: Task, guess: Guess, weights: Weighting):
    """Covariance of the constants, undetermined directions, covariance of the first states, rank.

    Directions in the constants whose singular value is below `_SINGULAR` are undetermined: the
    constants that take part in them get infinite variances.
    """
    linear, factors = _factors(task, guess, weights)
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


@jax.jit
def _factors(task: Task, guess: Guess, weights: Weighting):
    linear = linearize(task, guess, weights)
    # a trace of damping: what no data determine gets a great but finite variance
    return linear, factorize(task, linear, jnp.asarray(_TRACE**2), jnp.zeros_like(linear.costs))


_state_covariances = jax.jit(state_covariances)
