"""Constants of known motions, from noisy series of every kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
from jax.tree_util import Partial

from jaxsym.inference import cramer_rao, fit_trajectories, observations, second_order

OSCILLATOR = second_order(lambda c, x, v, t, u: -c["k"] * x - c["b"] * v)
START = {"k": 3.0, "b": 0.0}
TRUE = {"k": 4.0, "b": 0.3}


def oscillation(time, phase=0.0):
    """Position and velocity of the damped oscillator, from its closed form."""
    rate = -TRUE["b"] / 2 + 1j * np.sqrt(TRUE["k"] - TRUE["b"] ** 2 / 4)
    complex_ = np.exp(rate * time + 1j * phase)
    return np.stack([complex_.real, (rate * complex_).real], axis=-1)


def measured(times, sigma=0.01, seed=0, drop=0.0):
    rng = np.random.default_rng(seed)
    series = [oscillation(t, phase)[:, :1] for phase, t in enumerate(times)]
    series = [x + sigma * rng.normal(size=x.shape) for x in series]
    for x in series:
        x[rng.random(len(x)) < drop] = np.nan
    return series


def within(fit, true, errors=3.5):
    off = jax.tree.map(lambda a, b, s: abs(a - b) / s, fit.constants, true, fit.standard_errors)
    return max(jax.tree.leaves(off)) < errors


def test_known_noise_gives_constants_at_the_bound():
    time = np.linspace(0.0, 6.0, 61)
    data = observations([time] * 3, measured([time] * 3), sigma=0.01)
    fit = fit_trajectories(OSCILLATOR, START, data, order=2)
    assert fit.converged and within(fit, TRUE)
    assert 0.75 < fit.chi2_per_dof < 1.25
    assert fit.dof == 3 * 61 - 2 - 6
    truth = np.stack([oscillation(time, phase) for phase in range(3)])
    bound = cramer_rao(OSCILLATOR, TRUE, data, truth)
    for name in TRUE:
        assert 0.9 < fit.standard_errors[name] / bound.standard_errors[name] < 1.1
    assert np.abs(fit.states - truth).max() < 0.05
    assert fit.gap < 1e-4


def test_uneven_times_unequal_lengths_and_missing_samples():
    rng = np.random.default_rng(1)
    times = [np.sort(rng.uniform(0, 6, n)) for n in (70, 40)]
    data = observations(times, measured(times, drop=0.2), sigma=0.01)
    fit = fit_trajectories(OSCILLATOR, START, data, order=2)
    assert within(fit, TRUE) and 0.6 < fit.chi2_per_dof < 1.4
    assert np.isnan(fit.residuals[1, 40:]).all()
    missing = int((~data.present[0]).sum())
    assert missing > 0 and np.isnan(fit.residuals[0]).sum() == missing


def test_unknown_noise_is_estimated():
    time = np.linspace(0.0, 6.0, 61)
    fit = fit_trajectories(
        OSCILLATOR, START, observations([time] * 3, measured([time] * 3, sigma=0.02)), order=2
    )
    assert fit.sigma_estimated and within(fit, TRUE)
    np.testing.assert_allclose(fit.sigma, 0.02, rtol=0.2)
    assert abs(fit.chi2_per_dof - 1) < 0.05


def test_bodies_that_nearly_meet_do_not_set_the_work_of_the_others():
    """Kepler's ellipses through their nearest points, one of them of eccentricity 0.999."""
    pull = lambda c, x, v, t, u: -c[0] * x * jnp.sum(x**2) ** (c[1] / 2 - 0.5)  # noqa: E731
    time = np.linspace(0.3, 5.7, 40)
    series = []
    for e in (0.3, 0.6, 0.999):
        nodes = np.linspace(0, 4 * np.pi, 200001)
        anomaly = np.interp(np.pi + time, nodes - e * np.sin(nodes), nodes)
        series.append(np.stack([np.cos(anomaly) - e, np.sqrt(1 - e**2) * np.sin(anomaly)], axis=1))
    x = np.stack(series) + 1e-3 * np.random.default_rng(0).normal(size=(3, 40, 2))
    data = observations(time, x, sigma=1e-3)
    fit = fit_trajectories(second_order(pull), np.array([0.95, -1.9]), data, order=2)
    assert fit.led.all() and 0.8 < fit.chi2_per_dof < 1.2
    assert np.all(np.abs(fit.constants - [1.0, -2.0]) < 3.5 * fit.standard_errors)
    assert fit.segments <= 20


def test_outliers_do_not_count_with_robust_weights():
    time = np.linspace(0.0, 6.0, 61)
    series = measured([time] * 3)
    for x in series:
        x[7::20] += 1.0
    data = observations([time] * 3, series, sigma=0.01)
    robust = fit_trajectories(OSCILLATOR, START, data, order=2, huber=1.5)
    assert abs(robust.constants["k"] - 4) < 0.02
    assert robust.weights[0, 7, 0] < 0.05


def test_constants_that_the_data_cannot_tell_apart_are_named():
    field = second_order(lambda c, x, v, t, u: -(c[0] + c[1]) * x - c[2] * v + 0 * c[3])
    time = np.linspace(0.0, 6.0, 61)
    data = observations([time], measured([time]), sigma=0.01)
    fit = fit_trajectories(field, np.array([2.0, 1.0, 0.1, 5.0]), data, order=2)
    assert len(fit.undetermined) == 2
    assert np.isinf(fit.standard_errors[[0, 1, 3]]).all() and fit.standard_errors[2] < 0.02
    assert abs(fit.constants[0] + fit.constants[1] - 4) < 0.1
    assert fit.dof == 61 - 2 - 2


