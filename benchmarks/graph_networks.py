"""The three tables of Cranmer et al. 2020 (arXiv 2006.11287): test error, messages, laws.

`error` trains the paper's networks with the original's settings (absolute inputs, three layers of
300, batch 64, one cycle of Adam), all seeds of a cell in one program, each cell for the seconds of
the budget; the paper's recipe takes 150,000 to 1,000,000 steps. Errors are sums over a graph and
means over its nodes: the paper does not say which of the two it prints. `messages` and `laws` come
from the same runs of `jaxsym discover`. Cells found in FILE are not run again.

    python -m benchmarks.graph_networks --table error|messages|laws [--sims spring-2,charge-3]
        [--models bottleneck,l1] [--seeds 0,1,2] [--budget 600] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import _timing, discovery
from benchmarks._graph_settings import SETTINGS
from benchmarks._graph_tables import ERROR, LAWS, MESSAGES, MODELS, SIMULATIONS, published
from jaxsym.graphs import (
    GraphModel,
    Snapshots,
    absolute_error,
    graph,
    graph_batches,
    hamiltonian_network,
    particle_network,
    snapshots,
    topology,
    training_loss,
)
from jaxsym.simulate import particles
from jaxsym.training import init_state, make_step, steps_for, train

TABLES = ("error", "messages", "laws")
_STEPS, _KEPT_EVERY = 500, 5  # states of a trajectory, and every which of them is learned from
_BODIES = 4


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    given = _options().parse_args(argv)
    sims = [_sim(text) for text in given.sims.split(",")]
    models, seeds = given.models.split(","), [int(seed) for seed in given.seeds.split(",")]
    cells = _timing.kept(given.json, "cells")
    if given.quick:
        sims, models, seeds, given.budget = [("spring", 2)], ["bottleneck"], [0], 1.0
    for law, dims in sims:
        for model in models:
            for name, run in _runs(given, law, dims, model, seeds):
                if name not in cells:
                    cells[name] = run()
                    _timing.write(_result(given, cells), given.json)
                print(name, _line(cells[name]), flush=True)
    _show(given.table, cells, sims, models)
    return _result(given, cells)


def _options() -> argparse.ArgumentParser:
    options = _timing.arguments(__doc__)
    options.add_argument("--table", choices=TABLES, default="error")
    every = ",".join(f"{law}-{dims}" for law, dims in ERROR)
    options.add_argument("--sims", default=every, help="law-dims, separated by commas")
    options.add_argument("--models", default=",".join(MODELS), help="separated by commas")
    options.add_argument("--seeds", default="0", help="separated by commas")
    options.add_argument("--budget", type=float, default=600.0, help="seconds a cell, for errors")
    return options


def _sim(text: str) -> tuple[str, int]:
    law, _, dims = text.rpartition("-")
    return law, int(dims)


def _result(given: argparse.Namespace, cells: dict[str, Any]) -> dict[str, Any]:
    found = {"benchmark": "graph_networks", "quick": given.quick, "cells": cells}
    return found | _timing.machine()


def _runs(given: argparse.Namespace, law: str, dims: int, model: str, seeds: Sequence[int]) -> Any:
    """Names of the cells, each with what fills it."""
    if given.table == "error":
        trajectories = 20 if given.quick else 2000
        fill = partial(test_errors, law, dims, model, seeds, given.budget, trajectories)
        return [(f"error/{law}-{dims}/{model}/{','.join(map(str, seeds))}", fill)]
    # the physical friction: the original's differs from body to body, which no network can see
    physical = law.removesuffix("_paper")
    return [
        (
            f"discovery/{physical}-{dims}/{model}/{seed}",
            partial(discovery.run, f"{physical}:{model}:{dims}", seed),
        )
        for seed in seeds
    ]


def test_errors(
    law: str, dims: int, model: str, seeds: Sequence[int], budget: float, trajectories: int
) -> dict[str, Any]:
    """Train one network a seed, all in one program, and test each on motion of another seed."""
    data = _motion(law, dims, 0, trajectories)
    test = _motion(law, dims, 1, max(10, trajectories // 10))
    network = hamiltonian_network(dims) if model == "hamiltonian" else particle_network(model, dims)
    edges = topology(_BODIES)
    batches = graph_batches(edges, SETTINGS["batch"], shift=SETTINGS["shift"])
    loss = training_loss(network, absolute_error)

    def start(optimizer: optax.GradientTransformation) -> Any:
        keys = jnp.stack([jax.random.key(seed) for seed in seeds])
        return jax.vmap(lambda key: init_state(network.init(key), optimizer, key))(keys)

    trial = _optimizer(SETTINGS["schedule_steps"])
    begin = time.perf_counter()
    steps = steps_for(budget, make_step(loss, trial), start(trial), batches, data)
    optimizer = _optimizer(steps)
    trained = train(make_step(loss, optimizer), start(optimizer), batches, data, steps=steps)
    by_seed = [
        _test(network, jax.tree.map(lambda leaf, k=k: leaf[k], trained.state.params), test)
        for k in range(len(seeds))
    ]
    return {
        "graph_sum": _timing.spread([graph_sum for graph_sum, _ in by_seed]),
        "node_mean": _timing.spread([node_mean for _, node_mean in by_seed]),
        "paper": published(ERROR, law, dims, model),
        "steps": steps,
        "seconds": time.perf_counter() - begin,
    }


def _motion(law: str, dims: int, seed: int, trajectories: int) -> Snapshots:
    system = particles(law, bodies=_BODIES, dims=dims)
    motion = system.simulate(jax.random.key(seed), trajectories=trajectories, steps=_STEPS)
    return jax.tree.map(jnp.asarray, snapshots(motion.thin(_KEPT_EVERY)))


def _optimizer(steps: int) -> optax.GradientTransformation:
    schedule = optax.cosine_onecycle_schedule(
        max(steps, 10), SETTINGS["learning_rate"], final_div_factor=SETTINGS["final_division"]
    )
    return optax.chain(optax.add_decayed_weights(SETTINGS["weight_decay"]), optax.adam(schedule))


def _test(network: GraphModel, params: Any, test: Snapshots) -> tuple[float, float]:
    """Sum over a graph, and mean over its nodes, of the absolute errors."""
    predict = jax.jit(lambda bodies: network.apply(params, graph(bodies, topology(_BODIES))))
    total, count = 0.0, len(test.acceleration)
    for k in range(0, count, 1000):
        part = jax.tree.map(lambda leaf, k=k: leaf[k : k + 1000], test)
        predicted = predict(part.bodies).acceleration.reshape(part.acceleration.shape)
        total += float(np.sum(np.abs(predicted - part.acceleration)))
    return total / count, total / count / _BODIES


def _line(cell: dict[str, Any]) -> str:
    if "graph_sum" in cell:
        found = (
            f"{cell['graph_sum']['median']:.3g} a graph, {cell['node_mean']['median']:.3g} a node"
        )
        return f"{found}; paper {cell['paper']}; {cell['steps']} steps, {cell['seconds']:.0f} s"
    return discovery.line(cell)


def _show(table: str, cells: dict[str, Any], sims: Sequence[tuple[str, int]], models: Any) -> None:
    """One row a simulation; in each cell ours, then the paper's."""
    rows = []
    for law, dims in sims:
        row = [f"{SIMULATIONS.get(law, law)}-{dims}"]
        for model in models:
            ours, paper = _CELLS[table](cells, law, dims, model)
            row.append(f"{ours} | {'-' if paper is None else paper}")
        rows.append(row)
    _timing.show(["ours | paper", *models], rows)


