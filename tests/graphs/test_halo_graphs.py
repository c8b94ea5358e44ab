"""Graphs of halos, pieces of large graphs, and networks for a number of each node."""

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import optax
import pytest

from jaxsym.graphs.halos import HaloNodes, halo_graph, halo_network
from jaxsym.graphs.node_networks import (
    node_loss,
    node_network,
    node_regression,
    piece_batches,
    pieces,
)
from jaxsym.graphs.pruning import keep_messages
from jaxsym.simulate.cosmology import Halos
from jaxsym.training import init_state, make_step, train

BOX, RADIUS = 60.0, 20.0


@pytest.fixture(scope="module")
def halos():
    rng = np.random.default_rng(0)
    mass = 1e14 * np.exp(rng.normal(size=40))
    return Halos(rng.uniform(0, BOX, (40, 3)), 500 * rng.normal(size=(40, 3)), mass)


@pytest.fixture(scope="module")
def graph(halos):
    return halo_graph(halos, box=BOX, radius=RADIUS)


def test_edges_are_all_pairs_within_the_radius_across_the_box(halos, graph):
    beyond = halos.position[None] - halos.position[:, None]
    beyond -= BOX * np.round(beyond / BOX)
    distance = np.linalg.norm(beyond, axis=-1)
    near = (distance < RADIUS) & ~np.eye(40, dtype=bool)
    receivers, senders = np.nonzero(near)
    np.testing.assert_array_equal(graph.receivers, receivers)
    np.testing.assert_array_equal(graph.senders, senders)
    np.testing.assert_allclose(graph.edges.distance, distance[near], rtol=1e-5)
    moving = np.linalg.norm(halos.velocity[senders] - halos.velocity[receivers], axis=-1)
    np.testing.assert_allclose(graph.edges.relative_speed, moving / 1000, rtol=1e-5)
    np.testing.assert_allclose(graph.nodes.mass, halos.mass / 1e14, rtol=1e-6)


def test_shifting_or_turning_the_box_changes_nothing(halos, graph):
    moved = (halos.position + np.array([31.0, 7.0, 55.0]))[:, [1, 2, 0]] % BOX
    other = halo_graph(
        Halos(moved, halos.velocity[:, [1, 2, 0]], halos.mass), box=BOX, radius=RADIUS
    )
    model = halo_network(hidden=(8,))
    params, apply = model.init(jax.random.key(0), graph), jax.jit(model.apply)
    np.testing.assert_allclose(
        apply(params, graph).value, apply(params, other).value, rtol=1e-3, atol=1e-4
    )


def test_a_radius_beyond_half_the_box_is_refused(halos):
    with pytest.raises(ValueError, match="radius is 40.0; expected up to half the box, 30.0"):
        halo_graph(halos, box=BOX, radius=40.0)


def test_pieces_see_what_the_whole_graph_sees(graph):
    target = np.arange(40, dtype=np.float32)
    weight = (target % 3 != 0).astype(np.float32)
    cut = pieces(np.random.default_rng(1), graph, target, weight, size=5)
    model = halo_network(hidden=(8,), message_size=3)
    params = model.init(jax.random.key(0), graph)
    apply = jax.jit(model.apply)
    whole = np.asarray(apply(params, graph).value)
    met = []
    for number in range(len(cut.target)):
        piece = jax.tree.map(lambda a, n=number: a[n], cut)
        value = np.asarray(apply(params, piece.graph).value)
        used = piece.weight > 0
        assert used.sum() == 5
        of_nodes = piece.target[used].astype(int)
        np.testing.assert_allclose(value[used], whole[of_nodes], rtol=1e-4, atol=1e-5)
        met += of_nodes.tolist()
    assert len(met) == len(set(met)) and not any(node % 3 == 0 for node in met)


def test_pieces_need_enough_nodes(graph):
    with pytest.raises(ValueError, match="size is 9; expected 1 to 4"):
        pieces(np.random.default_rng(0), graph, np.ones(40), np.arange(40) < 4, size=9)


