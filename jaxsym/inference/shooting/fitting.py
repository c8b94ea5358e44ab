"""`fit_trajectories`: the constants of a motion, with their errors, from what was observed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxsym._check import finite, require, unknown_name
from jaxsym.inference.polynomials import local_polynomials
from jaxsym.inference.shooting.chains import state_covariances
from jaxsym.inference.shooting.levenberg_marquardt import (
    Guess,
    Task,
    Weighting,
    factorize,
    huber_weight,
    linearize,
    motions,
    run_costs,
    run_follow,
    run_search,
    weighting,
)
from jaxsym.inference.shooting.motion import METHODS, VectorField
from jaxsym.inference.shooting.segments import (
    Path,
    advance_intervals,
    count_steps,
    cut,
    round_up,
)
from jaxsym.inference.shooting.series import Observations

Observe = Callable[[Any, Array, Array, Any], Array]

# how loose the joints are in each stage, in units of the noise; the last is a whole motion: what
# a millionth of the noise at every joint adds up to is far below the noise of all data together
LOOSENESS = (300.0, 30.0, 3.0, 0.3, 0.03, 1e-3, 1e-6)
_ROBUST_UNTIL = 1.0  # joints looser than this go with Huber's weights: a start is no fit yet
_FOLLOWED_UNTIL = 0.1  # joints looser than this are tried from a filter's states as well
_HUBER = 3.0
_TRACE = 1e-9  # damping of the covariance, in units of one standard error
_SWEEPS = 3  # through all stages, while a trajectory has no motion near its data
_LAST_GAIN = 1e-3  # in the sum of squares, that ends the last stage
_NEAR = 2.0  # times the best quarter's sum of squares a trajectory may have and lead
_RECUT_AFTER = (30.0, 0.3)
_MOTION_ERROR = 0.05  # of a whole trajectory by its integration, in units of the noise
_SINGULAR = 1e-7  # of the constants' singular values, the greatest being 1
_SIGMA_ROUNDS, _SIGMA_SETTLED = 5, 0.01
_EXACT = 1e-10  # of a column's deviation: less noise than this is taken for rounding


@dataclass(frozen=True)
class TrajectoryFit:
    """What observations tell of the constants and of the motion.

    Attributes:
      constants: fitted, in the pytree of the start.
      covariance: of the raveled constants; infinite for those that the data do not determine, zero
        for those that were not free.
      undetermined: directions in the raveled constants, each of length 1 in units of the constants'
        influence, along which nothing that was observed changes.
      time: of the observations.
      states: at these times.
      state_covariance: of the first states.
      predicted: what is observed of the states.
      residuals: observed minus predicted, in units of sigma; NaN where nothing was measured.
      weights: share of their full weight that robust fitting left to the residuals.
      sigma: standard errors of the observations, given or estimated.
      sigma_estimated: whether they were estimated from the fit.
      chi2: sum of the squared residuals.
      dof: residuals less what was fitted.
      led: trajectories that counted for the constants; no motion near their data was found for the
        others, which count in chi2 all the same.
      gap: the greatest distance at a joint of two segments, in units of the noise.
      iterations: Levenberg-Marquardt steps, all stages together.
      converged: whether the last stage came to its end.
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


def as_argument(function: Callable) -> Partial:
    """A function as a pytree; one that is a pytree already stays as it is.

    A `Partial` of a `Partial` is a new function for every call, and would be compiled anew.
    """
    return function if isinstance(function, Partial) else Partial(function)


def second_order(
    acceleration: Callable[[Any, Array, Array, Array, Any], Array],
) -> VectorField:
    """The vector field of ``x'' = a(constants, x [M], v [M], time, inputs)``; the state is (x, v).

    >>> field = second_order(lambda k, x, v, t, u: -k * x)
    >>> field(4.0, jnp.array([1.0, 0.5]), 0.0, None).tolist()
    [0.5, -4.0]
    """
    return Partial(_second_order, as_argument(acceleration))


def _second_order(
    acceleration: Callable, constants: Any, state: Array, time: Array, inputs: Any
) -> Array:
    x, v = jnp.split(state, 2)
    return jnp.concatenate([v, acceleration(constants, x, v, time, inputs)])


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

    Raises:
      ValueError: arguments that do not fit each other.

    >>> from jaxsym.inference import observations
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
        problem.intervals = intervals
        return problem.run(tuple(looseness), np.inf if huber is None else huber, iterations)


