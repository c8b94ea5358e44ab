"""Networks of single terms: what training has chosen is the Lagrangian, and chance is not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.datasets import MechanicalData
from jaxsym.simulate import mechanical
from jaxsym.syrenets import EXACT, Options, WaveLibrary, same_lagrangian, train_term_network
from jaxsym.syrenets.library import LagrangianTerm
from jaxsym.syrenets.term_network import _PARTS, _terms, _torques


def parts(system, seed=0, count=1500):
    data = system.sample(jax.random.key(seed), count)
    return [
        MechanicalData(*(v[part] for v in data)) for part in (slice(0, 1000), slice(1000, None))
    ]


def test_the_trained_terms_are_the_lagrangian_and_untrained_ones_are_not():
    system = mechanical("cart-pole")
    data, kept_apart = parts(system)
    found = train_term_network(data, kept_apart, Options(), restarts=4, steps=600)
    assert min(found.errors) <= EXACT and len(found.errors) == 4
    assert same_lagrangian(found.fit.system("").lagrangian, system.lagrangian, 2)
    control = train_term_network(data, kept_apart, Options(), restarts=4, steps=0)
    assert min(control.errors) > 1e-4


def test_a_unit_that_has_chosen_is_its_term():
    logits = {
        "rates": np.eye(4)[[2]] * 80.0,
        "waves": np.eye(5)[[[3, 1]]] * 80.0,
        "sines": np.eye(2)[[0]] * 80.0,
    }
    assert _terms(logits) == (LagrangianTerm((0, 0), (1, -1), False, (1, 1)),)
    data = mechanical("double-pendulum").sample(jax.random.key(0), 5)
    drawn = {name: jax.nn.softmax(jnp.asarray(logits[name])) for name in _PARTS}
    ours = [_torques(drawn, *(jnp.asarray(v[i]) for v in data[:3])) for i in range(5)]
    expected = WaveLibrary(_terms(logits)).columns(data)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_bad_input():
    data, kept_apart = parts(mechanical("cart-pole"))
    with pytest.raises(ValueError, match="units is 0, restarts 6, steps 1000"):
        train_term_network(data, kept_apart, Options(), units=0)
