"""Motions against closed forms, energies, derivatives and one another."""

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.simulate import INTEGRATORS, LAWS, Law, ParticleSystem, State, particles

accelerate = jax.jit(ParticleSystem.acceleration)
measure_energy = jax.jit(ParticleSystem.energy)


def oscillator(amplitude=0.3):
    """Two unequal masses on a spring without softening, along a line: ``r = 1 + A cos(w t)``."""
    system = particles("spring", bodies=2, softening=0.0)
    x = jnp.array([[[0.0, 0.0], [0.6, 0.8]]]) * (1 + amplitude)
    state = State(x, jnp.zeros_like(x), jnp.array([[0.5, 2.0]]), jnp.zeros((1, 2)))
    return system, state, np.sqrt(2 * (1 / 0.5 + 1 / 2.0))


def distance(data):
    return np.linalg.norm(np.asarray(data.position[0, :, 1] - data.position[0, :, 0]), axis=-1)


def relative_drift(system, data):
    """The largest change of energy in each trajectory, over the largest kinetic energy."""
    with jax.enable_x64(True):
        x, v, m, q = (
            np.asarray(a, np.float64)
            for a in (data.position, data.velocity, data.mass, data.charge)
        )
        energy = np.asarray(measure_energy(system, x, v, m[:, None], q[:, None]))
    kinetic = 0.5 * np.sum(m[:, None, :, None] * v**2, axis=(2, 3))
    return np.abs(energy - energy[:, :1]).max(1) / kinetic.max(1)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_oscillator_against_its_closed_form(integrator, x64):
    system, state, frequency = oscillator()
    data = system.rollout(state, steps=200, dt=0.05, substeps=4, integrator=integrator)
    expected = 1 + 0.3 * np.cos(frequency * 0.05 * np.arange(200))
    np.testing.assert_allclose(distance(data), expected, atol=2e-4)


@pytest.mark.parametrize(
    ("integrator", "order"), [("verlet", 2), ("yoshida4", 4), ("yoshida6", 6), ("rk4", 4)]
)
def test_order_of_the_integrator(integrator, order, x64):
    system, state, frequency = oscillator()
    error = []
    for substeps in (2, 4):
        data = system.rollout(state, steps=11, dt=0.4, substeps=substeps, integrator=integrator)
        error.append(abs(distance(data)[-1] - 1 - 0.3 * np.cos(frequency * 4.0)))
    assert np.log2(error[0] / error[1]) == pytest.approx(order, abs=0.35)


def test_free_body_with_friction_slows_exponentially(x64):
    law = Law("drag", lambda r, *_: 0.0 * r, drag=lambda mass, charge, *, drag=0.8: drag)
    system = particles(law, bodies=2)
    state = system.initial(jax.random.key(1), 3)
    data = system.rollout(state, steps=20, dt=0.1, substeps=20)
    rate = 0.8 / np.asarray(state.mass)[:, None, :, None]
    decay = np.exp(-rate * np.asarray(data.time)[:, None, None])
    np.testing.assert_allclose(data.velocity, decay * state.velocity[:, None], rtol=1e-5)


@pytest.mark.parametrize("law", ["spring", "string"])
def test_energy_stays_in_float32(law):
    system = particles(law, bodies=4, dims=2)
    data = system.simulate(jax.random.key(0), trajectories=64, steps=500)
    drift = relative_drift(system, data)
    assert np.median(drift) < 2e-6
    assert drift.max() < 2e-5


@pytest.mark.parametrize("law", ["r2", "string_ball"])
def test_energy_stays_in_float32_through_close_encounters(law):
    system = particles(law, bodies=4, dims=2)
    data = system.simulate(jax.random.key(0), trajectories=64, steps=500)
    drift = relative_drift(system, data)
    assert np.median(drift) < 2e-6
    assert np.quantile(drift, 0.9) < 1e-4


def test_fixed_steps_lose_what_adaptive_ones_keep():
    system = particles("r2", bodies=4, dims=2)
    fixed = system.simulate(jax.random.key(0), trajectories=64, steps=500, substeps=1)
    adaptive = system.simulate(jax.random.key(0), trajectories=64, steps=500)
    worst = [relative_drift(system, data).max() for data in (fixed, adaptive)]
    assert worst[1] < 0.1 * worst[0]


@pytest.mark.parametrize("law", LAWS)
def test_kept_acceleration_is_the_laws_at_the_kept_state(law):
    system = particles(law, bodies=3, dims=2)
    data = system.simulate(jax.random.key(0), trajectories=3, steps=6, substeps=1)
    assert data.position.shape == data.velocity.shape == data.acceleration.shape == (3, 6, 3, 2)
    assert data.mass.shape == data.charge.shape == (3, 3)
    np.testing.assert_allclose(data.time, LAWS[law].dt * np.arange(6), rtol=1e-6)
    mass, charge = np.asarray(data.mass)[:, None], np.asarray(data.charge)[:, None]
    expected = accelerate(system, data.position, data.velocity, mass, charge)
    np.testing.assert_allclose(data.acceleration, expected, rtol=1e-4, atol=1e-4)
    assert data.pairs == (((0, 1), (1, 2)) if law.startswith("string") else None)
    assert law in data.origin


def test_a_trajectory_does_not_depend_on_its_neighbors():
    system = particles("r2", bodies=3)
    state = system.initial(jax.random.key(0), 70)  # three chunks of unequal need
    together = system.rollout(state, steps=100)
    for i in (0, 33, 69):
        alone = system.rollout(State(*(np.asarray(s)[i : i + 1] for s in state)), steps=100)
        np.testing.assert_allclose(together.position[i], alone.position[0], rtol=1e-5, atol=1e-5)


