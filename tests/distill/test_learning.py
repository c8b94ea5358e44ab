"""Training of L1 networks: a start that led nowhere is made again."""

import sys

import jax
import numpy as np
import pytest

from jaxsym.distill import learn
from jaxsym.simulate import particles


@pytest.fixture
def starts(monkeypatch):
    """The parameters that networks began with, in order."""
    module, kept = sys.modules["jaxsym.distill.learning"], []
    original = module.smooth_network

    def counting(*arguments, **options):
        model = original(*arguments, **options)

        def init(key):
            kept.append(model.init(key))
            return kept[-1]

        return model._replace(init=init)

    monkeypatch.setattr(module, "smooth_network", counting)
    monkeypatch.setattr(module, "_HIDDEN", (16, 16))  # soon compiled
    return kept


@pytest.fixture(scope="module")
def springs():
    data = particles("spring", bodies=3, dims=2).simulate(
        jax.random.key(0), trajectories=20, steps=50
    )
    return jax.tree.map(np.asarray, data)


def test_a_network_that_learned_nothing_begins_anew_twice(starts, springs, monkeypatch):
    # messages cost more than they can tell
    monkeypatch.setitem(sys.modules["jaxsym.distill.learning"]._PENALTY_WEIGHT, "l1", 1e4)
    learned = learn(springs, "l1", key=jax.random.key(1), steps=60)
    assert len(starts) == 3
    leaves = [jax.tree.leaves(start)[-1] for start in starts]
    assert not np.allclose(leaves[0], leaves[1]) and not np.allclose(leaves[1], leaves[2])
    assert np.isfinite(np.asarray(jax.tree.leaves(learned.params)[-1])).all()


def test_a_network_that_learns_goes_on(starts, springs):
    learn(springs, "l1", key=jax.random.key(1), steps=2000)
    assert len(starts) == 1
