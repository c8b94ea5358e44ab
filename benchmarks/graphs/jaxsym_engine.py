"""The original's training as jaxsym does it: one engine of `benchmarks.graph_training`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import common
from benchmarks.common.processes import serve
from benchmarks.graphs.settings import SETTINGS, read_snapshots
from jaxsym.graphs import (
    Bodies,
    Snapshots,
    absolute_error,
    graph,
    graph_batches,
    particle_network,
    topology,
    training_loss,
)
from jaxsym.training import init_state, make_step, train


def main(folder: Path, seeds: int) -> None:
    """Compile, write the weights at the start for the other engine, and train when asked.

    Args:
      folder: of the data.
      seeds: networks that are trained in one program.
    """
    data = _snapshots(folder)
    model = particle_network("l1", 2, penalty_weight=SETTINGS["message_penalty"])
    loss = training_loss(model, absolute_error)
    optimizer = _optimizer()
    step, edges = make_step(loss, optimizer), topology(SETTINGS["bodies"])
    batches = graph_batches(edges, SETTINGS["batch"], shift=SETTINGS["shift"])
    params = model.init(jax.random.key(0))
    _write_weights(params, folder / "weights.npz")
    first = jax.tree.map(lambda a: a[: SETTINGS["batch"]], data)
    batch = (graph(first.bodies, edges), first.acceleration.reshape(-1, 2))
    with jax.default_matmul_precision("highest"):  # accelerators round more, each its own way
        loss_at_start = float(jax.jit(loss)(params, batch, jax.random.key(0))[0])
    state = init_state(params, optimizer, jax.random.key(1))
    if seeds > 1:
        keys = jax.random.split(jax.random.key(0), seeds)
        state = jax.vmap(lambda key: init_state(model.init(key), optimizer, key))(keys)
    taken = 0

    def advance(steps: int) -> None:
        nonlocal state, taken
        taken += steps
        state = train(step, state, batches, data, steps=taken).state
        jax.block_until_ready(state)

    compilation = common.clock(lambda: advance(1))

    ready = {
        "compile_seconds": compilation["seconds"],
        "loss_at_start": loss_at_start,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "versions": {"jax": jax.__version__},
    }
    serve(ready, lambda steps: common.clock(lambda: advance(steps)))


def _snapshots(folder: Path) -> Snapshots:
    arrays = {name: jnp.asarray(array) for name, array in read_snapshots(folder).items()}
    label = jnp.broadcast_to(jnp.arange(SETTINGS["bodies"]), arrays["mass"].shape)
    acceleration = arrays.pop("acceleration")
    return Snapshots(Bodies(**arrays, label=label), acceleration)


def _optimizer() -> optax.GradientTransformation:
    """Adam whose decay is added to the gradient, as torch's ``weight_decay`` is, and one cycle."""
    schedule = optax.cosine_onecycle_schedule(
        SETTINGS["schedule_steps"],
        SETTINGS["learning_rate"],
        final_div_factor=SETTINGS["final_division"],
    )
    return optax.chain(optax.add_decayed_weights(SETTINGS["weight_decay"]), optax.adam(schedule))


def _write_weights(params: dict, path: Path) -> None:
    """Kernels ``[in, out]`` and biases by function and layer."""
    arrays: dict[str, Any] = {
        f"{function}_{layer.removeprefix('Dense_')}_{part}": np.asarray(value)
        for function, tree in params.items()
        for layer, parts in tree["params"].items()
        for part, value in parts.items()
    }
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