def test_same_key_same_motion_other_key_other_motion():
    system = particles("spring", bodies=3)
    runs = [
        system.simulate(jax.random.key(seed), trajectories=2, steps=5).position
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.allclose(runs[0], runs[2])


def test_jit_and_vmap_over_parameters_are_plain_calls(x64):
    def end(stiffness):
        system = particles("spring", bodies=3, stiffness=stiffness)
        return system.simulate(jax.random.key(0), trajectories=2, steps=4, substeps=2).position[
            :, -1
        ]

    values = jnp.array([0.5, 1.0, 2.0])
    loop = jnp.stack([end(value) for value in values])
    np.testing.assert_allclose(jax.vmap(end)(values), loop, rtol=1e-12)
    np.testing.assert_allclose(jax.jit(end)(values[2]), loop[2], rtol=1e-12)


def test_new_keys_and_parameters_compile_nothing_new():
    traced = []

    def pair(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0):
        traced.append(1)
        return strength * r**2

    law = Law("counted", pair)
    for seed, strength in enumerate((1.0, 2.0, 3.0)):
        system = particles(law, bodies=3, strength=strength)
        system.simulate(jax.random.key(seed), trajectories=4, steps=3, substeps=1)
        if seed == 0:
            first = len(traced)
    assert len(traced) == first > 0


@pytest.mark.parametrize(
    ("law", "substeps", "mode"),
    [
        ("spring", None, jax.grad),
        ("spring", None, jax.jacfwd),
        ("damped", 3, jax.grad),
    ],
)
def test_rollout_is_differentiable(law, substeps, mode, x64):
    start = particles(law, bodies=3).initial(jax.random.key(0), 2)

    @jax.jit
    def outcome(inputs):
        system = particles(law, bodies=3, stiffness=inputs[0], length=inputs[1])
        x = start.position.at[0, 1, 0].add(inputs[2])
        v = start.velocity.at[1, 2, 1].add(inputs[3])
        state = start._replace(position=x, velocity=v)
        data = system.rollout(state, steps=12, dt=0.05, substeps=substeps)
        return jnp.sum(jnp.sin(data.position)) + jnp.sum(data.acceleration[:, -1] ** 2)

    inputs = jnp.array([1.0, 0.9, 0.0, 0.0])
    gradient = mode(outcome)(inputs)
    step = 1e-5
    for k in range(4):
        shift = step * jnp.eye(4)[k]
        expected = (outcome(inputs + shift) - outcome(inputs - shift)) / (2 * step)
        np.testing.assert_allclose(gradient[k], expected, rtol=1e-5, atol=1e-6)


def test_memory_beyond_the_result_does_not_grow_with_trajectories():
    def temporary(trajectories):
        system = particles("spring")
        run = jax.jit(lambda state: system.rollout(state, steps=50, substeps=1))
        state = jax.eval_shape(lambda k: system.initial(k, trajectories), jax.random.key(0))
        return run.lower(state).compile().memory_analysis().temp_size_in_bytes

    assert temporary(2048) < 2 * temporary(256)


def state_of(**fields):
    state = particles("spring", bodies=3).initial(jax.random.key(0), 2)
    return state._replace(**fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0; expected at least 1"),
        ({"dt": -0.1}, "dt is -0.1; expected a positive time"),
        ({"dt": float("nan")}, "dt is nan"),
        ({"substeps": 0}, "substeps is 0"),
        ({"integrator": "yoshida5"}, "unknown integrator 'yoshida5'; did you mean 'yoshida"),
        ({"state": state_of(mass=jnp.ones(3))}, r"state.mass has shape \(3,\); expected \(2, 3\)"),
        (
            {"state": state_of(velocity=jnp.ones((2, 3, 3)))},
            r"state.velocity has shape \(2, 3, 3\); expected \(2, 3, 2\)",
        ),
    ],
)
def test_bad_rollouts_are_refused(options, message):
    arguments = {"state": state_of(), "steps": 3} | options
    with pytest.raises(ValueError, match=message):
        particles("spring", bodies=3).rollout(**arguments)


def test_symplectic_steps_are_refused_where_there_is_drag():
    with pytest.raises(ValueError, match="'damped' has drag; expected 'rk4'"):
        particles("damped").simulate(
            jax.random.key(0), trajectories=1, steps=2, integrator="verlet"
        )


def test_no_trajectories_are_refused():
    with pytest.raises(ValueError, match="trajectories is 0"):
        particles("spring").simulate(jax.random.key(0), trajectories=0, steps=2)


@pytest.mark.nans
def test_motion_that_leaves_the_numbers_is_an_error():
    system = particles(lambda r, *_, k=1.0: k * jnp.sqrt(r - 1e3), bodies=2)
    with pytest.raises(ValueError, match="2 of 2 trajectories .* the first is number 0"):
        system.simulate(jax.random.key(0), trajectories=2, steps=3, substeps=1)


def test_the_law_is_traced_a_few_times_whatever_number_of_substeps_there_may_be():
    """Compiling takes as long as the program is: gradients too have few copies of the force."""
    traces = []

    def pull(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0):
        traces.append(1)
        return strength * r**2

    start = particles("spring", bodies=3).initial(jax.random.key(0), 2)

    def outcome(strength):
        system = particles(pull, bodies=3, strength=strength)
        return jnp.sum(system.rollout(start, steps=5, dt=0.05).position)

    def equations(jaxpr):
        inner = jax.extend.core.jaxprs_in_params
        return len(jaxpr.eqns) + sum(
            equations(part) for eqn in jaxpr.eqns for part in inner(eqn.params)
        )

    plain = equations(jax.make_jaxpr(outcome)(1.0).jaxpr)
    assert len(traces) <= 12
    assert equations(jax.make_jaxpr(jax.grad(outcome))(1.0).jaxpr) < 4 * plain < 2000
