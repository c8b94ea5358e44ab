"""`TrajectoryEvidence`: what measured trajectories say of a law that was fitted to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

# Of chi squared over its degrees of freedom: what independent residuals by the thousand leave is
# within a few percent of 1, and more is motion that the law does not explain.
EXPLAINED = 1.1


class TermProfile(NamedTuple):
    """The leading function of distance as the weak form has it, in units of the data.

    Attributes:
      factor: of masses and charges, before the function.
      distance: r.
      size: f(r).
      error: standard errors of f.
    """

    factor: str
    distance: Float[np.ndarray, " K"]
    size: Float[np.ndarray, " K"]
    error: Float[np.ndarray, " K"]


@dataclass(frozen=True)
class TrajectoryEvidence:
    """Errors, misfit and predictions of a law, in units of the data and of the noise.

    Attributes:
      uncertainty: standard errors of the constants; zero for those that are exact.
      mass_uncertainty: standard errors of the masses, where they were unknown.
      sigma: standard errors of the measured coordinates.
      sigma_estimated: whether they were estimated.
      chi2: sum of squared residuals of the trajectories that were fitted and followed.
      dof: residuals less what was fitted.
      held_out_residual: root mean square of held-out residuals in standard errors.
      horizon: time until a prediction leaves three standard errors.
      predicted: time over which predictions could be tested.
      indistinguishable: laws that the data cannot tell from this one, in words.
      terms: of the weak form, with their shares of the acceleration.
      profile: what the pull is as a function of distance, without a formula; None without a pull.
      time: of the trajectories that were fitted.
      measured: their positions; NaN where a sample is missing.
      motion: the law's motion through them.
      residuals: measured minus predicted in standard errors.
      unfollowed: numbers of the trajectories near which the law has no motion, as where bodies
        meet too closely to be followed; they count neither for the constants nor in chi squared.
    """

    uncertainty: dict[str, float]
    sigma: Float[np.ndarray, "R N"]
    sigma_estimated: bool
    chi2: float
    dof: int
    held_out_residual: float | None
    horizon: float | None
    predicted: float | None
    indistinguishable: tuple[str, ...]
    terms: dict[str, float]
    profile: TermProfile | None
    time: Float[np.ndarray, " T"]
    measured: Float[np.ndarray, "R T N D"]
    motion: Float[np.ndarray, "R T N D"]
    residuals: Float[np.ndarray, "R T N D"]
    mass_uncertainty: Float[np.ndarray, " N"] | None = None
    unfollowed: tuple[int, ...] = ()

    @property
    def chi2_per_dof(self) -> float:
        """About 1 for a law that holds."""
        return self.chi2 / max(self.dof, 1)

    @property
    def noise(self) -> dict[str, Any]:
        """The usual standard error of a coordinate, and whether it was estimated."""
        return {"sigma": float(np.median(self.sigma)), "estimated": self.sigma_estimated}

    def to_json(self) -> dict[str, Any]:
        """What the result object says of it."""
        return {
            "uncertainty": self.uncertainty,
            "noise": self.noise,
            "chi2_per_dof": self.chi2_per_dof,
            "held_out": {
                "residual_in_sigma": self.held_out_residual,
                "prediction_horizon": self.horizon,
                "predicted_for": self.predicted,
            },
            "indistinguishable": list(self.indistinguishable),
            "terms": self.terms,
            "unfollowed_trajectories": list(self.unfollowed),
        }
