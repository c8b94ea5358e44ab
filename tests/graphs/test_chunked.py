"""Chunks against the whole: values, gradients, padding."""

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import pytest

from jaxsym.graphs import (
    Bodies,
    chunked_network,
    make_grid,
    neighbor_list,
    particle_network,
)


@pytest.fixture
def system():
    """40 bodies, the edges between near ones, and the same with room to spare."""
    keys = jax.random.split(jax.random.key(0), 3)
    bodies = Bodies(
        jax.random.uniform(keys[0], (40, 2), maxval=5.0),
        jax.random.normal(keys[1], (40, 2)),
        jnp.exp(jax.random.normal(keys[2], 40)),
        jnp.zeros(40),
        jnp.arange(40),
    )
    found = neighbor_list(bodies.position, make_grid(bodies.position, 1.5, slack=1.5))
    count = int(found.edges)

    def graph(edges):
        return jraph.GraphsTuple(
            bodies, None, found.receivers[:edges], found.senders[:edges], None,
            np.array([40]), np.array([edges]),
        )  # fmt: skip

    return graph(count), graph(len(found.receivers))


@pytest.mark.parametrize("chunk", [7, 10_000])
@pytest.mark.parametrize("variant", ["l1", "kl"])
def test_chunks_of_padded_edges_give_what_the_network_gives(system, variant, chunk):
    exact, padded = system
    model = particle_network(variant, 2, hidden=(8,), message_size=4)
    params = model.init(jax.random.key(1))
    apply = particle_network(variant, 2, hidden=(8,), message_size=4, chunk=chunk).apply
    whole, parts = model.apply(params, exact), apply(params, padded)
    np.testing.assert_allclose(parts.acceleration, whole.acceleration, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts.penalty, whole.penalty, rtol=1e-5)
    edges = len(exact.receivers)
    np.testing.assert_allclose(parts.messages[:edges], whole.messages, rtol=1e-4, atol=1e-5)

    def loss(params, apply, graph):
        out = apply(params, graph)
        return jnp.mean(out.acceleration**2) + out.penalty

    slopes = jax.grad(loss)(params, model.apply, exact), jax.grad(loss)(params, apply, padded)
    for a, b in zip(*map(jax.tree.leaves, slopes), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_memory_of_a_gradient_is_that_of_a_chunk():
    """Ten times the edges need hardly more temporary memory."""

    def temporary(edges):
        model = particle_network("l1", 2, hidden=(64, 64), message_size=4, chunk=1000)
        params = model.init(jax.random.key(1))
        bodies = Bodies(jnp.ones((40, 2)), jnp.ones((40, 2)), *([jnp.ones(40)] * 3))
        index = jnp.zeros(edges, int)
        graph = jraph.GraphsTuple(
            bodies, None, index, index, None, np.array([40]), np.array([edges])
        )
        loss = lambda params: jnp.sum(model.apply(params, graph).acceleration)  # noqa: E731
        compiled = jax.jit(jax.grad(loss)).lower(params).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(100_000) < 2 * temporary(10_000)


def test_a_chunk_holds_an_edge():
    with pytest.raises(ValueError, match="chunk is 0; expected at least 1 edge"):
        chunked_network(None, None, chunk=0)
