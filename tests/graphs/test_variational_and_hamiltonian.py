"""Random messages and energies: values against closed forms, forces against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.graphs import (
    Bodies,
    absolute_error,
    graph,
    hamiltonian_network,
    particle_network,
    topology,
    training_loss,
)


@pytest.fixture
def bodies():
    keys = jax.random.split(jax.random.key(0), 4)
    return Bodies(
        jax.random.normal(keys[0], (3, 4, 2)),
        jax.random.normal(keys[1], (3, 4, 2)),
        jnp.exp(jax.random.normal(keys[2], (3, 4))),
        jax.random.normal(keys[3], (3, 4)),
        jnp.broadcast_to(jnp.arange(4), (3, 4)),
    )


def test_variational_messages_are_drawn_with_a_key_and_are_means_without(bodies):
    model = particle_network("kl", 2, hidden=(8,), message_size=5)
    params, nodes = model.init(jax.random.key(1)), graph(bodies, topology(4))
    out = model.apply(params, nodes)
    receiver, sender = (
        jax.tree.map(lambda a, i=i: a[i], nodes.nodes) for i in (nodes.receivers, nodes.senders)
    )
    np.testing.assert_allclose(
        out.messages, model.message(params, receiver, sender), rtol=1e-5, atol=1e-6
    )
    drawn = jax.vmap(lambda key: model.apply(params, nodes, key).messages)(
        jax.random.split(jax.random.key(2), 4000)
    )
    raw = particle_network("l1", 2, hidden=(8,), message_size=10).message(params, receiver, sender)
    mean, log_variance = jnp.split(raw, 2, axis=-1)
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.15)
    np.testing.assert_allclose(drawn.std(0), jnp.exp(0.5 * log_variance), rtol=0.1)
    divergence = 0.5 * (jnp.exp(log_variance) + mean**2 - log_variance - 1).sum(-1)
    np.testing.assert_allclose(out.penalty, divergence.mean(), rtol=1e-5)


def test_the_trainer_draws_and_charges_variational_messages(bodies):
    model = particle_network("kl", 2, hidden=(8,))
    params = model.init(jax.random.key(1))
    batch = graph(bodies, topology(4)), jnp.zeros((12, 2))
    loss = training_loss(model, absolute_error)
    one, metrics = loss(params, batch, jax.random.key(3))
    other, _ = loss(params, batch, jax.random.key(4))
    assert one != other
    np.testing.assert_allclose(one, metrics["error"] + metrics["penalty"], rtol=1e-6)


def moved(bodies, shift):
    return graph(bodies._replace(position=bodies.position.at[1, 2].add(shift)), topology(4))


@pytest.mark.parametrize("relative", [False, True])
def test_hamiltonian_accelerations_are_slopes_of_one_energy(bodies, relative):
    model = hamiltonian_network(2, hidden=(8,), relative=relative)
    with jax.enable_x64(True):
        double = jax.tree.map(lambda a: jnp.asarray(a, float), bodies)
        double = double._replace(label=bodies.label)
        params = jax.tree.map(lambda a: jnp.asarray(a, float), model.init(jax.random.key(1)))
        nodes = graph(double, topology(4))
        got = model.apply(params, nodes)
        forces = got.acceleration * nodes.nodes.mass[:, None]

        # a body moved along a straight line: the work of its force is the energy lost
        way, steps = jnp.array([0.3, -0.2]), jnp.linspace(0, 1, 2001)
        pull = jax.vmap(lambda t: model.apply(params, moved(double, t * way)).acceleration[6])
        work = double.mass[1, 2] * jnp.trapezoid(pull(steps) @ way, steps)
        lost = model.energy(params, nodes) - model.energy(params, moved(double, way))
        np.testing.assert_allclose(work, lost, rtol=1e-6)
        # message and node functions apart give the same
        receiver, sender = (
            jax.tree.map(lambda a, i=i: a[i], nodes.nodes) for i in (nodes.receivers, nodes.senders)
        )
        total = jax.ops.segment_sum(
            model.message(params, receiver, sender), nodes.receivers, len(forces)
        )
        np.testing.assert_allclose(
            model.node(params, nodes.nodes, total), got.acceleration, rtol=1e-8
        )
        np.testing.assert_allclose(
            got.messages, model.message(params, receiver, sender), rtol=1e-10
        )


def test_relative_hamiltonian_forces_obey_the_third_law(bodies):
    model = hamiltonian_network(2, hidden=(8,), relative=True)
    params = model.init(jax.random.key(1))
    nodes = graph(bodies, topology(4))
    out = model.apply(params, nodes)
    total = jax.ops.segment_sum(out.messages, nodes.receivers // 4, 3)
    np.testing.assert_allclose(total, 0.0, atol=1e-4)
