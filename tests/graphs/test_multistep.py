"""How far messages travel, what padding changes, and what features are for."""

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import pytest

from jaxsym.graphs import MultiStepNetwork


def chain(nodes=6, edges=None, globals_=None):
    here = jnp.arange(nodes - 1)
    return jraph.GraphsTuple(
        nodes=jax.random.normal(jax.random.key(0), (nodes, 3)),
        edges=edges,
        globals=globals_,
        senders=here,
        receivers=here + 1,
        n_node=jnp.array([nodes]),
        n_edge=jnp.array([nodes - 1]),
    )


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_messages_travel_one_edge_a_step(steps, shared):
    net, graph = MultiStepNetwork(1, steps=steps, shared=shared), chain()
    params = net.init(jax.random.key(1), graph)
    # the sum over the graph reaches every node from the second step on: cut it off
    cut = jax.tree_util.tree_map_with_path(
        lambda path, leaf: 0 * leaf if "globals" in str(path) else leaf, params
    )

    def value(nodes):
        return net.apply(cut, graph._replace(nodes=nodes)).nodes[:, 0]

    reach = jnp.abs(jax.jacobian(value)(graph.nodes)).sum(-1) > 0
    distance = np.arange(6)[:, None] - np.arange(6)[None]
    np.testing.assert_array_equal(reach, (distance >= 0) & (distance <= steps))


def test_shared_steps_have_the_weights_of_one():
    count = {}
    for shared in (True, False):
        net = MultiStepNetwork(1, steps=3, shared=shared)
        params = net.init(jax.random.key(0), chain())
        count[shared] = len([name for name in params["params"] if name.startswith("edges")])
    assert count == {True: 1, False: 3}


def test_edge_and_global_features_matter():
    edges, globals_ = jnp.ones((5, 2)), jnp.ones((1, 4))
    net = MultiStepNetwork(1)
    params = net.init(jax.random.key(0), chain(edges=edges, globals_=globals_))

    def total(edges, globals_):
        return jnp.sum(net.apply(params, chain(edges=edges, globals_=globals_)).nodes)

    for slope in jax.grad(total, (0, 1))(edges, globals_):
        assert float(jnp.min(jnp.abs(slope))) > 0


def test_one_trace_serves_padded_graphs_and_padding_changes_nothing():
    net, traces = MultiStepNetwork(2, global_outputs=3), []
    params = net.init(jax.random.key(0), chain(edges=jnp.ones((5, 1)), globals_=jnp.ones((1, 1))))

    @jax.jit
    def apply(params, graph):
        traces.append(1)
        return net.apply(params, graph)

    for nodes in (3, 5, 6):
        graph = chain(nodes, jnp.ones((nodes - 1, 1)), jnp.ones((1, 1)))
        padded = apply(params, jraph.pad_with_graphs(graph, 10, 12, 2))
        plain = net.apply(params, graph)
        np.testing.assert_allclose(padded.nodes[:nodes], plain.nodes, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(padded.globals[:1], plain.globals, rtol=1e-4, atol=1e-5)
    assert len(traces) == 1
