"""Losses against closed forms, batches, recorded messages, and a network that learns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.graphs import (
    decades_error,
    graph,
    graph_batches,
    live_components,
    log_relative_error,
    particle_network,
    record_messages,
    relative_error,
    snapshots,
    topology,
    training_loss,
)
from jaxsym.simulate import particles
from jaxsym.training import init_state, make_step, train


@pytest.fixture(scope="module")
def spring():
    data = particles("spring", bodies=3, dims=2).simulate(
        jax.random.key(0), trajectories=40, steps=40
    )
    return jax.tree.map(jnp.asarray, snapshots(data))


def test_decades_error_counts_magnitude_and_direction():
    true = jnp.array([3.0, 4.0])
    np.testing.assert_allclose(
        decades_error(100 * true, true), np.sqrt(1 + np.log(100) ** 2) - 1, rtol=1e-5
    )
    np.testing.assert_allclose(decades_error(-true, true), 4.0, rtol=1e-5)


def test_relative_errors_against_closed_forms():
    true, predicted = jnp.array([3.0, 4.0]), jnp.array([3.0, 4.5])
    np.testing.assert_allclose(relative_error(0.5)(predicted, true), 0.5 / 7.5, rtol=1e-6)
    np.testing.assert_allclose(log_relative_error(predicted, true), np.log1p(3.0), rtol=1e-4)


def test_the_message_penalty_is_added_with_its_weight(spring):
    model = particle_network("l1", 2, hidden=(8,), penalty_weight=0.5)
    params = model.init(jax.random.key(0))
    batch = graph_batches(topology(3), 16)(jax.random.key(1), 0, spring)
    total, metrics = training_loss(model, relative_error(0.3))(params, batch, jax.random.key(2))
    np.testing.assert_allclose(total, metrics["error"] + 0.5 * metrics["penalty"], rtol=1e-6)
    out = model.apply(params, batch[0])
    np.testing.assert_allclose(
        metrics["penalty"], np.mean(np.sum(np.abs(out.messages), axis=-1)), rtol=1e-5
    )


def test_shifted_batches_move_all_bodies_alike_and_keep_the_target(spring):
    plain, target = graph_batches(topology(3), 16)(jax.random.key(1), 0, spring)
    moved, same = graph_batches(topology(3), 16, shift=3.0)(jax.random.key(1), 0, spring)
    move = moved.nodes.position - plain.nodes.position
    np.testing.assert_allclose(move, np.broadcast_to(move[0], move.shape), atol=1e-5)
    assert float(jnp.max(jnp.abs(move))) > 0.1
    np.testing.assert_array_equal(target, same)


def test_recorded_messages_are_those_of_the_network(spring):
    model = particle_network("bottleneck", 2, hidden=(8,))
    params = model.init(jax.random.key(0))
    sample = record_messages(model, params, spring, topology(3), key=jax.random.key(1), count=50)
    np.testing.assert_allclose(
        sample.message, model.message(params, sample.receiver, sample.sender), rtol=1e-4, atol=1e-5
    )
    assert not np.any(sample.receiver.label == sample.sender.label)
    one = jax.tree.map(lambda a: a[:1], spring.bodies)
    everything = model.apply(params, graph(one, topology(3))).messages
    assert everything.shape == (6, 2)


def test_live_components_are_those_that_vary():
    messages = jnp.stack([jnp.zeros(9), 3.0 * jnp.arange(9.0), jnp.arange(9.0)], axis=1)
    assert live_components(messages, 2).tolist() == [1, 2]
    with pytest.raises(ValueError, match="count is 4; expected 1 to 3"):
        live_components(messages, 4)


def test_a_network_learns_springs(spring):
    model = particle_network("bottleneck", 2, hidden=(32, 32), relative=True)
    optimizer = optax.adam(3e-3)
    state = init_state(model.init(jax.random.key(0)), optimizer, jax.random.key(1))
    step = make_step(training_loss(model, relative_error(0.3)), optimizer)
    batches = graph_batches(topology(3), 64)
    early = train(step, state, batches, spring, steps=20, chunk=20)
    late = train(step, early.state, batches, spring, steps=600, chunk=100)
    assert late.metrics["error"] < 0.5 * early.metrics["error"]
