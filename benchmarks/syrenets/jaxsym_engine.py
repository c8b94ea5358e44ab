"""jaxsym's symbolic network: one engine of `benchmarks.syrenets`."""

from __future__ import annotations

import sys
import time

import jax
import jax.numpy as jnp
import optax

from benchmarks import common
from benchmarks.common.processes import Message, serve
from benchmarks.syrenets.tables import paper_data
from jaxsym.syrenets import (
    Architecture,
    Batch,
    SymbolicNetwork,
    Weights,
    make_loss,
)
from jaxsym.training import init_state, make_step, minibatch, train


def main(seeds: int) -> None:
    """Train so many seeds in one program when asked."""
    data, _ = paper_data("torque")
    data = Batch(*(jnp.asarray(values, jnp.float32) for values in data))
    network, draw = SymbolicNetwork(Architecture()), minibatch(32)
    optimizer = optax.adam(1e-3)
    step = make_step(make_loss(network, Weights()), optimizer, skip="entries")

    @jax.jit
    @jax.vmap
    def begin(key):
        return init_state(network.init(key, jnp.zeros((32, 4))), optimizer, key)

    state = begin(jax.random.split(jax.random.key(0), seeds))
    start = time.perf_counter()
    state = train(step, state, draw, data, steps=1).state
    compiled = time.perf_counter() - start
    taken = 1

    def obey(steps: int) -> Message:
        nonlocal state, taken
        taken += steps

        def run() -> None:
            nonlocal state
            state = train(step, state, draw, data, steps=taken, chunk=steps).state

        return common.clock(run)

    serve({"compile_seconds": compiled}, obey)


if __name__ == "__main__":
    main(int(sys.argv[1]))
