"""`TrajectoryFit`: what a fit of trajectories tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class TrajectoryFit:
    """What observations tell of the constants and of the motion.

    Attributes:
      constants: fitted, in the pytree of the start.
      covariance: of the raveled constants; infinite for those that the data do not determine, zero
        for those that were not free. Where chi2 exceeds dof it is widened by chi2/dof, as the
        Particle Data Group does with measurements that disagree (Navas et al. 2024, section 5.2.2).
      undetermined: directions in the raveled constants, each of length 1 in units of the constants'
        influence, along which nothing that was observed changes.
      time: of the observations.
      states: at these times.
      state_covariance: of the first states, widened likewise.
      predicted: what is observed of the states.
      residuals: observed minus predicted, in units of sigma; NaN where nothing was measured.
      weights: share of their full weight that robust fitting left to the residuals.
      sigma: standard errors of the observations, given or estimated.
      sigma_estimated: whether they were estimated from the fit.
      chi2: sum of the squared residuals of the trajectories that led.
      dof: residuals of these less what was fitted.
      led: trajectories that counted for the constants; no motion near their data was found for the
        others, as where bodies meet too closely to be followed.
      gap: the greatest distance at a joint of two segments, in units of the noise.
      iterations: Levenberg-Marquardt steps, all stages together.
      segments: of each trajectory, empty ones at the end included.
      converged: whether one more step promises to lower chi2 by less than 0.1.
    """

    constants: Any
    covariance: Float[np.ndarray, "P P"]
    undetermined: Float[np.ndarray, "Q P"]
    time: Float[np.ndarray, "R T"]
    states: Float[np.ndarray, "R T S"]
    state_covariance: Float[np.ndarray, "R S S"]
    predicted: Float[np.ndarray, "R T M"]
    residuals: Float[np.ndarray, "R T M"]
    weights: Float[np.ndarray, "R T M"]
    sigma: Float[np.ndarray, "R T M"]
    sigma_estimated: bool
    chi2: float
    dof: int
    led: Bool[np.ndarray, " R"]
    gap: float
    iterations: int
    segments: int
    converged: bool

    @property
    def chi2_per_dof(self) -> float:
        """About 1 for a law that holds and errors that are known."""
        return self.chi2 / max(self.dof, 1)

    @property
    def standard_errors(self) -> Any:
        """Of the constants, in their pytree."""
        return unravel_like(self.constants, np.sqrt(np.diag(self.covariance)))


def unravel_like(constants: Any, flat: Float[np.ndarray, " P"]) -> Any:
    """A flat vector in the pytree of the constants, in NumPy's float64."""
    with jax.enable_x64(True):
        unravel = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), constants))[1]
        return jax.tree.map(np.asarray, unravel(jnp.asarray(flat, float)))
