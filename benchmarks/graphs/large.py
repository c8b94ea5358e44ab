"""One training step on a graph that is large for one machine: 100,000 nodes, 1.5 million edges.

Nodes are uniform in a periodic box, edges join those within a cutoff, and the network is the
original's (Cranmer et al. 2020, arXiv 2006.11287): 300 units in three layers, 100 messages, L1.

    python -m benchmarks.large_graph [--quick] [--json FILE]
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import optax

from benchmarks import common
from jaxsym.graphs import (
    Bodies,
    absolute_error,
    checked,
    make_grid,
    neighbor_list,
    particle_network,
    training_loss,
)
from jaxsym.training import init_state, make_step

TARGET_GIB = 6.0


def measure(*, nodes: int = 100_000, neighbors: float = 15.0, repeats: int = 3) -> dict[str, Any]:
    """Time the list of neighbors and the step, and tell the process's largest memory.

    Args:
      nodes: N.
      neighbors: of a node, on average.
      repeats: measured calls.
    """
    rng = np.random.default_rng(0)
    position = jnp.asarray(rng.uniform(0, 1, (nodes, 3)), jnp.float32)
    cutoff = float((neighbors / nodes * 3 / (4 * np.pi)) ** (1 / 3))
    grid = make_grid(position, cutoff, box=1.0, slack=1.05)
    find = jax.jit(partial(neighbor_list, grid=grid))
    found = checked(find(position), grid)
    listing = _clocks(lambda: find(position), repeats)

    zeros, ones = jnp.zeros(nodes), jnp.ones(nodes)
    bodies = Bodies(position, 0 * position, ones, zeros, jnp.arange(nodes))
    count = np.array([nodes]), np.array([len(found.receivers)])
    graph = jraph.GraphsTuple(bodies, None, found.receivers, found.senders, None, *count)
    model = particle_network("l1", 3, chunk=65_536)
    optimizer = optax.adam(1e-3)
    state = init_state(model.init(jax.random.key(0)), optimizer, jax.random.key(1))
    step = jax.jit(make_step(training_loss(model, absolute_error), optimizer))
    batch = graph, jnp.zeros((nodes, 3))
    compiled = step.lower(state, batch).compile()
    stepping = _clocks(lambda: compiled(state, batch), repeats)
    memory = compiled.memory_analysis()
    return {
        "benchmark": "large_graph",
        "nodes": nodes,
        "edges": int(found.edges),
        "neighbor_list": listing,
        "step": stepping,
        "program_gib": (memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**30,
        "process_peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "target_gib": TARGET_GIB,
        "seed": 0,
    } | common.machine()


def _clocks(call: Any, repeats: int) -> dict[str, dict[str, float]]:
    jax.block_until_ready(call())
    turns = [common.clock(lambda: jax.block_until_ready(call())) for _ in range(repeats)]
    return {name: common.spread([turn[name] for turn in turns]) for name in turns[0]}


def report(result: dict[str, Any]) -> None:
    """Print the measurement."""
    rows = [
        [what, *(f"{result[what][clock]['median']:.2f}" for clock in ("seconds", "cpu_seconds"))]
        for what in ("neighbor_list", "step")
    ]
    print(f"{result['nodes']} nodes, {result['edges']} edges")
    common.show(["", "s", "CPU-s"], rows)
    print(
        f"the step's program needs {result['program_gib']:.2f} GiB, the whole process had at most "
        f"{result['process_peak_gib']:.2f} GiB (target {TARGET_GIB:g})"
    )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__).parse_args(argv)
    result = measure(nodes=1000, repeats=2) if options.quick else measure()
    common.write(result, options.json)
    report(result)
    return result
