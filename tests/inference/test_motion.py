"""Integration on given steps: exactness, derivatives, and motions that run away."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.inference.shooting.motion import METHODS, rollout


def turn(state, time):
    return jnp.array([state[1], -state[0]])


@pytest.mark.parametrize(("name", "order"), [("rk4", 4), ("dopri5", 5), ("dop853", 8)])
def test_errors_fall_with_the_order_of_the_method(x64, name, order):
    def error(steps):
        end = rollout(
            turn, METHODS[name], jnp.array([1.0, 0.0]), 0.0, jnp.full(steps, 2 / steps), 1e9
        )
        return float(jnp.linalg.norm(end[-1] - jnp.array([np.cos(2), -np.sin(2)])))

    steps = 4 if order == 8 else 16
    assert error(steps) / error(2 * steps) > 0.7 * 2**order


def test_derivatives_are_those_of_the_flow(x64):
    flow = lambda s: rollout(turn, METHODS["dop853"], s, 0.0, jnp.full(8, 0.1), 1e9)[-1]  # noqa: E731
    c, s = np.cos(0.8), np.sin(0.8)
    np.testing.assert_allclose(jax.jacfwd(flow)(jnp.ones(2)), [[c, s], [-s, c]], atol=1e-12)


def test_steps_of_zero_change_nothing_even_where_the_field_is_infinite(x64):
    burst = lambda s, t: jnp.full_like(s, jnp.inf)  # noqa: E731
    assert (
        rollout(burst, METHODS["rk4"], jnp.ones(1), 0.0, jnp.zeros(3), 1e9).tolist() == [[1.0]] * 4
    )


def test_a_motion_that_runs_away_stays_finite_with_finite_derivatives(x64):
    burst = lambda s, t: s**2  # noqa: E731
    end = lambda s: rollout(burst, METHODS["rk4"], s, 0.0, jnp.full(50, 0.1), 1e6)[-1]  # noqa: E731
    assert np.isfinite(end(jnp.ones(1))).all()
    assert np.isfinite(jax.jacfwd(end)(jnp.ones(1))).all()


def test_time_reaches_the_field(x64):
    end = rollout(
        lambda s, t: jnp.ones(1) * 2 * t, METHODS["rk4"], jnp.zeros(1), 1.0, jnp.full(4, 0.5), 1e9
    )
    np.testing.assert_allclose(end[-1], 8.0)
