"""Run by `test_parallel.py` as each of two processes that `jax.distributed` joins.

Arguments: the coordinator's port, this process's number, a folder for checkpoints that both share.
"""

import sys

import jax

port, process, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 2)
jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=process)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

from jaxsym.training import (  # noqa: E402
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
    return jax.tree.map(lambda leaf: np.split(leaf, 2)[process], tree)


def close(got, expected):
    np.testing.assert_allclose(np.asarray(got["w"]), expected["w"], rtol=2e-5, atol=1e-6)


if __name__ == "__main__":
    mesh = data_mesh()
    assert mesh.size == 4
    step = make_step(loss, OPTIMIZER)

    # batches that each process brings its half of
    alone, together = start(), replicate(start(), mesh)
    jitted = jax.jit(step)
    for k in range(5):
        alone, _ = jitted(alone, arrays(16, k))
        together, _ = jax.block_until_ready(
            jitted(together, shard_batch(mine(arrays(16, k)), mesh))
        )
    close(together.params, alone.params)

    # the loop, over rows split between the processes, with a checkpoint in between
    rows, batch_fn = arrays(64, 99), minibatch(8)
    alone = train(step, start(), batch_fn, rows, steps=20)
    split = shard_batch(mine(rows), mesh)
    saved = Checkpoints(folder, {"case": "two processes"})
    train(step, start(), batch_fn, split, steps=12, chunk=5, mesh=mesh, checkpoint=saved)
    together = train(step, start(), batch_fn, split, steps=20, chunk=5, mesh=mesh, checkpoint=saved)
    close(together.state.params, alone.state.params)
    assert int(together.state.step) == 20
    print("agree")
