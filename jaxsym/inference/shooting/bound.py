"""The Cramer-Rao bound: what the data can tell of the constants, at the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym.inference.shooting.linearization import run_linearize
from jaxsym.inference.shooting.motion import Observe, VectorField
from jaxsym.inference.shooting.objective import weighting
from jaxsym.inference.shooting.results import unravel_like
from jaxsym.inference.shooting.series import Observations
from jaxsym.inference.shooting.stages import LOOSENESS, Fit
from jaxsym.inference.shooting.uncertainties import uncertainties


class Bound(NamedTuple):
    """Least errors that any unbiased estimate can have.

    Attributes:
      standard_errors: of the constants, in their pytree.
      covariance: of the raveled constants.
      state_covariance: of the first states.
    """

    standard_errors: Any
    covariance: Float[np.ndarray, "P P"]
    state_covariance: Float[np.ndarray, "R S S"]


def cramer_rao(
    vector_field: VectorField,
    constants: Any,
    data: Observations,
    states: Float[ArrayLike, "R T S"],
    *,
    observe: Observe | None = None,
    free: Any = None,
    method: str = "dop853",
) -> Bound:
    """The inverse of Fisher's information about constants and first states (Rao 1945).

    The Jacobian is that of `fit_trajectories`, at the true constants and motion. Noise is normal
    and independent, of the data's sigma; the measured values themselves play no part.

    Args:
      vector_field, observe, free, method: as in `fit_trajectories`.
      constants: the truth.
      data: times, what is present, and sigma.
      states: the true ones at these times.

    Raises:
      ValueError: data without sigma, or arguments that do not fit each other.

    >>> import jax.numpy as jnp
    >>> from jaxsym.inference import observations
    >>> time = np.linspace(0.0, 1.0, 11)
    >>> data = observations(time, np.zeros((11, 1)), sigma=0.1)
    >>> still = np.zeros((1, 11, 1))
    >>> bound = cramer_rao(lambda c, x, t, u: c + 0 * x, np.array(0.0), data, still)
    >>> line = 0.1 / np.sqrt(np.sum((time - 0.5) ** 2))  # the error of a fitted slope
    >>> bool(abs(bound.standard_errors / line - 1) < 1e-6)
    True
    """
    require(data.sigma is not None, "data has no sigma; expected the noise's standard errors")
    with jax.enable_x64(True):
        problem = Fit(vector_field, constants, data, observe, 1, states, free, method)
        problem.cut()
        stage = weighting(LOOSENESS[-1], runs=len(data.time))
        covariance, _, first, _ = uncertainties(
            problem.task, run_linearize(problem.task, problem.guess, stage)
        )
        errors = unravel_like(constants, np.sqrt(np.diag(covariance)))
        return Bound(errors, covariance, first)
