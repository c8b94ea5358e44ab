"""The search itself: many starts at once."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.inference import observations, second_order
from jaxsym.inference.shooting.levenberg_marquardt import search
from jaxsym.inference.shooting.linearization import gaps_after, linearize
from jaxsym.inference.shooting.objective import Guess, motions, rolled_on, weighting
from jaxsym.inference.shooting.stages import Fit

SPRING = second_order(lambda k, x, v, t, u: -k * x)


def test_starts_side_by_side_end_where_each_ends_alone(x64):
    time = np.linspace(0.0, 4.0, 21)
    noise = 0.01 * np.random.default_rng(0).normal(size=21)
    data = observations(time, (np.cos(2 * time) + noise)[:, None], sigma=0.01)
    fit = Fit(SPRING, np.array(3.0), data, None, 2, None, None, "bosh3")
    fit.cut()
    stage = weighting(1e-3)
    starts = jnp.array([[3.0], [4.5], [2.0]])
    damping, tolerance = jnp.asarray(1e-2), jnp.asarray(1e-6)

    def run(k):
        guess = Guess(k, fit.guess.states)
        return search(fit.task, guess, stage, damping, tolerance, 40).guess.constants

    together = jax.jit(jax.vmap(run))(starts)
    np.testing.assert_allclose(together[0], jax.jit(run)(starts[0]), rtol=1e-6)
    np.testing.assert_allclose(together, 4.0, rtol=0.01)


def test_states_that_follow_from_the_first_leave_the_gaps_they_are_given(x64):
    time = np.linspace(0.0, 4.0, 21)
    data = observations(time, np.cos(2 * time)[:, None], sigma=0.01)
    fit = Fit(SPRING, np.array(3.0), data, None, 2, None, None, "bosh3")
    fit.cut()
    wanted = np.random.default_rng(0).normal(size=fit.guess.states.shape)
    rolled = rolled_on(fit.task, fit.guess, jnp.asarray(wanted))
    ends = np.asarray(motions(fit.task, rolled)[0])[:, :, -1]
    found = (np.asarray(rolled.states)[:, 1:] - ends[:, :-1]) / fit.scale
    np.testing.assert_allclose(found, wanted[:, :-1], rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(rolled.states[:, 0], fit.guess.states[:, 0])


def test_gaps_after_a_small_move_are_those_of_the_motion(x64):
    time = np.linspace(0.0, 4.0, 21)
    data = observations(time, np.cos(2 * time)[:, None], sigma=0.01)
    fit = Fit(SPRING, np.array(3.0), data, None, 2, None, None, "bosh3")
    fit.cut()
    linear = linearize(fit.task, fit.guess, weighting(1.0))
    states = 1e-4 * np.random.default_rng(0).normal(size=fit.guess.states.shape)
    constants = jnp.array([1e-4])
    moved = Guess(
        fit.guess.constants + constants * linear.units, fit.guess.states + states * fit.scale
    )
    ends = np.asarray(motions(fit.task, moved)[0])[:, :, -1]
    found = (np.asarray(moved.states)[:, 1:] - ends[:, :-1]) / fit.scale
    expected = gaps_after(linear, constants, jnp.asarray(states))
    np.testing.assert_allclose(found, np.asarray(expected)[:, :-1], atol=1e-7)
