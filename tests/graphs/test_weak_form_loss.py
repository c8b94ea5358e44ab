"""The weak-form loss: its floor is the noise, its gradient is right, a network learns from it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.graphs import (
    GraphModel,
    interaction_network,
    particle_network,
    topology,
    weak_batches,
    weak_loss,
    weak_windows,
)
from jaxsym.simulate import particles
from jaxsym.training import init_state, make_step, train

SIGMA = 1e-3


def made(runs, share):
    system = particles("spring", bodies=3, dims=2, softening=0.0)
    data = system.simulate(jax.random.key(0), trajectories=runs, steps=60, dt=0.05)
    rng = np.random.default_rng(0)
    noisy = np.asarray(data.position) + SIGMA * rng.normal(size=data.position.shape)
    sigma = np.full((runs, 3, 2), SIGMA)
    mass = np.asarray(data.mass)
    return weak_windows(np.arange(60) * 0.05, noisy, sigma, mass=mass, share=share)


@pytest.fixture(scope="module")
def windows():
    return made(12, 0.0)


def spring(stiffness) -> GraphModel:
    def message(params, receiver, sender):
        d = sender.position - receiver.position
        r = jnp.linalg.norm(d, axis=-1, keepdims=True)
        return params * d * (1.0 - 1.0 / r)

    def node(params, bodies, total):
        return total / bodies.mass[..., None]

    apply = interaction_network(message, node)
    return GraphModel(lambda key: stiffness, apply, message, node, None, 0.0, False)


def test_the_true_law_leaves_the_noise(windows):
    batch = weak_batches(topology(3), 512)(jax.random.key(1), 0, windows)
    at_truth, _ = weak_loss(spring(2.0))(2.0, batch, None)
    beside, _ = weak_loss(spring(2.0))(2.02, batch, None)
    assert 0.8 < at_truth < 1.6
    assert beside > 1.05 * at_truth


def test_the_gradient_is_that_of_finite_differences_and_jit_changes_nothing(windows):
    batch = weak_batches(topology(3), 64)(jax.random.key(1), 0, windows)
    loss = lambda stiffness: weak_loss(spring(2.0))(stiffness, batch, None)[0]  # noqa: E731
    step = 1e-2
    slope = (loss(2.1 + step) - loss(2.1 - step)) / (2.0 * step)
    np.testing.assert_allclose(jax.grad(loss)(2.1), slope, rtol=2e-2)
    np.testing.assert_allclose(jax.jit(loss)(2.1), loss(2.1), rtol=1e-5)


def test_a_network_learns_from_positions_alone_what_holds_in_other_runs():
    windows = made(80, 0.1)
    model = particle_network("bottleneck", 2, hidden=(16, 16), relative=True, activation=nn.silu)
    last = len(windows.left) * 3 // 4  # runs come one after the other
    seen, unseen = (
        jax.tree.map(lambda a, part=part: jnp.asarray(a[part]), windows)
        for part in (slice(last), slice(last, None))
    )
    optimizer = optax.adam(optax.cosine_decay_schedule(5e-3, 1000))
    state = init_state(model.init(jax.random.key(0)), optimizer, jax.random.key(1))
    step = make_step(weak_loss(model), optimizer)
    trained = train(step, state, weak_batches(topology(3), 16), seen, steps=1000, chunk=500)
    batch = weak_batches(topology(3), 256)(jax.random.key(2), 0, unseen)
    before, after = (
        weak_loss(model)(p, batch, None)[0] for p in (state.params, trained.state.params)
    )
    assert after < 0.25 * before
