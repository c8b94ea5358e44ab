"""Run by `test_resume.py`, and killed there: train with a save after every chunk.

Arguments: the checkpoints' folder, where to write the final state's bytes, steps in a chunk, and
the largest size of a file from the eighth step on, if there is to be one.
"""

import resource
import signal
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsym.training import Checkpoints, init_state, make_step, minibatch, train

OPTIMIZER = optax.adam(optax.cosine_decay_schedule(1e-2, 200))


def loss(params, batch, key):
    x = batch + 0.1 * jax.random.normal(key, batch.shape)
    return jnp.mean((jnp.tanh(x @ params["w"]) @ params["v"] - jnp.sin(x)) ** 2), {}


def start():
    params = {"w": jax.random.normal(jax.random.key(1), (1, 64)), "v": jnp.zeros((64, 1))}
    return init_state(params, OPTIMIZER, jax.random.key(0))


def tell(event):
    print(event.step, flush=True)
    if event.step >= 8 and sys.argv[4:]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error then, and not the end
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)


def main():
    folder, result, chunk = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    end = train(
        make_step(loss, OPTIMIZER),
        start(),
        minibatch(32),
        jnp.linspace(-3, 3, 500)[:, None],
        steps=200,
        chunk=chunk,
        checkpoint=Checkpoints(folder, {"case": "killed"}, every_seconds=0.0),
        callback=tell,
    ).state
    state = end._replace(key=jax.random.key_data(end.key))
    result.write_bytes(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)))


if __name__ == "__main__":
    main()
