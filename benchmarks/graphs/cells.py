"""Any of the paper's models and laws, trained by jaxsym, many cells at once.

Simulations, models and seeds whose networks have one shape are stacked and trained as one program,
each with data and a penalty of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.graphs.recipes import RECIPES, Recipe
from benchmarks.graphs.settings import SETTINGS
from jaxsym.distill import MessageR2, message_r2, pair_inputs
from jaxsym.distill.tasks import simulated_truth
from jaxsym.graphs import (
    GraphModel,
    Snapshots,
    absolute_error,
    graph,
    graph_batches,
    record_messages,
    snapshots,
    topology,
)
from jaxsym.laws.pairs import VARIABLES
from jaxsym.simulate import particles
from jaxsym.training import (
    Checkpoints,
    TrainState,
    data_mesh,
    init_state,
    make_step,
    steps_for,
    train,
)

_STEPS, _KEPT_EVERY = 500, 5  # states of a trajectory, and every which of them is learned from
_EDGES_READ = 5000
_BODIES = SETTINGS["bodies"]
# the L1 network is the standard one with a penalty
SHAPES = {"standard": "wide", "l1": "wide"}


class Cell(NamedTuple):
    """One network of the table.

    Attributes:
      law: in `jaxsym.simulate.LAWS`.
      dims: D.
      model: one of the paper's.
      seed: of parameters and batches.
      way: of training, in `benchmarks.graphs.recipes.RECIPES`.
    """

    law: str
    dims: int
    model: str
    seed: int
    way: str = "original"

    @property
    def shape(self) -> str:
        """Cells of one shape can be trained together."""
        return f"{SHAPES.get(self.model, self.model)}-{self.dims}-{self.way}"

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        return RECIPES[self.way]

    def network(self) -> GraphModel:
        """With its own penalty."""
        return self.recipe.network(self.model, self.dims)


class Training(NamedTuple):
    """Cells trained together.

    Attributes:
      params: of all cells, stacked.
      steps: of each.
      seconds: of training all of them, compilation included.
    """

    params: Any
    steps: int
    seconds: float


def motion(law: str, dims: int, seed: int, trajectories: int) -> Snapshots:
    """Snapshots of a law as the original draws them."""
    system = particles(law, bodies=_BODIES, dims=dims)
    moved = system.simulate(jax.random.key(seed), trajectories=trajectories, steps=_STEPS)
    return jax.tree.map(np.asarray, snapshots(moved.thin(_KEPT_EVERY)))


def train_together(
    cells: Sequence[Cell],
    data: Sequence[Snapshots],
    *,
    steps: int | None,
    seconds: float,
    saved: Path | None,
) -> Training:
    """Train cells of one shape as one program.

    Args:
      cells: all of one shape.
      data: of each.
      steps: of each; None for as many as the seconds allow, the schedule ending with them.
      seconds: for all cells together.
      saved: folder of checkpoints to go on from.
    """
    recipe, network = cells[0].recipe, cells[0].network()
    weights = jnp.array([cell.network().penalty_weight for cell in cells])
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *data), weights
    draw = graph_batches(topology(_BODIES), recipe.batch, shift=recipe.shift)

    def loss(params, batch, key):
        (inputs, target), weight = batch
        out = network.apply(params, inputs, key)
        error = jnp.mean(absolute_error(out.acceleration, target))
        return error + weight * out.penalty, {"error": error}

    def batches(key, step, data):
        rows, weight = data
        return draw(key, step, rows), weight

    def start(optimizer: optax.GradientTransformation) -> TrainState:
        keys = jnp.stack([jax.random.key(cell.seed) for cell in cells])
        return jax.vmap(lambda key: init_state(network.init(key), optimizer, key))(keys)

    # cells are split over the devices where these can share them equally
    devices = jax.device_count()
    mesh = data_mesh() if devices > 1 and len(cells) % devices == 0 else None
    begin = time.perf_counter()
    if steps is None:
        trial = recipe.optimizer(SETTINGS["schedule_steps"])
        step = make_step(loss, trial)
        steps = steps_for(seconds, step, start(trial), batches, stacked, mesh=mesh, data_axes=0)
    optimizer = recipe.optimizer(steps)
    config = {"cells": [list(cell) for cell in cells], "steps": steps}
    trained = train(
        make_step(loss, optimizer),
        start(optimizer),
        batches,
        stacked,
        steps=steps,
        checkpoint=None if saved is None else Checkpoints(saved, config),
        mesh=mesh,
        data_axes=0,
    )
    return Training(trained.state.params, steps, time.perf_counter() - begin)


def one_of(params: Any, place: int) -> Any:
    """Parameters of one of the stacked cells."""
    return jax.tree.map(lambda leaf: leaf[place], params)


def absolute_errors(cell: Cell, params: Any, test: Snapshots) -> dict[str, float]:
    """Absolute errors of the acceleration: sum over a graph, and mean over its nodes."""
    apply, edges = cell.network().apply, topology(_BODIES)
    predict = jax.jit(lambda bodies: apply(params, graph(bodies, edges)).acceleration)
    total, count = 0.0, len(test.acceleration)
    for k in range(0, count, 1000):
        part = jax.tree.map(lambda leaf, k=k: jnp.asarray(leaf[k : k + 1000]), test)
        predicted = predict(part.bodies).reshape(part.acceleration.shape)
        total += float(jnp.sum(jnp.abs(predicted - part.acceleration)))
    return {"graph_sum": total / count, "node_mean": total / count / _BODIES}


def agreement(model: GraphModel, params: Any, law: str, test: Snapshots, seed: int) -> MessageR2:
    """R2 of a network's messages against the true forces."""
    dims = test.acceleration.shape[-1]
    truth = simulated_truth(particles(law, bodies=_BODIES, dims=dims))
    assert truth is not None
    data, edges = jax.tree.map(jnp.asarray, test), topology(_BODIES)
    key = jax.random.key(seed)
    sample = record_messages(model, params, data, edges, key=key, count=_EDGES_READ)
    receiver = sample.receiver
    displacement, inputs = (np.asarray(a) for a in pair_inputs(receiver, sample.sender))
    force = truth.coefficient.evaluate(inputs, VARIABLES)[:, None] * displacement
    scalars = np.stack([receiver.mass, receiver.charge], axis=1)
    return message_r2(np.asarray(sample.message), force, scalars)