def _error_cell(cells: dict[str, Any], law: str, dims: int, model: str) -> tuple[str, Any]:
    found = [c for name, c in cells.items() if name.startswith(f"error/{law}-{dims}/{model}/")]
    paper = published(ERROR, law, dims, model)
    if not found:
        return "", paper
    return f"{found[0]['graph_sum']['median']:.3g}, {found[0]['node_mean']['median']:.3g}", paper


def _found(cells: dict[str, Any], law: str, dims: int, model: str) -> list[dict[str, Any]]:
    start = f"discovery/{law.removesuffix('_paper')}-{dims}/{model}/"
    return [c for name, c in cells.items() if name.startswith(start) and "law" in c]


def _message_cell(cells: dict[str, Any], law: str, dims: int, model: str) -> tuple[str, Any]:
    found = [c["message_r2"] for c in _found(cells, law, dims, model) if c["message_r2"]]
    paper = published(MESSAGES, law, dims, model)
    if not found:
        return "", paper
    names = ("plain", "trimmed", "modulo_receiver")
    return " ".join(f"{np.median([r2[name] for r2 in found]):.3f}" for name in names), paper


def _law_cell(cells: dict[str, Any], law: str, dims: int, model: str) -> tuple[str, Any]:
    found = _found(cells, law, dims, model)
    ours = f"{sum(bool(c['recovered']) for c in found)}/{len(found)}" if found else ""
    return ours, {True: "yes", False: "no", None: None}[published(LAWS, law, dims, model)]


_CELLS = {"error": _error_cell, "messages": _message_cell, "laws": _law_cell}


if __name__ == "__main__":
    main()