def test_constants_that_are_held_stay():
    time = np.linspace(0.0, 6.0, 61)
    data = observations([time], measured([time]), sigma=0.01)
    fit = fit_trajectories(
        OSCILLATOR, {"k": 3.0, "b": 0.3}, data, order=2, free={"k": True, "b": False}
    )
    assert fit.constants["b"] == 0.3 and fit.standard_errors["b"] == 0
    assert abs(fit.constants["k"] - 4) < 4 * fit.standard_errors["k"]


def test_an_observation_of_the_state_and_inputs_of_each_trajectory():
    field = lambda c, x, t, u: jnp.array([x[1], -c * u["stiff"] * x[0]])  # noqa: E731
    time = np.linspace(0.0, 3.0, 31)
    stiff = np.array([1.0, 4.0])
    angle = np.sqrt(2.0 * stiff)[:, None] * time
    states = np.stack([np.cos(angle), -np.sqrt(2.0 * stiff)[:, None] * np.sin(angle)], axis=-1)
    energy = 0.5 * states[..., 1] ** 2 + stiff[:, None] * states[..., 0] ** 2
    seen = np.stack([states[..., 0] + states[..., 1], energy], axis=-1)
    seen = seen + 0.01 * np.random.default_rng(0).normal(size=seen.shape)
    data = observations(time, seen, sigma=0.01, inputs={"stiff": stiff})
    observe = lambda c, x, t, u: jnp.array(  # noqa: E731
        [x[0] + x[1], 0.5 * x[1] ** 2 + 0.5 * c * u["stiff"] * x[0] ** 2]
    )
    fit = fit_trajectories(field, np.array(1.5), data, observe=observe, states=states)
    assert abs(fit.constants - 2) < 4 * fit.standard_errors


def test_a_law_that_blows_up_gives_numbers_and_a_way_back():
    field = lambda c, x, t, u: c * x**2  # noqa: E731
    time = np.linspace(0.0, 1.0, 21)
    noise = 1e-3 * np.random.default_rng(0).normal(size=21)
    data = observations(time, (1 / (1 + time) + noise)[:, None], sigma=1e-3)  # c = -1
    hopeless = fit_trajectories(field, np.array(40.0), data, iterations=3)
    assert np.isfinite(hopeless.chi2) and np.isfinite(hopeless.constants)
    fit = fit_trajectories(field, np.array(2.0), data)  # alone it is infinite at time 0.5
    assert abs(fit.constants + 1) < 5 * fit.standard_errors


def test_fits_of_the_same_shapes_compile_once():
    traced = []

    def count(power, c, x, v, t, u):
        traced.append(1)
        return -c * jnp.sign(x) * jnp.abs(x) ** power

    time = np.linspace(0.0, 6.0, 61)
    data = observations([time] * 2, measured([time] * 2), sigma=0.01)
    fits = []
    for power in (1.0, 1.0 + 1e-6):
        field = second_order(Partial(count, jnp.asarray(power)))
        fits.append((fit_trajectories(field, np.array(3.5), data, order=2), len(traced)))
    assert fits[0][1] == fits[1][1]
    assert fits[0][0].chi2 != fits[1][0].chi2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(order=3), "order is 3"),
        (dict(method="dopri"), "did you mean 'dopri5'"),
        (dict(constants={"k": np.nan, "b": 0.0}), "non-finite"),
        (dict(states=np.ones((1, 4, 2))), "states has shape"),
        (dict(observe=lambda c, x, t, u: x[:1]), "expected states to start from"),
        (dict(vector_field=lambda c, x, t, u: x[:1]), "vector_field gives shape"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    time = np.linspace(0.0, 1.0, 21)
    given = dict(vector_field=OSCILLATOR, constants=START, order=2) | changes
    with pytest.raises(ValueError, match=message):
        fit_trajectories(data=observations([time], measured([time]), sigma=0.01), **given)


def test_what_is_not_seen_in_the_beginning_is_followed_back():
    """Two bodies about a third that stays; in one run the first is seen when the others were."""
    time = np.linspace(0.0, 6.0, 61)

    def pull(c, x, v, t, u):
        one, other = x[:2], x[2:]
        apart = other - one
        central = lambda y: -c * y / jnp.sum(y**2) ** 1.5  # noqa: E731
        between = 0.5 * apart / (jnp.sum(apart**2) + 0.05) ** 1.5
        return jnp.concatenate([central(one) + between, central(other) - between])

    field = second_order(pull)
    rng = np.random.default_rng(3)
    starts = np.array([[1.0, 0.0, -1.5, 0.0, 0.0, 1.0, 0.0, -0.8]] * 3)
    starts += 0.05 * rng.normal(size=starts.shape)
    rate = lambda t, s: np.asarray(field(1.0, jnp.asarray(s), t, None))  # noqa: E731
    true = np.stack(
        [scipy.integrate.solve_ivp(rate, (0, 6), s, "DOP853", time, rtol=1e-9).y.T for s in starts]
    )
    seen = true[..., :4] + 1e-3 * rng.normal(size=(3, 61, 4))
    seen[1, :35, :2] = np.nan
    fit = fit_trajectories(field, np.array(0.9), observations(time, seen, sigma=1e-3), order=2)
    assert fit.led.all() and 0.85 < fit.chi2_per_dof < 1.15
    assert np.abs(fit.states[1, :35] - true[1, :35]).max() < 0.03
