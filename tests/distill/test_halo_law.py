"""Laws of halos: sums over neighbors against loops, refits, and the choice among compositions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.distill.halos.discovery import choose_composition
from jaxsym.distill.halos.law import (
    PUBLISHED_LAWS,
    HaloLaw,
    halo_law_network,
    predict_halos,
    refit_halo_law,
)
from jaxsym.expr import parse
from jaxsym.graphs.halos import halo_graph
from jaxsym.search import Candidate, ParetoFront
from jaxsym.simulate.cosmology import Halos


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(0)
    mass = 1e14 * np.exp(0.7 * rng.normal(size=120))
    halos = Halos(rng.uniform(0, 80, (120, 3)), 400 * rng.normal(size=(120, 3)), mass)
    return halo_graph(halos, box=80.0, radius=35.0)


def planted(graph, message, node):
    total = np.zeros(len(graph.nodes.mass))
    pairs = zip(graph.receivers, graph.senders, graph.edges.distance, strict=True)
    for receiver, sender, r in pairs:
        total[receiver] += message(float(r), float(graph.nodes.mass[sender]))
    return node(total, np.asarray(graph.nodes.mass, float))


def test_the_published_simple_law_is_a_sum_of_masses_within_20(graph):
    simple = PUBLISHED_LAWS["simple"]
    expected = planted(
        graph,
        lambda r, mass: mass if r < 20 else 0.0,
        lambda total, mass: 0.1 + (0.05 + 0.001 * mass) * total,
    )
    np.testing.assert_allclose(predict_halos(simple, graph), expected, rtol=1e-6)


def test_all_constants_are_found_through_the_sum(graph):
    target = planted(
        graph,
        lambda r, mass: (0.3 + mass) / (5.0 + (0.055 * r) ** 14.0),
        lambda total, mass: -0.3 + total / (3.0 + 0.1 * mass),
    )
    fit = refit_halo_law(PUBLISHED_LAWS["best with mass"], graph, target, np.ones(120), steps=200)
    assert fit.error < 1e-4
    np.testing.assert_allclose(fit.law.message.constants[-1], 14.0, rtol=1e-2)


def test_a_constant_is_fitted_to_absolute_errors_of_the_halos_with_weight(graph):
    target = np.concatenate([np.full(70, 1.0), np.full(40, 5.0), np.full(10, 1e3)])
    weight = np.concatenate([np.ones(110), np.zeros(10)])
    fit = refit_halo_law(PUBLISHED_LAWS["constant"], graph, target, weight)
    np.testing.assert_allclose(fit.law.node.constants, 1.0, atol=0.05)  # the median, not the mean
    np.testing.assert_allclose(fit.error, 40 * 4.0 / 110, rtol=0.05)


def test_gradients_by_constants_match_differences(graph):
    with jax.enable_x64(True):
        apply, params = halo_law_network(PUBLISHED_LAWS["best with mass"])
        wide = jax.tree.map(
            lambda a: jnp.asarray(a, float if a.dtype == np.float32 else None), graph
        )

        def loss(message):
            return jnp.sum(apply(params | {"message": message}, wide).value)

        at = jnp.asarray(params["message"])
        slopes = jax.grad(loss)(at)
        for k in range(len(at)):
            h = 1e-6 * float(at[k])
            bump = jnp.zeros_like(at).at[k].set(h)
            difference = (loss(at + bump) - loss(at - bump)) / (2 * h)
            np.testing.assert_allclose(slopes[k], difference, rtol=1e-4)


def test_foreign_variables_are_named():
    with pytest.raises(ValueError, match=r"message has the variables \['charge'\]; expected some"):
        HaloLaw(parse("total"), parse("charge/r"))
    with pytest.raises(ValueError, match=r"node has the variables \['r'\]"):
        HaloLaw(parse("r"))


def front(*texts):
    candidates = []
    for number, text in enumerate(texts):
        expression = parse(text)
        candidates.append(Candidate(expression, expression.complexity, 1.0 / (number + 1)))
    return ParetoFront.of(candidates, variance=2.0, samples=100)


def test_the_shortest_composition_among_the_best_is_chosen(graph):
    target = planted(
        graph, lambda r, mass: mass / r, lambda total, mass: 0.2 + 0.4 * total + 0.05 * mass
    )
    messages = front("0.3*M2", "0.3*M2/r")
    nodes = front("0.1 + 0.3*total + 0.2*M1", "0.1 + 0.3*total + 0.2*M1**1.1")
    fit = choose_composition(messages, nodes, graph, target, np.ones(120), steps=60)
    assert set(fit.law.message.variables) == {"M2", "r"}
    assert set(fit.law.node.variables) == {"total", "M1"}
    assert fit.error < 1e-4
    wrong = np.abs(predict_halos(fit.law, graph) - target)
    np.testing.assert_allclose(wrong.mean(), fit.error, rtol=1e-6)
