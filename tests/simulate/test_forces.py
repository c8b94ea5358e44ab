"""Accelerations against the laws' own texts, the energies and Newton's third law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.simulate import LAWS, Law, LawTerm, ParticleSystem, State, particles
from jaxsym.simulate.laws import CENTRAL_LAWS
from jaxsym.terms import KINDS

CLOSED = ["r1", "r2", "spring", "charge", "superposition", "discontinuous"]


accelerate = jax.jit(ParticleSystem.acceleration)


def some_state(system, seed=0, trajectories=5):
    """A random state in float64, away from close encounters."""
    state = system.initial(jax.random.key(seed), trajectories)
    return State(*(np.asarray(values, np.float64) for values in state))


def force_from_text(system, state):
    """The sum of the truth's texts over the interacting bodies, by NumPy."""
    radial, own = parse(system.truth.radial), system.truth.own
    further = [(KINDS[name], parse(text)) for name, text in system.truth.further]
    x, v, m, q = (np.asarray(values) for values in state)
    runs, bodies, dims = x.shape
    names = ("r", "m1", "m2", "q1", "q2")
    force = np.zeros_like(x)
    for i in range(bodies):
        for j in range(bodies):
            if i == j or (system.law.chain and abs(i - j) > 1):
                continue
            d = x[:, j] - x[:, i]
            r = np.linalg.norm(d, axis=-1)
            table = np.stack([r, m[:, i], m[:, j], q[:, i], q[:, j]], axis=-1)
            force[:, i] += radial.evaluate(table, names)[:, None] * d
            for kind, coefficient in further:
                if kind.between:
                    size = coefficient.evaluate(table, names)
                    force[:, i] += size[:, None] * kind.vector(d, v[:, j] - v[:, i])
    for kind, coefficient in further:
        if not kind.between:
            size = coefficient.evaluate(np.stack([m, q], -1).reshape(-1, 2), ("m1", "q1"))
            force += np.broadcast_to(size, m.size).reshape(m.shape)[..., None] * kind.vector(x, v)
    weights = system.law.own_weights(bodies) if system.law.own_weights else np.ones(bodies)
    axes = "xyz"[:dims]
    columns = [f"{a}1" for a in axes] + [f"v{a}1" for a in axes] + ["m1"]
    table = np.concatenate([x, v, m[..., None]], axis=-1)
    for k in range(dims):
        values = parse(own[k]).evaluate(table.reshape(-1, 2 * dims + 1), columns)
        force[..., k] += weights * np.broadcast_to(values, runs * bodies).reshape(runs, bodies)
    return force


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    "law", [n for n, law in LAWS.items() if law.truth.own is not None and law.order == 2]
)
def test_acceleration_is_the_law_in_words(law, dims, x64):
    system = particles(law, bodies=4, dims=dims)
    state = some_state(system)
    acceleration = accelerate(system, *state)
    expected = force_from_text(system, state) / np.asarray(state.mass)[..., None]
    np.testing.assert_allclose(acceleration, expected, rtol=1e-9, atol=1e-9)


def test_truth_follows_the_parameters(x64):
    system = particles("spring", bodies=3, stiffness=0.7, length=2.5, softening=0.2)
    state = some_state(system)
    expected = force_from_text(system, state) / np.asarray(state.mass)[..., None]
    np.testing.assert_allclose(accelerate(system, *state), expected, rtol=1e-9)


def test_friction_of_the_paper_falls_with_the_index(x64):
    damped, spring = particles("damped_paper", bodies=4), particles("spring", bodies=4)
    state = some_state(damped)
    friction = accelerate(damped, *state) - accelerate(spring, *state)
    share = np.array([3, 2, 1, 0]) / 4 / np.asarray(state.mass)
    np.testing.assert_allclose(friction, -share[..., None] * state.velocity, atol=1e-12)


@pytest.mark.parametrize("law", [n for n, law in CENTRAL_LAWS.items() if law.drag is None])
def test_force_is_minus_the_gradient_of_the_energy(law, x64):
    system = particles(law, bodies=5, dims=3)
    x, v, m, q = some_state(system)
    force = -jax.jit(jax.grad(lambda x: jnp.sum(system.energy(x, v, m, q))))(x)
    np.testing.assert_allclose(
        accelerate(system, x, v, m, q), force / m[..., None], rtol=1e-9, atol=1e-9
    )


def test_energy_of_a_stretched_spring(x64):
    system = particles("spring", bodies=2, softening=0.0, stiffness=3.0, length=0.5)
    x, v = jnp.array([[0.0, 0.0], [0.0, 2.0]]), jnp.array([[1.0, 0.0], [0.0, -2.0]])
    energy = system.energy(x, v, jnp.array([2.0, 4.0]), jnp.zeros(2))
    assert float(energy) == pytest.approx(3 * 1.5**2 + 0.5 * 2 + 0.5 * 4 * 4)


@pytest.mark.parametrize("law", CLOSED)
def test_forces_cancel_over_the_system(law, x64):
    system = particles(law, bodies=6, dims=3)
    state = some_state(system)
    total = np.sum(state.mass[..., None] * accelerate(system, *state), axis=-2)
    np.testing.assert_allclose(total, 0, atol=1e-9)


def test_no_pair_beyond_neighbors_in_a_string(x64):
    system = particles("string", bodies=5, gravity=0.0)
    x, v, m, q = some_state(system)
    moved = x + np.eye(5)[4][:, None]
    change = accelerate(system, moved, v, m, q) - accelerate(system, x, v, m, q)
    assert np.all(np.asarray(change[:, :3]) == 0)
    assert np.all(np.abs(np.asarray(change[:, 3:])).max(axis=-1) > 1e-3)


