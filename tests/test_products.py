"""Products of single-precision matrices keep it where equations are computed, on any device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.nesymres.device import products
from jaxsym import mechanics
from jaxsym.search.native.stages import log_linear, pairs, semantics
from jaxsym.simulate import mechanical, particles
from jaxsym.simulate.cosmology import Cosmology, cic_read, growth
from jaxsym.syrenets.network.candidates import Candidates


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def pendulum_energy(q, qd):
    arm = mechanical("double-pendulum")
    return mechanics.energy(arm.function())(q, qd)


def pendulum_forces(q, qd):
    arm = mechanical("double-pendulum", friction=[[0.3, 0.1], [0.1, 0.2]])
    return arm.forces(q, qd)


def pair_scores(rows, values, root, target):
    moments = pairs.Moments(values, values.mean(1), values.var(1), values[:, 0])
    return pairs._compiled(rows, moments, root, target)


FLAT = np.full(64, 1 / 64, np.float32)
CASES: dict[str, tuple[Any, tuple]] = {
    "energy": (pendulum_energy, (normal(2), normal(2, seed=1))),
    "friction": (pendulum_forces, (normal(2), normal(2, seed=1))),
    "field between cells": (
        lambda field, position: cic_read(field, position, 4.0),
        (normal(4, 4, 4), abs(normal(9, 3))),
    ),
    "growth": (lambda a: growth(Cosmology(), a), (np.linspace(0.1, 1, 5, dtype=np.float32),)),
    "sums of candidates": (
        Candidates(3, ("add", "mul", "sin")).weighted,
        (normal(2, 15), normal(5, 3)),
    ),
    "logarithms": (log_linear._left, (normal(7, 64), normal(7), normal(2, 64))),
    "pairs": (
        lambda v, root, target: pair_scores(np.arange(4), v, root, target),
        (normal(7, 64), np.sqrt(FLAT), normal(64)),
    ),
    "semantics": (semantics._affine_left, (normal(7, 64), normal(7), normal(2, 64), FLAT)),
}


@pytest.mark.parametrize("name", CASES)
def test_products_ask_for_all_digits(name):
    function, arguments = CASES[name]
    found = list(products(jax.make_jaxpr(function)(*arguments).jaxpr))
    assert found, "a case without products tests nothing"
    highest = jax.lax.Precision.HIGHEST
    for product in found:
        assert product.params["precision"] == (highest, highest), product


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_double_precision(name):
    function, arguments = CASES[name]
    single = np.asarray(function(*map(jnp.asarray, arguments)))
    with jax.enable_x64(True):
        wide = (jnp.asarray(a, np.float64) for a in arguments)
        double = np.asarray(function(*wide))
    np.testing.assert_allclose(single, double, rtol=2e-5, atol=2e-5 * abs(double).max())


def test_motion_of_springs_is_that_of_double_precision():
    system = particles("spring", bodies=4, dims=2)
    state = system.initial(jax.random.key(0), 3)
    x = np.asarray(system.rollout(state, steps=20, dt=0.01).position)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, np.float64), state)
        y = np.asarray(system.rollout(wide, steps=20, dt=0.01).position)
    np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)
