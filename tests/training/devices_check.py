"""Run by `test_parallel.py` in a process of its own: 8 forced CPU devices agree with one."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.nesymres import CONFIGS, NeSymReS
from jaxsym.nesymres.model.transformer import init_params
from jaxsym.nesymres.pretraining.examples import Examples
from jaxsym.nesymres.pretraining.objective import measure
from jaxsym.training import (
    Checkpoints,
    data_mesh,
    data_parallel,
    init_state,
    make_step,
    minibatch,
    replicate,
    shard_batch,
    train,
)
from jaxsym.training.parallel import place_network

# SGD with a large rate: Adam would hide a gradient that is wrong by a constant factor
OPTIMIZER = optax.sgd(0.1)
STEPS = 5


def loss(params, batch, key):
    hidden = jnp.tanh(batch["x"] @ params["w"])
    error = jnp.mean((hidden @ params["v"] - batch["y"]) ** 2)
    return batch["weight"] * error, {"mean": jnp.mean(batch["y"])}


def batches():
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        x = rng.normal(size=(32, 4)).astype(np.float32)
        yield {"x": x, "y": np.sin(x).sum(1), "weight": np.float32(0.5)}


def start():
    w, v = jax.random.split(jax.random.key(1))
    params = {"w": jax.random.normal(w, (4, 16)), "v": jax.random.normal(v, (16,))}
    return init_state(params, OPTIMIZER, jax.random.key(0))


def advance(step, state, place):
    for batch in batches():
        state, _ = jax.block_until_ready(step(state, place(batch)))
    return state.params


def by_jit(mesh):
    step = jax.jit(make_step(loss, OPTIMIZER))
    return advance(step, replicate(start(), mesh), lambda batch: shard_batch(batch, mesh))


def by_shard_map(mesh):
    step = jax.jit(make_step(data_parallel(loss, mesh), OPTIMIZER))
    return advance(step, replicate(start(), mesh), lambda batch: shard_batch(batch, mesh))


def by_pmap():
    step = jax.pmap(make_step(loss, OPTIMIZER, axis_name="devices"), axis_name="devices")
    state = jax.tree.map(lambda leaf: jnp.stack([leaf] * 8), start())

    def place(batch):
        return jax.tree.map(
            lambda leaf: leaf.reshape(8, -1, *leaf.shape[1:]) if leaf.ndim else np.full(8, leaf),
            batch,
        )

    copies = advance(step, state, place)
    jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf[0], leaf[7]), copies)
    return jax.tree.map(lambda leaf: leaf[0], copies)


def close(got, expected):
    jax.tree.map(lambda g, e: np.testing.assert_allclose(g, e, rtol=2e-5, atol=1e-6), got, expected)


def check_steps(mesh):
    one = advance(jax.jit(make_step(loss, OPTIMIZER)), start(), lambda batch: batch)
    assert np.max(np.abs(one["w"] - start().params["w"])) > 1e-2
    close(by_jit(mesh), one)
    close(by_shard_map(mesh), one)
    close(by_pmap(), one)


def rows():
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    return {"x": x, "y": np.sin(x).sum(1)}


def batch_fn(key, k, data):
    return {**minibatch(16)(key, k, data), "weight": 1 / (1.0 + k)}


def check_train(mesh):
    """The loop draws the same batches on a mesh, and stacked seeds train the same split over it."""
    step = make_step(loss, OPTIMIZER)
    one = train(step, start(), batch_fn, rows(), steps=20, chunk=7)
    eight = train(step, start(), batch_fn, rows(), steps=20, chunk=7, mesh=mesh)
    close(eight.state.params, one.state.params)
    np.testing.assert_allclose(eight.metrics["mean"], one.metrics["mean"], rtol=1e-5)
    assert len(eight.state.params["w"].sharding.device_set) == 8

    keys = jax.random.split(jax.random.key(3), 8)
    seeds = jax.vmap(lambda key: start()._replace(key=key))(keys)
    split = train(step, seeds, batch_fn, rows(), steps=20, mesh=mesh).state
    close(split.params, train(step, seeds, batch_fn, rows(), steps=20).state.params)
    assert split.params["w"].sharding.shard_shape((8, 4, 16)) == (1, 4, 16)


def check_resume(mesh, folder):
    """A run saved on eight devices goes on, on one."""
    step, saved = make_step(loss, OPTIMIZER), Checkpoints(folder)
    train(step, start(), batch_fn, rows(), steps=10, mesh=mesh, checkpoint=saved)
    resumed = train(step, start(), batch_fn, rows(), steps=20, checkpoint=saved).state
    assert len(resumed.params["w"].sharding.device_set) == 1
    close(resumed.params, train(step, start(), batch_fn, rows(), steps=20).state.params)


def check_uneven(mesh):
    step, draw = make_step(loss, OPTIMIZER), minibatch(12)
    data = {"x": np.zeros((64, 4))}
    seeds = jax.tree.map(lambda leaf: jnp.stack([leaf] * 12), start())
    with pytest.raises(ValueError, match=r"batch\['x'\] has shape \(12, 3\); .* 8 devices"):
        shard_batch({"x": np.zeros((12, 3))}, mesh)
    with pytest.raises(ValueError, match=r"batch\['x'\] has shape \(12, 4\); .* 8 devices"):
        train(step, start(), draw, data, steps=1, mesh=mesh)
    with pytest.raises(ValueError, match=r"stacked state has shape \(12,\); .* 8 devices"):
        train(step, seeds, draw, data, steps=1, mesh=mesh)


def check_shared_matrices():
    """Four groups of two devices that share each matrix train the same network."""
    step, mesh = make_step(loss, OPTIMIZER), data_mesh(model=2)
    assert dict(mesh.shape) == {"data": 4, "model": 2}
    one = train(step, start(), batch_fn, rows(), steps=20)
    shared = train(step, start(), batch_fn, rows(), steps=20, mesh=mesh).state
    close(shared.params, one.state.params)
    assert shared.params["w"].sharding.shard_shape((4, 16)) == (4, 8)
    with pytest.raises(ValueError, match="model is 3; expected a number that divides the 8 dev"):
        data_mesh(model=3)


def check_shared_network():
    """The paper's architecture, narrower: its loss and gradients are those of one device."""
    config = replace(CONFIGS["paper"], width=64, isabs=2, decoder_layers=2, feedforward=64)
    model = NeSymReS(config)
    params = init_params(model, jax.random.key(0))
    batch = Examples(
        tokens=jax.random.randint(jax.random.key(1), (8, 12), 3, 50),
        X=jax.random.normal(jax.random.key(2), (8, 16, 3)),
        y=jnp.ones((8, 16)),
        mask=jnp.ones((8, 16), bool),
        constants=jnp.ones((8, 8)),
    )
    mesh = data_mesh(model=2)
    found = jax.jit(jax.value_and_grad(lambda p, b: measure(model, p, b)["loss"]))
    expected, slopes = found(params, batch)
    shared = place_network(params, mesh)
    value, split = jax.block_until_ready(found(shared, shard_batch(batch, mesh)))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    close(split, slopes)
    whole = sum(leaf.size for leaf in jax.tree.leaves(params))
    held = sum(leaf.addressable_shards[0].data.size for leaf in jax.tree.leaves(shared))
    assert held < 0.55 * whole


def main():
    check_shared_matrices()
    check_shared_network()
    mesh = data_mesh()
    assert mesh.size == 8
    check_steps(mesh)
    check_train(mesh)
    check_resume(mesh, sys.argv[1])
    check_uneven(mesh)
    print("agree")


if __name__ == "__main__":
    main()
