"""Whole systems fitted to the trajectories that they make."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxsym.expr import Expression
from jaxsym.inference import Observations, TrajectoryFit, fit_trajectories, observations
from jaxsym.odes.forms.candidates import formula_bits
from jaxsym.odes.forms.rows import variable_names
from jaxsym.odes.measured.series import TimeSeries
from jaxsym.odes.measured.states import FLOOR, States
from jaxsym.odes.systems.programs import interpolation, system_field

# Constants come from the rows, good to a few of their errors, and states from smoothing, good to
# about the noise: the loosest joints, which are for starts that know nothing, are left out.
LOOSENESS = (20.0, 2.0, 0.2, 1e-2, 1e-4, 1e-6)
# Most steps of a stage, the same in all of them, so that one function is compiled for all.
_ITERATIONS = 10
# Noise of a fit, of a state's deviation: motion is integrated in few steps, and errors of constants
# are told afterwards by what is really left.
_LEAST_NOISE = 1e-5
EXPLAINED = 2.0  # chi squared per degree of freedom
_MOST_SOFTENED = 1e4  # times the noise


class Problem(NamedTuple):
    """What systems are fitted to.

    Attributes:
      data: the samples.
      observed: the same, padded.
      states: where fits start.
      order: of the equations.
      variables: of right-hand sides.
    """

    data: TimeSeries
    observed: Observations
    states: Float[np.ndarray, "R T S"]
    order: int
    variables: tuple[str, ...]


def with_noise(problem: Problem, sigma: Sequence[np.ndarray]) -> Problem:
    """The same samples with other standard errors."""
    renewed = observations(problem.data.time, problem.data.values, sigma=list(sigma))
    return problem._replace(observed=problem.observed._replace(sigma=renewed.sigma))


class SystemFit(NamedTuple):
    """A system with constants that its trajectories determine.

    Attributes:
      equations: right-hand sides.
      fit: what the trajectories say, in units of the noise.
      slots: of the raveled constants, which each equation has.
      bits: description length of formulas, constants and misfit.
    """

    equations: tuple[Expression, ...]
    fit: TrajectoryFit
    slots: list[list[int]]
    bits: float

    @property
    def explained(self) -> bool:
        """Whether noise, whose size is an estimate, is about all that it leaves."""
        return self.fit.chi2_per_dof < EXPLAINED


def make_problem(
    data: TimeSeries, sigma: Sequence[np.ndarray], states: Sequence[States], order: int
) -> Problem:
    """Observations, padded, and where fits start."""
    least = np.maximum(_LEAST_NOISE * data.deviation, np.finfo(float).tiny)
    spread = [np.maximum(each, least) for each in sigma]
    observed = observations(data.time, data.values, sigma=spread, inputs=interpolation(data))
    most = observed.time.shape[1]
    starts = [np.hstack([s.value, s.rates[0]]) if order == 2 else s.value for s in states]
    padded = [np.pad(s, ((0, most - len(s)), (0, 0)), mode="edge") for s in starts]
    return Problem(data, observed, np.stack(padded), order, variable_names(data, order))


def fit_system(
    equations: Sequence[Expression],
    problem: Problem,
    *,
    softened: float = 1.0,
    seen: Bool[np.ndarray, "R T M"] | None = None,
) -> SystemFit:
    """Fit constants and first states to all samples.

    Args:
      equations: right-hand sides with constants where to start.
      problem: the samples.
      softened: how many times the noise the equations are expected to leave; joints are as much
        looser, so that equations that are wrong come to a fit as easily as the right ones.
      seen: which samples are fitted, all by default; the others are predicted.
    """
    field, constants, used = system_field(equations, problem.variables, problem.order)
    soft = float(np.clip(softened, 1.0, _MOST_SOFTENED))
    observed = problem.observed
    assert observed.sigma is not None
    sigma = observed.sigma
    if seen is not None:
        observed = observed._replace(present=observed.present & seen)
    fit = fit_trajectories(
        field,
        constants,
        observed.with_sigma(soft * sigma),
        order=problem.order,
        states=problem.states,
        free=used,
        looseness=LOOSENESS,
        iterations=_ITERATIONS,
    )
    fit = _in_units_of_noise(fit, soft)
    flat = np.asarray(fit.constants).ravel()
    slots = [np.flatnonzero(_row(used, m)).tolist() for m in range(len(equations))]
    new = tuple(
        e.with_constants(flat[where].tolist()) for e, where in zip(equations, slots, strict=True)
    )
    return SystemFit(new, fit, slots, system_bits(new, fit, len(problem.variables)))


def system_bits(equations: Sequence[Expression], fit: TrajectoryFit, variables: int) -> float:
    """Description length: half of chi squared, formulas, and half a logarithm for each number."""
    samples = int(np.isfinite(fit.residuals).sum())
    numbers = sum(len(e.constants) for e in equations)
    formulas = sum(formula_bits(e, variables) for e in equations)
    return fit.chi2 / (2 * math.log(2)) + formulas + numbers * math.log2(samples) / 2


def _row(used: np.ndarray, m: int) -> np.ndarray:
    """Of the raveled constants, those of one equation."""
    own = np.zeros_like(used)
    own[m] = used[m]
    return own.ravel()


def _in_units_of_noise(fit: TrajectoryFit, soft: float) -> TrajectoryFit:
    """A fit with softened errors, told in units of the noise itself."""
    return dataclasses.replace(
        fit, residuals=fit.residuals * soft, sigma=fit.sigma / soft, chi2=fit.chi2 * soft**2
    )


def with_less_noise(system: SystemFit) -> SystemFit:
    """A fit that leaves far less than the noise it was given, with errors of what it leaves.

    The last digits of integration and of files set a limit, `FLOOR`.
    """
    share = max(math.sqrt(system.fit.chi2_per_dof), FLOOR / _LEAST_NOISE)
    fit = dataclasses.replace(
        _in_units_of_noise(system.fit, 1 / share),
        covariance=system.fit.covariance * share**2,
        state_covariance=system.fit.state_covariance * share**2,
    )
    return system._replace(fit=fit)
