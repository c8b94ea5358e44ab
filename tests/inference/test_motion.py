"""Integration between given stops: exactness, derivatives, and motions that run away."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.inference.shooting.motion import METHODS, rollout


def turn(state, time):
    return jnp.array([state[1], -state[0]])


def moved(field, state, stops, *, method="dop853", start=0.0, allowed=1e-10, most=1e9, step=0.1):
    allowed = jnp.full(len(state), allowed)
    stops = jnp.asarray(stops, float)
    return rollout(field, METHODS[method], state, start, stops, len(stops), step, allowed, most)


@pytest.mark.parametrize(
    ("method", "order", "least"), [("bosh3", 3, 1e-7), ("dopri5", 5, 1e-9), ("dop853", 8, 1e-12)]
)
def test_smaller_errors_take_as_many_steps_as_the_order_says(x64, method, order, least):
    exact = jnp.array([np.cos(6), -np.sin(6)])
    steps = []
    for allowed in (1e3 * least, least):
        found = moved(turn, jnp.array([1.0, 0.0]), [6.0], method=method, allowed=allowed)
        assert float(jnp.linalg.norm(found.states[-1] - exact)) < 100 * allowed
        steps.append(int(found.steps))
    assert 0.6 < np.log(steps[1] / steps[0]) / np.log(1e3 ** (1 / order)) < 1.4


def test_derivatives_are_those_of_the_flow(x64):
    flow = lambda s: moved(turn, s, [0.3, 0.8]).states[-1]  # noqa: E731
    c, s = np.cos(0.8), np.sin(0.8)
    np.testing.assert_allclose(jax.jacfwd(flow)(jnp.ones(2)), [[c, s], [-s, c]], atol=1e-9)


def test_the_states_at_the_start_and_at_all_stops(x64):
    stops = np.array([0.1, 0.2, 5.0])
    found = moved(turn, jnp.array([1.0, 0.0]), stops)
    np.testing.assert_allclose(found.states[:, 0], np.cos([0.0, *stops]), atol=1e-8)
    some = rollout(
        turn, METHODS["dop853"], jnp.array([1.0, 0.0]), 0.0, stops, 2, 0.1, jnp.full(2, 1e-9), 1e9
    )
    np.testing.assert_allclose(some.states[:, 0], np.cos([0.0, 0.1, 0.2, 0.2]), atol=1e-8)


def test_bodies_that_nearly_meet_are_followed(x64):
    """Kepler's ellipse of eccentricity 0.999, half a period long: from far to near."""
    pull = lambda s, t: jnp.concatenate([s[2:], -s[:2] / jnp.sum(s[:2] ** 2) ** 1.5])  # noqa: E731
    e = 0.999
    far = jnp.array([1 + e, 0.0, 0.0, np.sqrt((1 - e) / (1 + e))])
    found = moved(pull, far, [np.pi, 2 * np.pi], allowed=1e-10)
    np.testing.assert_allclose(found.states[1, :2], [-(1 - e), 0.0], atol=1e-8)
    np.testing.assert_allclose(found.states[2], far, atol=1e-6)
    assert int(found.steps) < 300


def test_no_stop_is_no_step_even_where_the_field_is_infinite(x64):
    burst = lambda s, t: jnp.full_like(s, jnp.inf)  # noqa: E731
    found = rollout(
        burst, METHODS["bosh3"], jnp.ones(1), 0.0, jnp.zeros(3), 0, 0.1, jnp.ones(1), 1e9
    )
    assert found.states.tolist() == [[1.0]] * 4 and int(found.steps) == 0


def test_a_motion_that_runs_away_stays_finite_with_finite_derivatives(x64):
    burst = lambda s, t: s**2  # noqa: E731
    end = lambda s: moved(burst, s, [5.0], most=1e6).states[-1]  # noqa: E731
    assert np.isfinite(end(jnp.ones(1))).all()
    assert np.isfinite(jax.jacfwd(end)(jnp.ones(1))).all()


def test_time_reaches_the_field(x64):
    end = moved(lambda s, t: jnp.ones(1) * 2 * t, jnp.zeros(1), [1.4], start=1.0).states[-1]
    np.testing.assert_allclose(end, 1.4**2 - 1.0)