def test_the_loss_weighs_nodes_and_counts_real_edges_only(graph):
    target = np.linspace(0, 1, 40, dtype=np.float32)
    cut = pieces(np.random.default_rng(1), graph, target, np.ones(40), size=20)
    piece = jax.tree.map(lambda a: a[0], cut)
    model = halo_network(hidden=(8,), message_size=3, message_penalty=0.7)
    params = model.init(jax.random.key(0), graph)
    total, metrics = node_loss(model)(params, piece, jax.random.key(1))
    out = model.apply(params, piece.graph)
    error = np.mean(np.abs(out.value - piece.target)[:20])
    links = int(piece.graph.n_edge[0])
    size = np.mean(np.sum(np.abs(out.messages[:links]), axis=-1))
    np.testing.assert_allclose(metrics["error"], error, rtol=1e-5)
    np.testing.assert_allclose(metrics["message_size"], size, rtol=1e-5)
    np.testing.assert_allclose(total, error + 0.7 * size, rtol=1e-5)


def test_dropped_messages_no_longer_reach_the_node(graph):
    model, small = halo_network(message_size=4), halo_network(message_size=1)
    params = model.init(jax.random.key(0), graph)
    kept = small.apply(keep_messages(params, [2]), graph)
    whole = model.apply(params, graph)
    total = jnp.zeros((40, 4)).at[graph.receivers].add(whole.messages)
    expected = model.node(params, graph.nodes, total * jnp.array([0, 0, 1, 0]))
    np.testing.assert_allclose(kept.value, expected, rtol=1e-4, atol=1e-5)


def test_an_equation_in_the_networks_place_sums_over_neighbors(graph):
    apply = node_network(
        lambda params, receiver, sender, pair: (sender.mass / pair.distance)[:, None],
        lambda params, halo, total: params + halo.mass * total[:, 0],
    )
    expected = np.zeros(40)
    for receiver, sender, distance in zip(
        graph.receivers, graph.senders, graph.edges.distance, strict=True
    ):
        expected[receiver] += graph.nodes.mass[sender] / distance
    value = jax.jit(apply)(2.0, graph._replace(globals=None)).value
    np.testing.assert_allclose(value, 2.0 + graph.nodes.mass * expected, rtol=1e-4)


def test_a_network_learns_a_sum_over_neighbors():
    rng = np.random.default_rng(2)
    senders, receivers = rng.integers(0, 60, (2, 400))
    nodes = rng.normal(size=60).astype(np.float32)
    target = np.zeros(60, np.float32)
    np.add.at(target, receivers, 0.2 * np.tanh(nodes[senders]))
    graph = jraph.GraphsTuple(
        nodes=nodes,
        edges=np.zeros(400, np.float32),
        globals=None,
        senders=senders,
        receivers=receivers,
        n_node=np.array([60]),
        n_edge=np.array([400]),
    )
    model = node_regression(
        lambda receiver, sender, edge: sender[..., None],
        lambda node: node[..., None],
        hidden=(16,),
        message_size=2,
        message_penalty=0.0,
    )
    cut = pieces(rng, graph, target, np.ones(60, np.float32), size=20)
    optimizer = optax.adam(1e-2)
    start = model.init(jax.random.key(0), jax.tree.map(jnp.asarray, graph))
    state = init_state(start, optimizer, jax.random.key(1))
    step = make_step(node_loss(model), optimizer)
    trained = train(step, state, piece_batches, cut, steps=400, chunk=100)
    assert trained.metrics["error"] < 0.3 * np.mean(np.abs(target - np.median(target)))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="message_size is 0; expected at least 1"):
        halo_network(message_size=0)
    with pytest.raises(ValueError, match="message_penalty is -1.0; expected at least 0"):
        halo_network(message_penalty=-1.0)
    assert HaloNodes._fields == ("mass", "speed")
