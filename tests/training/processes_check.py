"""Run by `test_parallel.py` as each of the two tasks of what JAX takes for a SLURM job.

Argument: a folder for checkpoints that both see.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsym.training import (
    Checkpoints,
    data_mesh,
    init_state,
    make_step,
    minibatch,
    replicate,
    shard_batch,
    train,
)

OPTIMIZER = optax.sgd(0.1)


def loss(params, batch, key):
    return jnp.mean((jnp.tanh(batch["x"] @ params["w"]).sum(-1) - batch["y"]) ** 2), {}


def start():
    params = {"w": jax.random.normal(jax.random.key(1), (4, 16))}
    return init_state(params, OPTIMIZER, jax.random.key(0))


def arrays(rows, seed):
    x = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return {"x": x, "y": np.sin(x).sum(1)}


def mine(tree):
    """The half of the rows that this process brings."""
    return jax.tree.map(lambda leaf: np.split(leaf, 2)[jax.process_index()], tree)


def close(got, expected):
    np.testing.assert_allclose(np.asarray(got["w"]), expected["w"], rtol=2e-5, atol=1e-6)


def check_steps(mesh, step):
    """Batches that each process brings its half of."""
    alone, together = start(), replicate(start(), mesh)
    jitted = jax.jit(step)
    for k in range(5):
        alone, _ = jitted(alone, arrays(16, k))
        batch = shard_batch(mine(arrays(16, k)), mesh)
        together, _ = jax.block_until_ready(jitted(together, batch))
    close(together.params, alone.params)


def check_train(mesh, step, folder):
    """The loop, over rows split between the processes, resumed from a checkpoint."""
    rows, batch_fn = arrays(64, 99), minibatch(8)
    alone = train(step, start(), batch_fn, rows, steps=20)
    split = shard_batch(mine(rows), mesh)
    saved = Checkpoints(folder, {"case": "two processes"})
    train(step, start(), batch_fn, split, steps=12, chunk=5, mesh=mesh, checkpoint=saved)
    together = train(step, start(), batch_fn, split, steps=20, chunk=5, mesh=mesh, checkpoint=saved)
    close(together.state.params, alone.state.params)
    assert int(together.state.step) == 20 and saved.latest() == 20
    longer = train(step, together.state, batch_fn, split, steps=25, mesh=mesh)
    close(longer.state.params, train(step, alone.state, batch_fn, rows, steps=25).state.params)


def check_seeds(mesh, step, folder):
    """Stacked seeds, one on each device of either process."""
    rows, batch_fn = arrays(64, 99), minibatch(8)
    keys = jax.random.split(jax.random.key(3), 4)
    seeds = jax.vmap(lambda key: start()._replace(key=key))(keys)
    alone = train(step, seeds, batch_fn, rows, steps=20, chunk=10)
    saved = Checkpoints(folder + "/seeds")
    train(step, seeds, batch_fn, rows, steps=10, mesh=mesh, checkpoint=saved)
    together = train(step, seeds, batch_fn, rows, steps=20, mesh=mesh, checkpoint=saved)
    np.testing.assert_allclose(together.metrics["loss"], alone.metrics["loss"], rtol=1e-4)
    for shard in together.state.params["w"].addressable_shards:
        np.testing.assert_allclose(
            shard.data, alone.state.params["w"][shard.index], rtol=2e-5, atol=1e-6
        )


def main():
    (folder,) = sys.argv[1:]
    jax.distributed.initialize()
    mesh = data_mesh()
    assert mesh.size == 4
    step = make_step(loss, OPTIMIZER)
    check_steps(mesh, step)
    check_train(mesh, step, folder)
    check_seeds(mesh, step, folder)
    print("agree")


if __name__ == "__main__":
    main()
