"""Turned messages change no prediction; pruned ones are those of a smaller network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.graphs import (
    Bodies,
    graph,
    keep_messages,
    particle_network,
    principal_messages,
    silence_messages,
    topology,
)


@pytest.fixture
def network():
    keys = jax.random.split(jax.random.key(0), 3)
    bodies = Bodies(
        jax.random.normal(keys[0], (50, 4, 2)),
        jax.random.normal(keys[1], (50, 4, 2)),
        jnp.exp(jax.random.normal(keys[2], (50, 4))),
        jnp.ones((50, 4)),
        jnp.broadcast_to(jnp.arange(4), (50, 4)),
    )
    model = particle_network("l1", 2, hidden=(8, 8), message_size=6)
    return model, model.init(jax.random.key(1)), graph(bodies, topology(4))


def test_principal_messages_are_uncorrelated_and_ordered_and_predict_the_same(network):
    model, params, nodes = network
    before = model.apply(params, nodes)
    turned = principal_messages(params, before.messages)
    after = model.apply(turned, nodes)
    np.testing.assert_allclose(after.acceleration, before.acceleration, rtol=1e-3, atol=1e-5)
    covariance = np.cov(np.asarray(after.messages, np.float64).T)
    spread = np.diag(covariance)
    assert np.all(np.diff(spread) <= 1e-6 * spread[0])
    np.testing.assert_allclose(covariance - np.diag(spread), 0, atol=1e-5 * spread[0])
    again = model.apply(params, nodes)  # the caller's parameters are as they were
    np.testing.assert_array_equal(again.messages, before.messages)


def test_a_network_hears_the_components_that_are_kept(network):
    model, params, nodes = network
    small = particle_network("l1", 2, hidden=(8, 8), message_size=2)
    got = small.apply(keep_messages(params, [4, 1]), nodes)
    messages = model.apply(params, nodes).messages
    np.testing.assert_allclose(got.messages, messages[:, [4, 1]], rtol=1e-5, atol=1e-6)
    heard = jnp.zeros(6).at[jnp.array([4, 1])].set(1.0)
    total = jax.ops.segment_sum(messages * heard, nodes.receivers, 200)
    expected = model.node(params, nodes.nodes, total)
    np.testing.assert_allclose(got.acceleration, expected, rtol=1e-4, atol=1e-5)


def test_silent_components_are_as_good_as_cut_off_and_need_one_program(network):
    model, params, nodes = network
    traces = []

    @jax.jit
    def silenced(params, count):
        traces.append(count)
        return model.apply(silence_messages(params, count), nodes).acceleration

    for count in (1, 3, 6):
        small = particle_network("l1", 2, hidden=(8, 8), message_size=count)
        expected = small.apply(keep_messages(params, np.arange(count)), nodes).acceleration
        np.testing.assert_allclose(silenced(params, count), expected, rtol=1e-4, atol=1e-5)
    assert len(traces) == 1


@pytest.mark.parametrize("components", [[], [6], [-1]])
def test_components_that_are_not_there(network, components):
    with pytest.raises(ValueError, match=r"components are .*; expected some of 0 to 5"):
        keep_messages(network[1], components)
