"""Terms of forces and their functions of distance, read from noisy positions of known laws."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxsym.inference import Group, Jacobians, Series, choose_groups, weak_fit, weak_profiles
from jaxsym.inference.weak.regression import _ample
from jaxsym.simulate import particles


def noisy(law, dt, noise=1e-3, runs=8, bodies=3, seed=0, **parameters):
    """Times, noisy positions, and the exact motion."""
    system = particles(law, bodies=bodies, dims=2, **parameters)
    data = system.simulate(jax.random.key(seed), trajectories=runs, steps=60, dt=dt)
    data = jax.tree.map(np.asarray, data)
    position = np.asarray(data.position, np.float64)
    sigma = noise * position.std()
    rng = np.random.default_rng(seed)
    return dt * np.arange(60), position + sigma * rng.normal(size=position.shape), data, sigma


def check(term, true, most, spread=2.0):
    """Median relative error, and errors in units of standard errors."""
    inner = slice(4, -4)
    off = term.size[inner] - true(term.distance[inner])
    assert np.median(np.abs(off / true(term.distance[inner]))) < most
    assert np.sqrt(np.mean((off / term.error[inner]) ** 2)) < spread


def test_a_spring_is_read_to_a_percent_with_its_error_bars():
    time, position, data, sigma = noisy("spring", 0.1)
    found = weak_profiles(time, position, mass=data.mass)
    assert found.terms[0].name == "central 1/m1"
    assert sum(term.share for term in found.terms[1:]) < 0.01
    check(found.terms[0], lambda r: 2.0 * (r + 0.01 - 1.0), 0.01)
    assert 0.8 < found.chi2_per_row < 1.5
    assert np.median(found.sigma) == pytest.approx(sigma, rel=0.25)


@pytest.mark.slow
def test_error_bars_cover_a_pull_that_is_steep_where_few_samples_lie():
    """Noise anew on the same motion: errors in standard errors are those of a normal variable."""
    system = particles("charge", bodies=4, dims=2)
    data = system.simulate(jax.random.key(0), trajectories=12, steps=60, dt=0.01)
    motion = np.asarray(data.position, np.float64)
    spread = []
    for seed in range(3):
        noise = 1e-3 * motion.std() * np.random.default_rng(seed).normal(size=motion.shape)
        found = weak_profiles(
            0.01 * np.arange(60), motion + noise, mass=np.asarray(data.mass, np.float64),
            charge=np.asarray(data.charge, np.float64), sigma=1e-3 * motion.std(),
            pair_kinds=[("central", "q1*q2/m1")], body_kinds=[],
        ).terms[0]  # fmt: skip
        off = (found.size + 1.0 / (found.distance + 0.01) ** 2) / found.error
        spread.append(np.sqrt(np.mean(off[3:-3] ** 2)))
    assert 0.6 < np.median(spread) < 1.35, spread


def test_gravity_with_uneven_times_and_missing_samples():
    time, position, data, sigma = noisy("r2", 0.01)
    rng = np.random.default_rng(1)
    kept = np.sort(rng.choice(60, 52, replace=False))
    time, position = time[kept], position[:, kept].copy()
    position[2, 10:16, 0] = np.nan
    found = weak_profiles(
        time, position, mass=data.mass, sigma=sigma, pair_kinds=[("central", "m2")], body_kinds=[]
    )
    check(found.terms[0], lambda r: 1.0 / (r + 0.01) ** 2, 0.1)


def test_friction_is_found_with_its_constant():
    time, position, data, _ = noisy("damped", 0.1)
    kinds = [("central", "1/m1"), ("central", "m2"), ("across", "1/m1")]
    own = [("drag", "1"), ("drag", "1/m1"), ("trap", "1")]
    found = weak_profiles(time, position, mass=data.mass, pair_kinds=kinds, body_kinds=own)
    names = [term.name for term in found.terms]
    assert {"central 1/m1", "drag 1/m1"} <= set(names)
    drag = found.terms[names.index("drag 1/m1")]
    assert drag.size[0] == pytest.approx(-0.5, abs=max(5e-3, 4.0 * drag.error[0]))


def test_first_order_motion_of_any_state():
    """Predator and prey, x' = x - x y and y' = x y - y, by groups of one monomial each."""
    time = np.linspace(0.0, 12.0, 150)
    state = np.array([2.0, 0.7])
    field = lambda s: np.array([s[0] - s[0] * s[1], s[0] * s[1] - s[1]])  # noqa: E731
    states, step = [state], (time[1] - time[0]) / 20
    for _ in range(20 * 149):
        half = state + step / 2 * field(state)
        state = state + step * field(half)
        states.append(state)
    rng = np.random.default_rng(0)
    values = np.array(states)[::20] + 0.01 * rng.normal(size=(150, 2))
    monomials = {"x": (1, 0), "y": (0, 1), "x y": (1, 1), "x^2": (2, 0), "y^2": (0, 2)}

    def group(name, component):
        i, j = monomials[name]

        def design(run, x, v):
            column = np.zeros((*x.shape, 1))
            column[:, component, 0] = x[:, 0] ** i * x[:, 1] ** j
            return column

        def jacobians(run, x, v, coefficients):
            value = np.zeros((len(x), 2, 2))
            if i:
                value[:, component, 0] = i * x[:, 0] ** (i - 1) * x[:, 1] ** j
            if j:
                value[:, component, 1] = j * x[:, 0] ** i * x[:, 1] ** (j - 1)
            return Jacobians(coefficients[0] * value)

        return Group(f"{name} in {component}", design, jacobians, (np.eye(1),))

    groups = [group(name, component) for component in range(2) for name in monomials]
    series = [Series(time, values[:, None, :], np.full((1, 2), 0.01))]
    found = weak_fit(series, groups, order=1)
    true = {"x in 0": 1.0, "x y in 0": -1.0, "x y in 1": 1.0, "y in 1": -1.0}
    assert {one.name for one in found.groups} == set(true)
    for one in found.groups:
        error = np.sqrt(one.covariance[0, 0])
        assert abs(one.coefficients[0] - true[one.name]) < 4.0 * error < 0.2


def test_groups_that_carry_nothing_stay_out_and_outliers_do_not_rule():
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(400, 3)) for _ in range(6)]
    target = tables[2] @ [1.0, -2.0, 0.5] + 0.5 * tables[4][:, 0] + rng.normal(size=400)
    target[::40] += 20.0
    entries, chi2 = choose_groups(tables, target, [(np.eye(3), np.eye(3)[:, :1])] * 6)
    assert [entry.group for entry in entries] == [2, 4]
    np.testing.assert_allclose(entries[0].coefficients, [1.0, -2.0, 0.5], atol=0.4)


def test_a_sigma_that_is_none_is_refused():
    time, position = np.arange(20.0), np.random.default_rng(0).normal(size=(1, 20, 2, 2))
    with pytest.raises(ValueError, match="sigma has shape \\(\\) and least value 0.0"):
        weak_profiles(time, position, sigma=0.0)
    with pytest.raises(ValueError, match="time has shape"):
        weak_profiles(time[1:], position)


def test_windows_whose_rows_leave_no_room_for_a_function_of_distance_do_not_count():
    groups = [
        SimpleNamespace(choices=(np.eye(21), np.eye(21)[:, :8])),
        SimpleNamespace(choices=(np.eye(1),)),
    ]

    def with_rows(*counts):
        rows = [SimpleNamespace(component=np.zeros(count, int)) for count in counts]
        return SimpleNamespace(groups=groups, rows=rows)

    many, enough, few = with_rows(100, 50), with_rows(10, 7), with_rows(8, 8)
    assert _ample([many, enough, few]) == [many, enough]
    assert _ample([with_rows(4, 4), few]) == [few]
