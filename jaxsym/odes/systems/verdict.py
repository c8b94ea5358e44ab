"""How well a system makes the motion again, and motion that its constants were not fitted to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxsym.odes.systems.fitting import Problem, SystemFit, fit_system

KEPT_OF_ONE = 0.75  # of a single trajectory; the rest is predicted
_KEPT_OF_LAST = 0.25  # of the last of several, which tells its first state
_OFF = 0.1  # of a state's deviation: a prediction that is off by more, beside noise, has ended
_NOISE = 3.0  # standard errors


class Errors(NamedTuple):
    """Of motion, not of rates.

    Attributes:
      reconstruction: R² of all samples, the motion starting from fitted first states.
      held_out: R² of samples that were held out: the last quarter of a single trajectory, or the
        last three quarters of the last of several. The form was chosen with them in sight; its
        constants and first states were fitted without. None for maps of too few samples.
      horizon: time from the beginning of what was held out until a state is off by a tenth of its
        standard deviation, besides three standard errors.
      horizon_is_whole: whether the prediction lasts to the end of the data.
    """

    reconstruction: float
    held_out: float | None
    horizon: float | None
    horizon_is_whole: bool | None


def motion_errors(system: SystemFit, problem: Problem) -> Errors:
    """Reconstruction by the fit, and prediction by a fit without the last samples."""
    observed = problem.observed
    seen = kept_samples(observed.lengths, observed.present.shape)
    hidden = observed.present & ~seen
    whole = r_squared(observed.value, system.fit.predicted, observed.present)
    if not hidden.any():
        return Errors(whole, None, None, None)
    again = fit_system(system.equations, problem, seen=seen)
    score = r_squared(observed.value, again.fit.predicted, hidden)
    until, lasts = _horizon(problem, again.fit.predicted, hidden)
    return Errors(whole, score, until, lasts)


def kept_samples(lengths: np.ndarray, shape: tuple[int, ...]) -> Bool[np.ndarray, "R T M"]:
    """Samples that constants are fitted to when others are to be predicted."""
    seen = np.ones(shape, bool)
    share = KEPT_OF_ONE if len(lengths) == 1 else _KEPT_OF_LAST
    seen[-1, max(2, round(share * int(lengths[-1]))) :] = False
    return seen


def r_squared(
    value: Float[np.ndarray, "R T M"],
    predicted: Float[np.ndarray, "R T M"],
    where: Bool[np.ndarray, "R T M"],
) -> float:
    """One minus the squared errors over the variances, averaged over the states.

    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> r_squared(x, x, np.ones(x.shape, bool))
    1.0
    """
    found = []
    for m in range(value.shape[2]):
        there = where[:, :, m]
        seen, shown = value[:, :, m][there], predicted[:, :, m][there]
        total = np.sum((seen - seen.mean()) ** 2) if len(seen) else 0.0
        if total > 0:
            left = np.sum((seen - shown) ** 2)
            found.append(1 - left / total if np.isfinite(left) else -np.inf)
    return float(np.mean(found)) if found else 1.0


def _horizon(problem: Problem, predicted, hidden) -> tuple[float, bool]:
    observed = problem.observed
    assert observed.sigma is not None
    allowed = _OFF * problem.data.deviation + _NOISE * observed.sigma
    off = np.abs(observed.value - predicted) > allowed
    wrong = np.flatnonzero((off & hidden)[-1].any(axis=1))
    within = np.flatnonzero(hidden[-1].any(axis=1))
    time = observed.time[-1]
    if not len(wrong):
        return float(time[within[-1]] - time[within[0] - 1]), True
    return float(time[wrong[0]] - time[within[0] - 1]), False
