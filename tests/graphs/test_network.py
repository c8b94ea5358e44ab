"""The interaction network against direct sums, its symmetries, and one trace for padded sizes."""

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import pytest

from jaxsym.graphs import (
    Bodies,
    CentralStart,
    central_network,
    graph,
    interaction_network,
    momentum_masses,
    particle_network,
    topology,
)
from jaxsym.simulate import particles


def random_bodies(key, batch=3, nodes=4, dims=2):
    keys = jax.random.split(key, 4)
    shape = (batch, nodes)
    return Bodies(
        jax.random.normal(keys[0], (*shape, dims)),
        jax.random.normal(keys[1], (*shape, dims)),
        jnp.exp(jax.random.normal(keys[2], shape)),
        jax.random.normal(keys[3], shape),
        jnp.broadcast_to(jnp.arange(nodes), shape),
    )


def moved(bodies, shift):
    return bodies._replace(position=bodies.position + shift)


@pytest.mark.parametrize("variant", ["standard", "bottleneck", "l1"])
@pytest.mark.parametrize("relative", [False, True])
def test_prediction_is_the_node_function_of_summed_messages(variant, relative):
    model = particle_network(variant, 2, hidden=(16,), relative=relative)
    params = model.init(jax.random.key(0))
    bodies = random_bodies(jax.random.key(1))
    got = model.apply(params, graph(bodies, topology(4))).acceleration.reshape(3, 4, 2)
    for b in range(3):
        one = jax.tree.map(lambda a, b=b: a[b], bodies)
        for i in range(4):
            here = jax.tree.map(lambda a, i=i: a[i], one)
            total = sum(
                model.message(params, here, jax.tree.map(lambda a, j=j: a[j], one))
                for j in range(4)
                if j != i
            )
            expected = model.node(params, here, total)
            np.testing.assert_allclose(got[b, i], expected, rtol=1e-4, atol=1e-5)


def test_an_equation_in_the_place_of_the_network_moves_bodies_as_the_simulator_does():
    system = particles("charge", bodies=5, dims=3)
    bodies = random_bodies(jax.random.key(2), nodes=5, dims=3)

    def message(params, receiver, sender):
        d = sender.position - receiver.position
        r = jnp.linalg.norm(d, axis=-1, keepdims=True)
        return -(receiver.charge * sender.charge)[:, None] * d / (r * (r + params) ** 2)

    apply = interaction_network(message, lambda params, body, total: total / body.mass[:, None])
    got = apply(0.01, graph(bodies, topology(5))).acceleration.reshape(3, 5, 3)
    expected = system.acceleration(*bodies[:4])
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-4)


def test_bodies_may_be_numbered_in_any_order():
    model = particle_network("l1", 2, hidden=(16,))
    params = model.init(jax.random.key(0))
    bodies = random_bodies(jax.random.key(1))
    order = jnp.array([2, 0, 3, 1])
    straight = model.apply(params, graph(bodies, topology(4))).acceleration.reshape(3, 4, 2)
    shuffled = jax.tree.map(lambda a: a[:, order], bodies)
    got = model.apply(params, graph(shuffled, topology(4))).acceleration.reshape(3, 4, 2)
    np.testing.assert_allclose(got, straight[:, order], rtol=1e-4, atol=1e-5)


def test_relative_inputs_ignore_translations_and_absolute_ones_do_not():
    bodies = random_bodies(jax.random.key(1))
    change = {}
    for relative in (True, False):
        model = particle_network("bottleneck", 2, hidden=(16,), relative=relative)
        params = model.init(jax.random.key(0))
        here = model.apply(params, graph(bodies, topology(4))).acceleration
        there = model.apply(params, graph(moved(bodies, 5.0), topology(4))).acceleration
        change[relative] = float(jnp.max(jnp.abs(here - there)))
    assert change[True] < 1e-4 < 1e-2 < change[False]


