"""Training of the network that a task calls for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from jaxsym._check import require, unknown_name
from jaxsym.distill.refitting import error_scale
from jaxsym.graphs import (
    VARIANTS,
    ErrorFn,
    GraphModel,
    Snapshots,
    Topology,
    central_network,
    central_start,
    decades_error,
    graph,
    graph_batches,
    hamiltonian_network,
    keep_messages,
    log_relative_error,
    particle_network,
    principal_messages,
    relative_error,
    silence_messages,
    snapshots,
    topology,
    training_loss,
)
from jaxsym.training import Event, init_state, make_step, train
from jaxsym.trajectories import Trajectories

MODELS = (*VARIANTS, "hamiltonian", "central")
_PARTICLE_STEPS, _CENTRAL_STEPS = 8_000, 16_000
_CHUNK = 200
_BATCH = 64
_PARTICLE_RATE, _CENTRAL_RATE = 8e-3, 5e-3  # at their highest
_HIDDEN = (96, 96, 96)
# shares of the steps after which an L1 network loses idle components
_PRUNED_AT = (0.1, 0.4)
# how large the relative error may be right after: the steps that follow make it good
_PRUNING_ERROR = 0.5
# error of a network over that of none, from which on it begins anew at the first of these steps
_LEARNED_NOTHING, _STARTS = 0.9, 3
_RELATIVE_FLOOR = 0.1  # of the median acceleration but zero: below this, errors are absolute
# Relative errors are far smaller than the paper's absolute ones, so penalties are too; a larger one
# silences messages before a network knows anything, where half of the bodies feel nothing.
_PENALTY_WEIGHT = {"l1": 3e-4, "kl": 1e-3}


class Learned(NamedTuple):
    """A trained network with what it was trained on.

    Attributes:
      name: which of `MODELS`.
      model: the network.
      params: its parameters.
      data: snapshots that it saw, in single precision.
      edges: of one snapshot.
      seconds: of training.
      interrupted: whether Ctrl-C ended it early.
    """

    name: str
    model: GraphModel
    params: dict
    data: Snapshots
    edges: Topology
    seconds: float
    interrupted: bool


def learn(
    trajectories: Trajectories,
    model: str = "auto",
    *,
    key: Key[Array, ""],
    steps: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Event], bool | None] | None = None,
) -> Learned:
    """Train a graph network on trajectories.

    Args:
      trajectories: what it may see.
      model: "bottleneck", "l1", "kl", "standard" or "hamiltonian" (the paper's, with relative
        inputs), "central" (third law, unknown masses), or "auto": "central" if masses are unknown,
        else "bottleneck".
      key: of the parameters and the batches.
      steps: of training; by default as many as the published figures used.
      time_limit: seconds after which training ends even if steps are left.
      callback: told of each chunk of steps.
    Raises:
      ValueError: unknown model, or a model that needs masses where there are none.
    """
    check_model(model)
    if model == "auto":
        model = "central" if trajectories.mass is None else "bottleneck"
    require(
        model == "central" or trajectories.mass is not None,
        f"model is '{model}', which needs the bodies' masses, and the data have none; "
        "expected 'central' or 'auto', or data with masses",
    )
    data = jax.tree.map(jnp.asarray, snapshots(trajectories))
    edges = topology(trajectories.bodies, trajectories.pairs, directed=model != "central")
    learner = _learn_central if model == "central" else _learn_particles
    return learner(model, data, edges, key, steps, time_limit, callback)


def check_model(model: str) -> None:
    """Whether `learn` knows a network of that name.

    Raises:
      ValueError: it does not; with the nearest name that it knows.

    >>> check_model("l1")
    """
    if model not in (*MODELS, "auto"):
        raise unknown_name("model", model, [*MODELS, "auto"])


def smooth_network(
    name: str, dims: int, *, message_size: int | None = None, penalty_weight: float | None = None
) -> GraphModel:
    """One of the paper's networks, small, smooth, and invariant to translations.

    Args:
      name: in `jaxsym.graphs.VARIANTS`, or "hamiltonian", which has no options.
      dims: D.
      message_size: M, instead of the variant's.
      penalty_weight: instead of the variant's.
    Raises:
      ValueError: from `jaxsym.graphs.particle_network`.

    >>> smooth_network("l1", 2).penalty_weight
    0.01
    """
    if name == "hamiltonian":
        return hamiltonian_network(dims, hidden=_HIDDEN, relative=True)
    return particle_network(
        name,
        dims,
        hidden=_HIDDEN,
        activation=nn.silu,
        relative=True,
        message_size=message_size,
        penalty_weight=penalty_weight,
    )


def _learn_particles(name, data, edges, key, steps, time_limit, callback) -> Learned:
    steps = steps or _PARTICLE_STEPS
    dims = data.acceleration.shape[-1]
    model = smooth_network(name, dims, penalty_weight=_PENALTY_WEIGHT.get(name))
    size = jnp.linalg.norm(data.acceleration, axis=-1)
    moved = size[size > 0]
    error = relative_error(float(_RELATIVE_FLOOR * jnp.median(moved)) if moved.size else 1.0)
    schedule = optax.cosine_onecycle_schedule(steps, _PARTICLE_RATE, 0.1, 10.0, 1e3)
    init_key, run_key, prune_key = jax.random.split(key, 3)
    params, batches, seconds, starts = model.init(init_key), graph_batches(edges, _BATCH), 0.0, 1
    shares = (*_PRUNED_AT, 1.0) if name == "l1" else (1.0,)
    stages = list(zip((0.0, *shares), shares, strict=False))
    while stages:
        begun, share = stages.pop(0)
        done = int(begun * steps)
        optimizer = _optimizer(partial(_later, schedule, done))
        trained = train(
            make_step(training_loss(model, error), optimizer),
            init_state(params, optimizer, run_key)._replace(step=jnp.asarray(done)),
            batches,
            data,
            steps=int(share * steps),
            chunk=_CHUNK,
            time_limit=None if time_limit is None else max(share * time_limit - seconds, 0.1),
            callback=callback if callback is None else partial(_of_all, callback, steps),
        )
        params, seconds = trained.state.params, seconds + trained.seconds
        if trained.interrupted:
            break
        if share < 1.0:
            sample = batches(jax.random.fold_in(prune_key, done), jnp.zeros((), int), data)
            again = not begun and starts < _STARTS and time_limit is None
            if again and _knows_nothing(model, params, sample, error):
                params, starts = model.init(jax.random.fold_in(init_key, starts)), starts + 1
                stages.insert(0, (begun, share))
            else:
                model, params = _pruned(model, params, dims, sample, error)
    return Learned(name, model, params, data, edges, seconds, trained.interrupted)


def _later(schedule: optax.Schedule, done: int, count: Array) -> Array:
    return jnp.asarray(schedule(count + done))


def _of_all(callback: Callable[[Event], bool | None], steps: int, event: Event) -> bool | None:
    """Tell of a stage as a part of the whole."""
    left = (steps - event.step) / event.steps_per_second
    return callback(event._replace(steps=steps, seconds_left=left))


def _knows_nothing(model: GraphModel, params: dict, sample: tuple, error: ErrorFn) -> bool:
    """Whether the network is hardly better than none: a penalty may silence it from the start."""
    nodes, target = sample
    predicted = jax.jit(model.apply)(params, nodes).acceleration
    of_none = jnp.mean(error(jnp.zeros_like(target), target))
    return bool(jnp.mean(error(predicted, target)) > _LEARNED_NOTHING * of_none)


def _pruned(
    model: GraphModel, params: dict, dims: int, sample: tuple, error: ErrorFn
) -> tuple[GraphModel, dict]:
    """The network with as few principal components of its messages as still predict."""
    nodes, target = sample
    messages = jax.jit(model.apply)(params, nodes).messages
    params = principal_messages(params, messages)

    @jax.jit
    def error_with(params: dict, size: int) -> Array:
        predicted = model.apply(silence_messages(params, size), nodes).acceleration
        return jnp.mean(error(predicted, target))

    for size in range(dims, messages.shape[1]):
        if float(error_with(params, size)) <= _PRUNING_ERROR:
            # nothing is charged any more: a penalty would go on to compress the large messages
            pruned = smooth_network("l1", dims, message_size=size, penalty_weight=0.0)
            return pruned, keep_messages(params, np.arange(size))
    return model, params


def _learn_central(name, data, edges, key, steps, time_limit, callback) -> Learned:
    """A quarter of the steps on orders of magnitude and directions, the rest on relative errors."""
    steps = steps or _CENTRAL_STEPS
    model = central_network(central_start(data, edges))
    optimizer = _optimizer(optax.cosine_decay_schedule(_CENTRAL_RATE, steps))
    init_key, run_key = jax.random.split(key)
    state = init_state(model.init(init_key), optimizer, run_key)
    batches = graph_batches(edges, _BATCH)
    seconds = 0.0
    for error, until, share in (
        (decades_error, steps // 4, 0.25),
        (log_relative_error, steps, 1.0),
    ):
        trained = train(
            make_step(training_loss(model, error), optimizer),
            state,
            batches,
            data,
            steps=until,
            chunk=_CHUNK,
            time_limit=None if time_limit is None else max(share * time_limit - seconds, 0.1),
            callback=callback,
        )
        state, seconds = trained.state, seconds + trained.seconds
        if trained.interrupted:
            break
    return Learned(name, model, state.params, data, edges, seconds, trained.interrupted)


def _optimizer(schedule) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


def neural_accelerations(
    model: GraphModel, params: dict, trajectories: Trajectories
) -> Float[np.ndarray, "S N D"]:
    """The network's acceleration of each body in each snapshot, in single precision."""
    data = snapshots(trajectories)
    edges = topology(trajectories.bodies, trajectories.pairs, directed=not model.third_law)
    predict = jax.jit(lambda params, bodies: model.apply(params, graph(bodies, edges)).acceleration)
    predicted = np.asarray(predict(params, jax.tree.map(jnp.asarray, data.bodies)))
    return predicted.reshape(data.acceleration.shape)


def neural_errors(
    model: GraphModel, params: dict, trajectories: Trajectories
) -> Float[np.ndarray, "S N"]:
    """Relative error of the network's acceleration of each body, see `error_scale`."""
    predicted = neural_accelerations(model, params, trajectories)
    return relative_errors(predicted, snapshots(trajectories))


def relative_errors(predicted: np.ndarray, data: Snapshots) -> Float[np.ndarray, "S N"]:
    """``|a_hat - a|`` over `error_scale`, for predictions ``[S, N, D]``."""
    difference = np.asarray(predicted, np.float64) - data.acceleration
    return np.linalg.norm(difference, axis=-1) / error_scale(data)
