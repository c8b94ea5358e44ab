"""A fit under way: segments from the motion found so far, and joints tightened stage by stage."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from jaxsym._check import finite, require, unknown_name
from jaxsym._programs import bounded_jit
from jaxsym.inference.polynomials import local_polynomials
from jaxsym.inference.shooting.filtering import run_follow
from jaxsym.inference.shooting.levenberg_marquardt import run_search
from jaxsym.inference.shooting.linearization import Linear
from jaxsym.inference.shooting.motion import (
    METHODS,
    PROGRAMS,
    as_argument,
    first_columns,
    rollout,
)
from jaxsym.inference.shooting.objective import (
    Guess,
    Task,
    Weighting,
    huber_weight,
    motions,
    run_best_of,
    weighting,
)
from jaxsym.inference.shooting.results import TrajectoryFit
from jaxsym.inference.shooting.scales import column_sigma, columns_ratio, noise_scale
from jaxsym.inference.shooting.segments import Places, cut
from jaxsym.inference.shooting.series import Observations
from jaxsym.inference.shooting.uncertainties import promised_gain, uncertainties

# how loose the joints are in each stage, in units of the noise; the last is a whole motion: what
# a millionth of the noise at every joint adds up to is far below the noise of all data together
LOOSENESS = (300.0, 30.0, 3.0, 0.3, 0.03, 1e-3, 1e-6)
_ROBUST_UNTIL = 1.0  # joints looser than this go with Huber's weights: a start is no fit yet
_FOLLOWED_UNTIL = 0.1  # joints looser than this are tried from a filter's states as well
_HUBER = 3.0
_GAIN = 1e-3  # in the sum of squares for each residual: less ends a stage
_LAST_GAIN = 1e-3  # in the sum of squares, that ends the last stage
_SETTLED = 0.1  # in the sum of squares: what one more step may promise where a fit has converged
_LOOSE_STEPS = 10  # most in a stage whose joints are looser than the noise
_NEAR = 2.0  # times the best quarter's sum of squares a trajectory may have and lead
_FEW = 3.0  # standard errors of its sum of squares, by which it may be more
_RECUT_AFTER = (30.0, 0.3)
_MOTION_ERROR = 0.05  # of a whole trajectory by its integration, in units of the noise
_SIGMA_ROUNDS, _SIGMA_SETTLED = 5, 0.01


class Fit:
    """A fit under way: the states at the samples so far, and the task that was made of them."""

    task: Task
    guess: Guess
    places: Places
    segments: int = 0

    def __init__(self, field, constants, data, observe, order, states, free, method):
        require(order in (1, 2), f"order is {order}; expected 1 or 2")
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
        self.method = jax.tree.map(lambda a: jnp.asarray(a, float), METHODS[method])
        self.template = jax.tree.map(lambda a: jnp.asarray(a, float), constants)
        flat, self.unravel = ravel_pytree(self.template)
        finite("constants", flat)
        self.constants = np.asarray(flat)
        self.free = _free(free, self.template)
        self.field = as_argument(field)
        self.observe = as_argument(observe or first_columns(data.columns))
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
        self._check_field(path, data)
        self.path = self.first_path = path
        self.data = data.with_sigma(self._sigma_of(path, data)) if self.estimated else data
        self.scale = noise_scale(path, self.data)
        self.iterations = 0
        self.leads = np.ones(len(path), bool)

    def run(self, looseness, huber, iterations) -> TrajectoryFit:
        self.cut()
        found, weights = self.sweep(looseness, huber, iterations)
        # the constants are known by now: motions that were lost may be found by these alone
        tight = [stage for stage in looseness if stage < _ROBUST_UNTIL] or looseness
        for stages in (tight, looseness):
            if self.leads.all():
                break
            self.start_again(stages[0])
            found, weights = self.sweep(stages, huber, iterations)
        if self.estimated:
            for _ in range(_SIGMA_ROUNDS):
                if self.sigma_settled():
                    break
                found = self.relax(weights, _LAST_GAIN, iterations)
        return self.result(weights, found.linear)

    def sweep(self, looseness, huber, iterations):
        """All stages once; ends early while a trajectory stays far from its data."""
        for stage in looseness:
            limit = _HUBER if stage >= _ROBUST_UNTIL else np.inf
            last = stage == looseness[-1]
            outlying = np.inf if last else _HUBER  # the last stage leaves no joint open
            weights = weighting(stage, min(limit, huber), outlying, self.counted())
            if stage >= _FOLLOWED_UNTIL or not self.leads.all():
                self.guess = run_follow(self.task, self.guess, weights)
            gain = _LAST_GAIN if last else _GAIN * self.data.present.sum()
            most = iterations if stage < _ROBUST_UNTIL else min(iterations, _LOOSE_STEPS)
            found = self.relax(weights, gain, most)
            self.leads = self.near(found.linear.costs)
            if stage in _RECUT_AFTER:
                self.recut()
        return found, weights

    def start_again(self, looseness: float) -> None:
        """The constants found, with other states where no motion near the data was found.

        These states are followed forward and backward in time: what is not seen in the beginning
        is known from what was seen later.
        """
        self.take_motion()
        self.path = np.where(self.leads[:, None, None], self.path, self.first_path)
        weights = weighting(looseness, _HUBER, _HUBER, self.counted())
        back = self.followed_back(weights)
        self.cut()
        forward = run_follow(self.task, self.guess, weights)
        row = np.arange(len(back))[:, None]
        other = forward._replace(states=jnp.asarray(back[row, self.places.first]))
        self.guess = run_best_of(self.task, [forward, other], weights)[0]

    def followed_back(self, weights: Weighting) -> Float[np.ndarray, "R T S"]:
        """States at the samples, found from the last to the first of them."""
        data, place = self.data.backward()
        row = np.arange(len(place))[:, None]
        task, guess, places = self.laid_out(data, self.path[row, place], -1.0)
        found = run_follow(task, guess, weights)
        return places.gather(np.asarray(motions(task, found)[0]))[row, place]

    def counted(self) -> Bool[np.ndarray, " R"]:
        """Trajectories whose sums of squares shall fall: where no constant is fitted, all."""
        return self.leads if self.free.any() else np.ones_like(self.leads)

    def near(self, costs: Float[Array, " R"]) -> Bool[np.ndarray, " R"]:
        """Which trajectories are near enough to their data to count for the constants."""
        count = self.data.present.sum(axis=(1, 2))
        each = np.asarray(costs) / np.maximum(count, 1)
        usual = max(np.quantile(each[count > 0], 0.25), 0.5) if self.free.any() else 1.0
        spread = np.sqrt(2.0 / np.maximum(count, 1))  # of chi squared over its degrees of freedom
        return each <= _NEAR * usual * (1.0 + _FEW * spread)

    def relax(self, weights: Weighting, tolerance: float, most: int):
        """One stage; the guess moves."""
        damping, little = (jnp.asarray(value, float) for value in (1e-2, tolerance))
        found = run_search(self.task, self.guess, weights, damping, little, most)
        self.guess = found.guess
        self.iterations += int(found.iterations)
        return found

    def cut(self) -> None:
        """Segments for the motion as it is known."""
        self.task, self.guess, self.places = self.laid_out(self.data, self.path, 1.0)

    def laid_out(
        self, data: Observations, path: Float[np.ndarray, "R T S"], sense: float
    ) -> tuple[Task, Guess, Places]:
        """Segments, forward in time or with data whose times have the other sign."""
        most, way = data.time.shape[1] - 1, jnp.asarray(sense)
        allowed = jnp.asarray(_MOTION_ERROR / data.time.shape[1] ** 2)
        steps, lengths = _steps_needed(
            self.field, self.method, self.unravel(jnp.asarray(self.constants)), self.inputs,
            path, data.time, allowed * self.scale, self.most, way,
        )  # fmt: skip
        intervals = min(most, self.intervals or max(4, -(-most // 40)))
        segments, places = cut(
            data, np.asarray(steps), np.asarray(lengths), intervals, self.segments
        )
        self.segments = segments.start.shape[1]
        row = np.arange(len(data.time))[:, None]
        guess = Guess(jnp.asarray(self.constants), jnp.asarray(path[row, places.first]))
        task = Task(
            self.field, self.observe, self.method, jax.tree.map(jnp.asarray, segments),
            self.inputs, self.template, jnp.asarray(self.free), jnp.asarray(self.scale),
            allowed, jnp.asarray(self.most), way,
        )  # fmt: skip
        return task, guess, places

    def take_motion(self) -> None:
        """Constants and states are those of the guess."""
        self.constants = np.asarray(self.guess.constants)
        self.path = self.places.gather(np.asarray(motions(self.task, self.guess)[0]))

    def recut(self) -> None:
        """Segments for the motion that was found."""
        self.take_motion()
        self.cut()

    def sigma_settled(self) -> bool:
        """Estimates sigma anew from the residuals; whether it was right before."""
        before = self.data.sigma
        seen = self.places.gather(np.asarray(motions(self.task, self.guess)[1]))
        parameters = self.free.sum() + len(self.data.time) * len(self.scale)
        sigma = column_sigma(self.data, seen, parameters)
        ratio = np.where(self.data.present, sigma / before, 1.0)
        self.data = self.data.with_sigma(sigma)
        ratio_of_slots = self.task.segments.weight * columns_ratio(before, self.data.sigma)
        self.task = self.task._replace(segments=self.task.segments._replace(weight=ratio_of_slots))
        return bool(np.all(np.abs(np.log(ratio)) < _SIGMA_SETTLED))

    def result(self, weights: Weighting, linear: Linear) -> TrajectoryFit:
        data, task, guess = self.data, self.task, self.guess
        covariance, undetermined, first, rank = uncertainties(task, linear)
        state, seen = (np.asarray(a) for a in motions(task, guess))
        states = self.places.gather(state)
        predicted = self.places.gather(seen)
        residuals = np.where(data.present, (data.value - predicted) / data.sigma, np.nan)
        gaps = (np.asarray(guess.states)[:, 1:] - state[:, :-1, -1]) / self.scale
        led = self.leads[:, None, None]
        chi2 = float(np.nansum(residuals**2, where=led))
        started = self.leads.sum() * states.shape[2]
        dof = int(np.sum(data.present, where=led) - rank - started)
        kept = np.where(data.present, np.asarray(huber_weight(residuals, weights.huber)), 0.0)
        widened = max(float(np.nansum(kept * residuals**2, where=led)) / max(dof, 1), 1.0)
        return TrajectoryFit(
            constants=jax.tree.map(np.asarray, self.unravel(guess.constants)),
            covariance=widened * covariance,
            undetermined=undetermined,
            time=data.time,
            states=states,
            state_covariance=widened * first,
            predicted=predicted,
            residuals=residuals,
            weights=kept,
            sigma=data.sigma,
            sigma_estimated=self.estimated,
            chi2=chi2,
            dof=dof,
            led=self.leads,
            gap=float(np.abs(gaps).max(initial=0.0)),
            iterations=self.iterations,
            segments=self.segments,
            converged=promised_gain(task, linear) < _SETTLED,
        )

    def _check_field(self, states: np.ndarray, data: Observations) -> None:
        rates = jax.eval_shape(_at_all, self.field, self.template, states, data.time, self.inputs)
        require(
            rates.shape == states.shape,
            f"vector_field gives shape {rates.shape[2:]} for states of shape {states.shape[2:]}; "
            "expected the same",
        )

    def _sigma_of(self, states: np.ndarray, data: Observations) -> np.ndarray:
        constants = self.unravel(jnp.asarray(self.constants))
        seen = np.asarray(_at_all(self.observe, constants, states, data.time, self.inputs))
        return column_sigma(data, seen, 0)


@bounded_jit(shapes=PROGRAMS)
def _steps_needed(field, method, constants, inputs, states, time, allowed, most, sense):
    """How many steps each interval between samples needs, and how long they are ``[R, T - 1]``."""

    def one(inputs, state, start, stop):
        rate = lambda x, t: sense * field(constants, x, sense * t, inputs)  # noqa: E731
        gap = stop - start
        motion = rollout(rate, method, state, start, stop[None], gap > 0, gap, allowed, most)
        return motion.steps, motion.step

    over_runs = jax.vmap(one)
    columns = (states[:, :-1], time[:, :-1], time[:, 1:])
    each = jax.tree.map(lambda a: jnp.swapaxes(a, 0, 1), columns)
    found = jax.lax.map(lambda part: over_runs(inputs, *part), each)
    return tuple(jnp.swapaxes(a, 0, 1) for a in found)


@bounded_jit(shapes=PROGRAMS)
def _at_all(function, constants, states, time, inputs):
    """A vector field or an observation at all states."""
    over_times = jax.vmap(function, (None, 0, 0, None))
    return jax.vmap(over_times, (None, 0, 0, 0))(constants, states, time, inputs)


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


def _free(free: Any, template: Any) -> Bool[np.ndarray, " P"]:
    if free is None:
        return np.ones(len(ravel_pytree(template)[0]), bool)
    full = jax.tree.map(lambda a, f: jnp.broadcast_to(jnp.asarray(f), a.shape), template, free)
    return np.asarray(ravel_pytree(full)[0]).astype(bool)