def test_last_body_of_the_string_passes_through_the_ball(x64):
    system = particles("string_ball", bodies=3)
    x = jnp.array([[0.0, 0.0], [1.0, 0.0], [5.0, -15.0]])
    acceleration = accelerate(system, x, 0 * x, jnp.ones(3), jnp.zeros(3))
    assert np.isfinite(np.asarray(acceleration)).all()


def test_batches_are_loops(x64):
    system = particles("superposition", bodies=4, dims=3)
    state = some_state(system, trajectories=6)
    together = accelerate(system, *state)
    mapped = jax.vmap(lambda *s: accelerate(system, *s))(*state)
    single = np.stack([accelerate(system, *(s[i] for s in state)) for i in range(6)])
    np.testing.assert_allclose(together, single, rtol=1e-12)
    np.testing.assert_allclose(mapped, single, rtol=1e-12)


def test_potential_of_the_user(x64):
    def yukawa(r, mass_i, mass_j, charge_i, charge_j, *, reach, depth=2.0):
        return depth * charge_i * charge_j * jnp.exp(-r / reach) / r

    system = particles(yukawa, bodies=2, reach=0.5)
    x, q = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([1.0, -1.0])
    acceleration = accelerate(system, x, 0 * x, jnp.ones(2), q)
    pull = 2.0 * np.exp(-10.0) * (1 / 5 / 0.5 + 1 / 25)
    np.testing.assert_allclose(acceleration[0], pull * np.array([0.6, 0.8]), rtol=1e-12)
    assert system.truth is None


def test_one_body_terms_of_the_user(x64):
    law = Law(
        "trap",
        lambda r, mass_i, mass_j, charge_i, charge_j: 0.0 * r,
        external=lambda position, mass, charge, *, hold=2.0: 0.5 * hold * jnp.sum(position**2, 0),
        drag=lambda mass, charge, *, drag=0.1: drag * mass,
    )
    system = particles(law, bodies=3, dims=3, hold=5.0)
    x, v, m, q = some_state(system)
    expected = -5.0 * x / m[..., None] - 0.1 * v
    np.testing.assert_allclose(accelerate(system, x, v, m, q), expected, rtol=1e-12)


def initial(law, bodies=4):
    system = particles(law, bodies=bodies, dims=3)
    return jax.tree.map(np.asarray, system.initial(jax.random.key(0), 2000))


def test_initial_states_are_the_papers():
    state = initial("charge")
    assert [s.shape for s in state] == [(2000, 4, 3), (2000, 4, 3), (2000, 4), (2000, 4)]
    assert set(np.unique(state.charge)) == {-1.0, 1.0}
    log_mass = np.log(state.mass)
    assert abs(log_mass.mean()) < 0.05 and abs(log_mass.std() - 1) < 0.05
    assert abs(state.position.std() - 1) < 0.02
    assert abs(initial("spring").charge.std() - 1) < 0.05  # a distractor


def test_a_string_starts_stretched_out():
    string = initial("string", bodies=30)
    assert np.all(string.mass == 1) and np.all(string.velocity[..., 0] == 0)
    np.testing.assert_allclose(string.position[..., 0].mean(0), np.arange(30), atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"law": "sprnig"}, "unknown law 'sprnig'; did you mean 'spring'"),
        ({"law": "spring", "stifness": 2.0}, "parameter of law spring 'stifness'.*'stiffness'"),
        ({"law": "spring", "bodies": 1}, "bodies is 1; expected at least two"),
        ({"law": "spring", "dims": 4}, "dims is 4; expected 2 or 3"),
        ({"law": lambda r, m, n, p, q, *, k: k * r}, "needs a value for k"),
        ({"law": lambda r, k: k * r}, "takes 2 positional arguments; expected five"),
    ],
)
def test_bad_systems_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        particles(**arguments)


def test_law_of_a_wrong_type_is_refused():
    with pytest.raises(TypeError, match="law is a int; expected a name, a Law or a pair potential"):
        particles(3)


@pytest.mark.parametrize("law", ["vortices", "colloids"])
def test_velocity_is_the_law_in_words_where_it_is_of_first_order(law, x64):
    system = particles(law, bodies=4, dims=2)
    data = system.rollout(some_state(system), steps=3, dt=1e-3)
    state = State(data.position[:, 1], data.velocity[:, 1], data.mass, data.charge)
    np.testing.assert_allclose(state.velocity, force_from_text(system, state), rtol=1e-9)
    moved = (data.position[:, 2] - data.position[:, 0]) / 2e-3
    np.testing.assert_allclose(state.velocity, moved, rtol=1e-3, atol=1e-4)
    bent = (data.velocity[:, 2] - data.velocity[:, 0]) / 2e-3
    np.testing.assert_allclose(data.acceleration[:, 1], bent, rtol=1e-2, atol=1e-2)


def test_a_force_that_is_not_reciprocal_acts_on_either_body_by_itself(x64):
    pull = LawTerm("central", lambda r, m_1, m_2, q_1, q_2, *, k=1.0: k * m_2 + 0 * r)
    system = particles(Law("sent", lambda r, *_: 0.0 * r, terms=(pull,)), bodies=2)
    x = np.array([[0.0, 0.0], [1.0, 0.0]])
    found = system.acceleration(x, 0 * x, np.array([1.0, 3.0]), np.zeros(2))
    np.testing.assert_allclose(found, [[3.0, 0.0], [-1.0 / 3.0, 0.0]])
    slope = jax.grad(lambda k: particles(system.law, bodies=2, k=k).acceleration(
        x, 0 * x, np.ones(2), np.zeros(2))[0, 0])(2.0)  # fmt: skip
    assert float(slope) == pytest.approx(1.0)
