"""The search itself: many starts at once."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.inference import observations, second_order
from jaxsym.inference.shooting.levenberg_marquardt import search
from jaxsym.inference.shooting.objective import Guess, weighting
from jaxsym.inference.shooting.stages import Fit

SPRING = second_order(lambda k, x, v, t, u: -k * x)


def test_starts_side_by_side_end_where_each_ends_alone(x64):
    time = np.linspace(0.0, 4.0, 21)
    noise = 0.01 * np.random.default_rng(0).normal(size=21)
    data = observations(time, (np.cos(2 * time) + noise)[:, None], sigma=0.01)
    fit = Fit(SPRING, np.array(3.0), data, None, 2, None, None, "rk4")
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