def test_central_forces_obey_the_third_law_and_turn_with_the_bodies():
    start = CentralStart(np.log([1.0, 0.1, 0.01, 2.0]), (0.0, 1.0), 1.0)
    model = central_network(start)
    params = model.init(jax.random.key(0))
    bodies = random_bodies(jax.random.key(1), dims=3)
    nodes = graph(bodies, topology(4, directed=False))
    acceleration = model.apply(params, nodes).acceleration.reshape(3, 4, 3)
    mass = jnp.exp(jnp.asarray(start.log_mass))
    force = jnp.einsum("n,bnd->bd", mass, acceleration)
    np.testing.assert_allclose(force, 0.0, atol=1e-4)
    turn = jnp.linalg.qr(jax.random.normal(jax.random.key(5), (3, 3)))[0]
    turned = bodies._replace(position=bodies.position @ turn)
    got = model.apply(params, graph(turned, topology(4, directed=False))).acceleration
    np.testing.assert_allclose(got.reshape(3, 4, 3), acceleration @ turn, rtol=1e-3, atol=1e-4)


def test_masses_from_momentum_are_the_true_ones_whatever_the_force():
    system = particles("spring", bodies=4, dims=2)
    mass = jnp.array([1.0, 3.0, 0.2, 5.0])
    position = jax.random.normal(jax.random.key(0), (50, 4, 2))
    many = jnp.broadcast_to(mass, (50, 4))
    acceleration = system.acceleration(position, 0 * position, many, 0 * many)
    np.testing.assert_allclose(momentum_masses(acceleration), mass / 5.0, rtol=1e-4)


def test_one_compiled_trace_serves_all_padded_sizes_and_padding_changes_nothing():
    model = particle_network("l1", 2, hidden=(16,))
    params = model.init(jax.random.key(0))
    traces = []

    @jax.jit
    def apply(params, nodes):
        traces.append(None)
        return model.apply(params, nodes).acceleration

    for nodes in (2, 3, 5):
        plain = graph(random_bodies(jax.random.key(nodes), nodes=nodes), topology(nodes))
        padded = jraph.pad_with_graphs(plain, n_node=20, n_edge=70, n_graph=8)
        expected = model.apply(params, plain).acceleration
        np.testing.assert_allclose(
            apply(params, padded)[: 3 * nodes], expected, rtol=1e-4, atol=1e-5
        )
    assert len(traces) == 1


def test_parameter_gradient_is_the_finite_difference(x64):
    model = particle_network("bottleneck", 2, hidden=(8,), activation=jnp.tanh)
    params = jax.tree.map(lambda a: a.astype(jnp.float64), model.init(jax.random.key(0)))
    bodies = jax.tree.map(
        lambda a: a.astype(jnp.float64) if a.dtype == jnp.float32 else a,
        random_bodies(jax.random.key(1)),
    )
    nodes = graph(bodies, topology(4))
    loss = lambda p: jnp.sum(model.apply(p, nodes).acceleration ** 2)  # noqa: E731
    direction = jax.tree.map(lambda a: jnp.cos(jnp.arange(a.size) + 0.0).reshape(a.shape), params)
    slope = sum(
        jnp.vdot(g, d)
        for g, d in zip(
            jax.tree.leaves(jax.grad(loss)(params)), jax.tree.leaves(direction), strict=True
        )
    )
    step = 1e-6
    ahead, behind = (
        loss(jax.tree.map(lambda p, d, s=s: p + s * step * d, params, direction)) for s in (1, -1)
    )
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)


def test_unknown_variants_name_the_nearest():
    with pytest.raises(ValueError, match="unknown model 'botleneck'; did you mean 'bottleneck'"):
        particle_network("botleneck", 2)


def test_dimensions_other_than_two_and_three_are_refused():
    with pytest.raises(ValueError, match="dims is 4; expected 2 or 3"):
        particle_network("l1", 4)


def test_a_single_body_has_no_topology():
    with pytest.raises(ValueError, match="nodes is 1; expected at least two"):
        topology(1)


def test_a_chain_links_neighbors_only():
    chain = topology(3, ((0, 1), (1, 2)))
    assert sorted(zip(chain.receivers.tolist(), chain.senders.tolist(), strict=True)) == [
        (0, 1),
        (1, 0),
        (1, 2),
        (2, 1),
    ]