class Fit:
    """A fit under way: the path so far, and the task that was made of it."""

    task: Task
    guess: Guess
    places: Places
    steps: int | None = None

    def __init__(self, field, constants, data, observe, order, states, free, method):
        require(order in (1, 2), f"order is {order}; expected 1 or 2")
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
        self.method = jax.tree.map(jnp.asarray, METHODS[method])
        self.template = jax.tree.map(lambda a: jnp.asarray(a, float), constants)
        flat, self.unravel = ravel_pytree(self.template)
        finite("constants", flat)
        self.constants = np.asarray(flat)
        self.free = _free(free, self.template)
        self.field = as_argument(field)
        self.observe = as_argument(observe or _first_columns(data.columns))
        self.inputs = jax.tree.map(lambda a: jnp.asarray(a, float), data.inputs)
        require(
            states is not None or observe is None,
            "states is None and observe is given; expected states to start from",
        )
        path = first_states(data, order) if states is None else np.array(states, float)
        require(
            path.ndim == 3 and path.shape[:2] == data.time.shape,
            f"states has shape {path.shape}; expected {(*data.time.shape, 'S')}",
        )
        self.intervals = None
        self.estimated = data.sigma is None
        self.most = 1e3 * (np.abs(path).max() or 1.0)
        self.paths = self.first_paths = self._first_paths(path, data)
        self.data = data.with_sigma(self._sigma_of(path, data)) if self.estimated else data
        self.scale = noise_scale(path, self.data)
        self.iterations = 0
        self.leads = np.ones(len(path), bool)

    def run(self, looseness, huber, iterations) -> TrajectoryFit:
        for _ in range(_SWEEPS):
            self.cut()
            found, weights = self.sweep(looseness, huber, iterations)
            if self.leads.all():
                break
            self.start_again()
        if self.estimated:
            for _ in range(_SIGMA_ROUNDS):
                if self.sigma_settled():
                    break
                found = self.relax(weights, _LAST_GAIN, iterations)
        return self.result(weights, bool(found.done & ~found.stuck | (found.damping < 1)))

    def sweep(self, looseness, huber, iterations):
        """All stages once; ends early while a trajectory stays far from its data."""
        for stage in looseness:
            limit = _HUBER if stage >= _ROBUST_UNTIL else np.inf
            weights = weighting(stage, min(limit, huber), _HUBER, self.leads)
            tolerance = _LAST_GAIN if stage == looseness[-1] else 1.0
            if stage >= _FOLLOWED_UNTIL or not self.leads.all():
                self.guess = run_follow(self.task, self.guess, weights)
            weights = weights._replace(leads=self.leading(weights))
            found = self.relax(weights, tolerance, iterations)
            if stage in _RECUT_AFTER:
                self.recut()
        return found, weights

    def start_again(self) -> None:
        """The constants found, with states from the data where no motion near them was found."""
        self.recut()
        self.paths = [
            now if leads else first
            for now, first, leads in zip(self.paths, self.first_paths, self.leads, strict=True)
        ]

    def leading(self, weights: Weighting) -> Bool[Array, " R"]:
        """Which trajectories are near enough to their data to count for the constants."""
        costs = np.asarray(run_costs(self.task, self.guess, weights))
        costs = costs / np.maximum(self.data.present.sum(axis=(1, 2)), 1)
        leads = costs <= _NEAR * max(np.quantile(costs, 0.25), 0.5)
        self.leads = leads
        return jnp.asarray(leads)

    def relax(self, weights: Weighting, tolerance: float, most: int):
        """One stage; the guess moves."""
        found = run_search(
            self.task, self.guess, weights, jnp.asarray(1e-2), jnp.asarray(tolerance), most
        )
        self.guess = found.guess
        self.iterations += int(found.iterations)
        return found

    def cut(self) -> None:
        """Segments for the paths as they are."""
        data = self.data
        gaps = np.diff(data.time, axis=1)
        at_samples = np.stack([p.at(t) for p, t in zip(self.paths, data.time, strict=True)])[:, :-1]
        constants = self.unravel(jnp.asarray(self.constants))

        def advance(steps: int) -> np.ndarray:
            return np.asarray(
                _advance(
                    self.field, self.method, constants, self.inputs,
                    at_samples, data.time[:, :-1], gaps, steps, self.most,
                )
            )  # fmt: skip

        tolerance = _MOTION_ERROR / data.time.shape[1] ** 2
        counts = count_steps(advance, gaps, self.scale, tolerance)
        if self.steps is None:
            most = data.time.shape[1] - 1
            intervals = self.intervals or max(4, -(-most // 40))
            usual = np.median(counts[gaps > 0])
            self.steps = round_up(int(np.ceil(intervals * usual)))
        segments, self.places = cut(data, counts, self.steps)
        starts = np.stack(
            [
                p.at(np.minimum(t, p.time[-1]))
                for p, t in zip(self.paths, segments.start, strict=True)
            ]
        )
        self.guess = Guess(jnp.asarray(self.constants), jnp.asarray(starts))
        self.task = Task(
            self.field, self.observe, self.method, jax.tree.map(jnp.asarray, segments),
            self.inputs, self.template, jnp.asarray(self.free), jnp.asarray(self.scale),
            jnp.asarray(self.most),
        )  # fmt: skip

    def recut(self) -> None:
        """Segments for the motion that was found."""
        self.constants = np.asarray(self.guess.constants)
        time, state, rate, _ = (np.asarray(a) for a in motions(self.task, self.guess))
        self.paths = [_path(*parts) for parts in zip(time, state, rate, strict=True)]
        self.cut()

    def sigma_settled(self) -> bool:
        """Estimates sigma anew from the residuals; whether it was right before."""
        before = self.data.sigma
        seen = self.places.gather(np.asarray(motions(self.task, self.guess)[3]))
        parameters = self.free.sum() + len(self.data.time) * len(self.scale)
        sigma = column_sigma(self.data, seen, parameters)
        ratio = np.where(self.data.present, sigma / before, 1.0)
        self.data = self.data.with_sigma(sigma)
        ratio_of_slots = self.task.segments.weight * _columns_ratio(before, self.data.sigma)
        self.task = self.task._replace(segments=self.task.segments._replace(weight=ratio_of_slots))
        return bool(np.all(np.abs(np.log(ratio)) < _SIGMA_SETTLED))

    def result(self, weights: Weighting, converged: bool) -> TrajectoryFit:
        data, task, guess = self.data, self.task, self.guess
        covariance, undetermined, first, rank = uncertainties(task, guess, weights)
        _, state, _, seen = (np.asarray(a) for a in motions(task, guess))
        at = np.asarray(task.segments.at)
        states = self.places.gather(np.take_along_axis(state, at[..., None], axis=2))
        predicted = self.places.gather(seen)
        residuals = np.where(data.present, (data.value - predicted) / data.sigma, np.nan)
        gaps = (np.asarray(guess.states)[:, 1:] - state[:, :-1, -1]) / self.scale
        chi2 = float(np.nansum(residuals**2))
        dof = int(data.present.sum() - rank - states.shape[0] * states.shape[2])
        return TrajectoryFit(
            constants=jax.tree.map(np.asarray, self.unravel(guess.constants)),
            covariance=covariance,
            undetermined=undetermined,
            time=data.time,
            states=states,
            state_covariance=first,
            predicted=predicted,
            residuals=residuals,
            weights=np.where(data.present, np.asarray(huber_weight(residuals, weights.huber)), 0.0),
            sigma=data.sigma,
            sigma_estimated=self.estimated,
            chi2=chi2,
            dof=dof,
            led=self.leads,
            gap=float(np.abs(gaps).max(initial=0.0)),
            iterations=self.iterations,
            converged=converged,
        )

    def _first_paths(self, states: np.ndarray, data: Observations) -> list[Path]:
        constants = self.unravel(jnp.asarray(self.constants))
        rates = np.asarray(_rates(self.field, constants, states, data.time, self.inputs))
        require(
            rates.shape == states.shape,
            f"vector_field gives shape {rates.shape[2:]} for states of shape {states.shape[2:]}; "
            "expected the same",
        )
        rates = np.nan_to_num(rates)
        return [
            Path(data.time[run, :n], states[run, :n], rates[run, :n])
            for run, n in enumerate(data.lengths)
        ]

    def _sigma_of(self, states: np.ndarray, data: Observations) -> np.ndarray:
        constants = self.unravel(jnp.asarray(self.constants))
        seen = np.asarray(_seen(self.observe, constants, states, data.time, self.inputs))
        return column_sigma(data, seen, 0)


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
_advance = jax.jit(advance_intervals)


@jax.jit
def _rates(field, constants, states, time, inputs):
    over_times = jax.vmap(field, (None, 0, 0, None))
    return jax.vmap(over_times, (None, 0, 0, 0))(constants, states, time, inputs)


_seen = _rates  # an observation has the same arguments


def first_states(data: Observations, order: int) -> Float[np.ndarray, "R T S"]:
    """Columns, and their velocities for order 2, by polynomials through the samples nearby."""
    runs, times, columns = data.value.shape
    states = np.zeros((runs, times, order * columns))
    for run, column in np.ndindex(runs, columns):
        there = data.present[run, :, column]
        time, value = data.time[run], data.value[run, :, column]
        count = int(there.sum())
        if count < 2:
            states[run, :, column] = value[there].sum()
            continue
        fit = local_polynomials(time[there], time, count=min(9, count), degree=min(4, count - 1))
        for derivative in range(order):
            states[run, :, derivative * columns + column] = fit.apply(value[there], derivative)
    return states


def column_sigma(
    data: Observations, seen: Float[np.ndarray, "R T M"], parameters: int
) -> Float[np.ndarray, " M"]:
    """Standard errors of the columns by what is left of them."""
    count = data.present.sum(axis=(0, 1))
    left = np.where(data.present, data.value - seen, 0.0)
    spread = np.sqrt(np.sum(left**2, axis=(0, 1)) / count)
    total = count.sum()
    spread *= np.sqrt(total / max(total - parameters, 1))
    return np.maximum(spread, _EXACT * _deviation(data))


def noise_scale(states: Float[np.ndarray, "R T S"], data: Observations) -> Float[np.ndarray, " S"]:
    """How far noise moves each component of the state: the same share of its deviation for all."""
    assert data.sigma is not None
    variance = np.sum(np.where(data.present, data.sigma, 0.0) ** 2, axis=(0, 1))
    share = variance / data.present.sum(axis=(0, 1)) / _deviation(data) ** 2
    usual = np.sqrt(np.mean(share))
    there = np.arange(states.shape[1]) < data.lengths[:, None]
    spread = states[there].std(axis=0)
    size = np.maximum(spread, 1e-6 * np.abs(states[there]).max(axis=0))
    return usual * np.where(size > 0, size, max(size.max(), 1.0))


def _deviation(data: Observations) -> Float[np.ndarray, " M"]:
    count = data.present.sum(axis=(0, 1))
    mean = data.value.sum(axis=(0, 1)) / count
    square = np.where(data.present, (data.value - mean) ** 2, 0.0).sum(axis=(0, 1)) / count
    deviation = np.sqrt(square)
    return np.where(deviation > 0, deviation, np.maximum(np.abs(mean), 1.0))


def _columns_ratio(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Ratio of the columns' standard errors; 1 in a column without any."""
    ratio = before / after
    return np.array(
        [
            ratio[..., m][ratio[..., m] != 1].mean() if (ratio[..., m] != 1).any() else 1.0
            for m in range(ratio.shape[-1])
        ]
    )


def _path(time: np.ndarray, state: np.ndarray, rate: np.ndarray) -> Path:
    """Segments end to end; each joint belongs to the segment that starts there."""
    time, state, rate = (a.reshape(-1, *a.shape[2:]) for a in (time, state, rate))
    keep = np.append(np.diff(time) > 1e-14 * np.abs(time).max(), True)
    return Path(time[keep], state[keep], np.nan_to_num(rate[keep]))


def _free(free: Any, template: Any) -> Bool[np.ndarray, " P"]:
    if free is None:
        return np.ones(len(ravel_pytree(template)[0]), bool)
    full = jax.tree.map(lambda a, f: jnp.broadcast_to(jnp.asarray(f), a.shape), template, free)
    return np.asarray(ravel_pytree(full)[0]).astype(bool)


def _first_columns(count: int) -> Observe:
    return Partial(_leading, jnp.zeros(count))


def _leading(like: Array, constants: Any, state: Array, time: Array, inputs: Any) -> Array:
    return state[: len(like)]
