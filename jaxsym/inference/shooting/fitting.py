"""`fit_trajectories`: the constants of a motion, with their errors, from what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.inference.shooting.motion import Observe, VectorField
from jaxsym.inference.shooting.results import TrajectoryFit
from jaxsym.inference.shooting.series import Observations
from jaxsym.inference.shooting.stages import LOOSENESS, Fit


@implicit_broadcasting()
def fit_trajectories(
    vector_field: VectorField,
    constants: Any,
    data: Observations,
    *,
    observe: Observe | None = None,
    order: int = 1,
    states: Float[ArrayLike, "R T S"] | None = None,
    free: Any = None,
    huber: float | None = None,
    method: str = "dop853",
    looseness: Sequence[float] = LOOSENESS,
    intervals: int | None = None,
    iterations: int = 40,
    segments: int = 0,
) -> TrajectoryFit:
    """Fit the constants and all first states of a motion to what was observed of it.

    Args:
      vector_field: ``f(constants, state [S], time, inputs) -> d state / dt [S]`` in `jax.numpy`.
        Data of its own may come in a `jax.tree_util.Partial`, whose arrays are arguments of the
        compiled functions: laws of the same shapes are compiled once.
      constants: a pytree of numbers, where to start.
      data: made by `jaxsym.inference.shooting.series`. Without sigma, each column's is estimated.
      observe: ``(constants, state, time, inputs) -> [M]``; by default the first M components.
      order: 2 if the state is the measured columns and their velocities, 1 if it is the columns.
      states: where to start at the times of the data; needed with ``observe``, by default from
        polynomials through the data.
      free: a pytree of booleans like ``constants``: which are fitted; all by default.
      huber: standard errors beyond which a residual counts by its absolute value only.
      method: a name in `METHODS`.
      looseness: of the joints between segments, stage by stage, in units of the noise. The last
        stage's is how far the motion may depart from the vector field: leave it at 0.1 or so where
        a law is only nearly right.
      intervals: between samples in a segment; by default what makes some 40 segments a trajectory.
      iterations: most steps of each stage.
      segments: for each trajectory, as another fit had: fits to data of one shape and as many
        segments are compiled once. As many as fall out by default.

    Raises:
      ValueError: arguments that do not fit each other.

    >>> from jaxsym.inference import observations, second_order
    >>> time = np.linspace(0.0, 4.0, 41)
    >>> noise = 0.01 * np.random.default_rng(0).normal(size=41)
    >>> data = observations(time, (np.cos(2 * time) + noise)[:, None], sigma=0.01)
    >>> spring = second_order(lambda k, x, v, t, u: -k * x)
    >>> fit = fit_trajectories(spring, np.array(3.0), data, order=2)
    >>> bool(abs(fit.constants - 4) < 3 * fit.standard_errors), 0.5 < fit.chi2_per_dof < 1.5
    (True, True)
    """
    with jax.enable_x64(True):
        problem = Fit(vector_field, constants, data, observe, order, states, free, method)
        problem.intervals, problem.segments = intervals, segments
        return problem.run(tuple(looseness), np.inf if huber is None else huber, iterations)
