"""What is read from networks whose truth is known because they are equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.distill import extract_pair_forces, message_r2, pair_response
from jaxsym.graphs import GraphModel, interaction_network, record_messages, snapshots, topology
from jaxsym.graphs.delivery import same_bodies
from jaxsym.laws.pairs import pair_inputs
from jaxsym.simulate import particles


def charged_model(mix, receiver_factor):
    """An exact model of charges whose messages are mixed, and stripped of a receiver's factor."""
    inverse = np.linalg.inv(mix)

    def message(params, receiver, sender):
        d = sender.position - receiver.position
        r = jnp.linalg.norm(d, axis=-1, keepdims=True)
        force = -(receiver.charge * sender.charge)[..., None] * d / (r * (r + 0.01) ** 2)
        return (force / receiver_factor(receiver)[..., None]) @ mix

    def node(params, body, total):
        return (total @ inverse) * receiver_factor(body)[..., None] / body.mass[..., None]

    return GraphModel(
        lambda key: {}, interaction_network(message, node), message, node, same_bodies, 0.0, False
    )


@pytest.fixture(scope="module")
def charges():
    data = particles("charge", bodies=4, dims=2).simulate(
        jax.random.key(0), trajectories=50, steps=40
    )
    return jax.tree.map(jnp.asarray, snapshots(data))


@pytest.fixture(scope="module")
def mix():
    return np.array([[0.5, -1.0], [2.0, 0.3]])


def test_the_pair_response_is_free_of_mixing_and_of_receiver_factors(charges, mix):
    model = charged_model(mix, lambda body: body.charge * (1 + body.mass))
    sample = record_messages(model, {}, charges, topology(4), key=jax.random.key(1), count=500)
    plain = charged_model(np.eye(2), lambda body: jnp.ones_like(body.mass))
    force = plain.message({}, sample.receiver, sample.sender)
    expected = force / sample.receiver.mass[:, None]
    np.testing.assert_allclose(pair_response(model, {}, sample), expected, rtol=1e-3, atol=1e-4)


def test_codes_that_only_sums_of_as_many_reveal_are_read_from_such_sums(charges):
    def message(params, receiver, sender):
        return jnp.tanh(0.1 * (sender.position - receiver.position))

    def node(params, body, total):
        return 3 * jnp.arctanh(total / 3)

    apply = interaction_network(message, node)
    coded = GraphModel(lambda key: {}, apply, message, node, same_bodies, 0.0, False)
    sample = record_messages(coded, {}, charges, topology(4), key=jax.random.key(1), count=500)
    pull = 0.1 * (sample.sender.position - sample.receiver.position)
    three, one = (pair_response(coded, {}, sample, copies=count) for count in (3, 1))
    np.testing.assert_allclose(three, pull, rtol=1e-4, atol=1e-5)
    assert float(jnp.abs(one - pull).max()) > 1e-2


def test_the_coefficient_read_is_the_law(charges, mix):
    model = charged_model(mix, lambda body: body.charge)
    sample = record_messages(model, {}, charges, topology(4), key=jax.random.key(1), count=500)
    reading = extract_pair_forces(model, {}, sample, error=1e-3)
    r, m1, _, q1, q2 = reading.inputs.T
    expected = -q1 * q2 / (m1 * r * (r + 0.01) ** 2)
    np.testing.assert_allclose(reading.coefficient, expected, rtol=2e-3)
    assert reading.tangential < 1e-6 and not reading.force


def test_pairs_that_do_not_interact_are_counted():
    def message(params, receiver, sender):
        d = sender.position - receiver.position
        r = jnp.linalg.norm(d, axis=-1, keepdims=True)
        return jnp.where(r > 1.99, 2 * (r - 0.99) / r, 0.0) * d

    def node(params, body, total):
        return total / body.mass[..., None]

    springs = GraphModel(
        lambda key: {}, interaction_network(message, node), message, node, same_bodies, 0.0, False
    )
    motion = particles("discontinuous").simulate(jax.random.key(0), trajectories=50, steps=40)
    data = jax.tree.map(jnp.asarray, snapshots(motion))
    sample = record_messages(springs, {}, data, topology(4), key=jax.random.key(1), count=500)
    reading = extract_pair_forces(springs, {}, sample, error=1e-2)
    near = np.asarray(pair_inputs(sample.receiver, sample.sender)[1])[:, 0] < 1.99
    assert reading.inputs[:, 0].min() > 1.98
    assert reading.non_interacting == pytest.approx(near.mean(), abs=0.1)
    assert reading.tangential < 1e-6
    assert reading.weights.max() < 1e4 * np.median(reading.weights)  # free bodies rule nothing


def test_a_factor_of_the_receiver_spoils_the_plain_measure_only(charges, mix):
    model = charged_model(mix, lambda body: body.charge)
    sample = record_messages(model, {}, charges, topology(4), key=jax.random.key(1), count=3000)
    plain = charged_model(np.eye(2), lambda body: jnp.ones_like(body.mass))
    force = np.asarray(plain.message({}, sample.receiver, sample.sender))
    scalars = np.stack([sample.receiver.mass, sample.receiver.charge], axis=1)
    r2 = message_r2(np.asarray(sample.message), force, scalars)
    assert r2.plain < 0.5 and r2.modulo_receiver > 0.999


def test_mixed_forces_have_r2_of_one_and_noise_lowers_it():
    rng = np.random.default_rng(0)
    force, scalars = rng.normal(size=(2000, 3)), rng.uniform(1, 2, (2000, 1))
    mixed = force @ rng.normal(size=(3, 3)) + 1.0
    exact = message_r2(mixed, force, scalars)
    assert exact.plain == pytest.approx(1.0, abs=1e-9)
    noisy = message_r2(mixed + mixed.std() * rng.normal(size=mixed.shape), force, scalars)
    assert 0.2 < noisy.plain < 0.8
    outliers = mixed.copy()
    outliers[:50] += 100.0
    spoiled = message_r2(outliers, force, scalars)
    assert spoiled.plain < 0.5 and spoiled.trimmed > 0.999
