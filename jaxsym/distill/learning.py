"""Training of the network that a task calls for."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from jaxsym._check import require, unknown_name
from jaxsym._memory import budget_gb, in_words
from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.weak_learning import Limits, Tracks, WeakLosses, train_on_tracks
from jaxsym.graphs import (
    EDGES_AT_ONCE,
    VARIANTS,
    ErrorFn,
    GraphModel,
    Snapshots,
    Topology,
    central_network,
    central_start,
    decades_error,
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
from jaxsym.graphs.batches import GraphBatchFn
from jaxsym.training import Event, init_state, make_step, train
from jaxsym.trajectories import Trajectories

MODELS = (*VARIANTS, "hamiltonian", "central")
# As many as the published figures used; unknown masses take longer.
_PARTICLE_STEPS, _CENTRAL_STEPS = 8_000, 16_000
_CHUNK = 200  # steps between two calls of the callback
_BATCH = 64  # snapshots; fewer where they have more than `EDGES_AT_ONCE` edges together
# For a GB of the budget: indices and chunks of 4,000,000 edges, those of 2,000 bodies that all
# interact, take less than 1 GB, beside what training and refits take.
_EDGES_A_GB = 1_000_000
_PARTICLE_RATE, _CENTRAL_RATE = 8e-3, 5e-3  # at their highest
_HIDDEN = (96, 96, 96)  # smooth functions of a few numbers need less than the original's 300
# Shares of the steps after which an L1 network loses idle components: once the penalty has had
# time to sort them, and while the rate is still high enough to make a loss good.
_PRUNED_AT = (0.1, 0.4)
_PRUNING_ERROR = 0.5  # the relative error may be so large right after
# Error of a network over that of none from which on it begins anew, and how often it may begin:
# the penalty silences some starts and not others.
_LEARNED_NOTHING, _STARTS = 0.9, 3
_RELATIVE_FLOOR = 0.1  # of the median acceleration but zero: below this, errors are absolute
# Relative errors are far smaller than the paper's absolute ones, so penalties are too; a larger one
# silences messages before a network knows anything, where half of the bodies feel nothing.
_PENALTY_WEIGHT = {"l1": 3e-4, "kl": 1e-3}


_Sample: TypeAlias = tuple[jraph.GraphsTuple, Float[Array, "K D"]]


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
      weak: what it leaves of weak forms, if it was trained on these.
    """

    name: str
    model: GraphModel
    params: dict
    data: Snapshots
    edges: Topology
    seconds: float
    interrupted: bool
    weak: WeakLosses | None = None


@implicit_broadcasting()
def learn(
    trajectories: Trajectories,
    model: str = "auto",
    *,
    key: Key[Array, ""],
    steps: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Event], bool | None] | None = None,
    tracks: Tracks | None = None,
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
      tracks: the same motion as positions, where these alone were measured: the network is trained
        on weak forms of it in place of accelerations.
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
    _check_size(trajectories, model)
    data = jax.tree.map(jnp.asarray, snapshots(trajectories))
    edges = topology(trajectories.bodies, trajectories.pairs, directed=model != "central")
    learner = _learn_central if model == "central" else _learn_particles
    return learner(model, data, edges, key, _Budget(steps, time_limit, callback), tracks)


def _check_size(trajectories: Trajectories, model: str) -> None:
    """Whether a snapshot's edges fit in memory."""
    bodies, pairs = trajectories.bodies, trajectories.pairs
    edges = bodies * (bodies - 1) if pairs is None else 2 * len(pairs)
    most = EDGES_AT_ONCE if model == "hamiltonian" else int(_EDGES_A_GB * budget_gb())
    require(
        edges <= most,
        f"{bodies} bodies have {edges:,} edges in a snapshot, for which a '{model}' network needs "
        f"more than {in_words()}; expected at most {most:,} edges, which are those of "
        f"{math.isqrt(most)} bodies that all interact (or name the pairs that do)",
    )


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


class _Budget(NamedTuple):
    """What a training may take, and who is told of it."""

    steps: int | None
    time_limit: float | None
    callback: Callable[[Event], bool | None] | None

    def limits(self, steps: int, share: float, spent: float, whole: int) -> Limits:
        """Of a stage that ends at one of the whole's steps, and with a share of the time."""
        left = None if self.time_limit is None else max(share * self.time_limit - spent, 0.1)
        told = self.callback and partial(_of_all, self.callback, whole)
        return {"steps": steps, "time_limit": left, "callback": told, "chunk": _CHUNK}


class _Course(NamedTuple):
    """What stays the same through all stages of the training of one of the paper's networks."""

    data: Snapshots
    edges: Topology
    tracks: Tracks | None
    batches: GraphBatchFn
    error: ErrorFn
    schedule: optax.Schedule
    steps: int
    budget: _Budget
    key: Key[Array, ""]


class _Network(NamedTuple):
    """A network between two stages of its training."""

    model: GraphModel
    params: dict
    seconds: float = 0.0
    interrupted: bool = False
    weak: WeakLosses | None = None


def _learn_particles(
    name: str,
    data: Snapshots,
    edges: Topology,
    key: Key[Array, ""],
    budget: _Budget,
    tracks: Tracks | None,
) -> Learned:
    """One stage; an L1 network is pruned between three."""
    steps = budget.steps or _PARTICLE_STEPS
    init_key, run_key, prune_key = jax.random.split(key, 3)
    course = _Course(
        data,
        edges,
        tracks,
        _batches(edges),
        _error_with_floor(data),
        optax.cosine_onecycle_schedule(steps, _PARTICLE_RATE, 0.1, 10.0, 1e3),
        steps,
        budget,
        run_key,
    )
    dims = data.acceleration.shape[-1]
    model = smooth_network(name, dims, penalty_weight=_PENALTY_WEIGHT.get(name))
    if name == "l1":
        network = _learn_sparsely(course, model, init_key, prune_key)
    else:
        network = _stage(course, _Network(model, model.init(init_key)), 0.0, 1.0)
    return Learned(
        name, network.model, network.params, data, edges, network.seconds, network.interrupted,
        network.weak,
    )  # fmt: skip


def _learn_sparsely(
    course: _Course, model: GraphModel, init_key: Key[Array, ""], prune_key: Key[Array, ""]
) -> _Network:
    """Stages with prunings between them; a network that learned nothing in the first begins anew.

    There is no new beginning where time is limited.
    """
    starts = _STARTS if course.budget.time_limit is None else 1
    seconds = 0.0
    for start in range(starts):
        start_key = jax.random.fold_in(init_key, start) if start else init_key
        network = _Network(model, model.init(start_key), seconds)
        network = _stage(course, network, 0.0, _PRUNED_AT[0])
        sample = _pruning_sample(course, prune_key, 0.0)
        if network.interrupted or not _knows_nothing(network, sample, course.error):
            break
        seconds = network.seconds
    for begun, until in zip(_PRUNED_AT, (*_PRUNED_AT[1:], 1.0), strict=True):
        if network.interrupted:
            return network
        network = _pruned(network, sample, course.error)
        network = _stage(course, network, begun, until)
        sample = _pruning_sample(course, prune_key, begun)
    return network


def _stage(course: _Course, network: _Network, begun: float, until: float) -> _Network:
    """Train from one share of the steps to another."""
    done = int(begun * course.steps)
    optimizer = _optimizer(partial(_later, course.schedule, done))
    state = init_state(network.params, optimizer, course.key)._replace(step=jnp.asarray(done))
    end = int(until * course.steps)
    limits = course.budget.limits(end, until, network.seconds, course.steps)
    if course.tracks is not None:
        trained, params, weak = train_on_tracks(
            network.model, state, optimizer, course.edges, course.tracks, limits
        )
    else:
        step = make_step(training_loss(network.model, course.error), optimizer)
        trained = train(step, state, course.batches, course.data, **limits)
        params, weak = trained.state.params, None
    seconds = network.seconds + trained.seconds
    return _Network(network.model, params, seconds, trained.interrupted, weak)


def _error_with_floor(data: Snapshots) -> ErrorFn:
    """Relative errors, of small accelerations in parts of a usual one."""
    size = jnp.linalg.norm(data.acceleration, axis=-1)
    moved = size[size > 0]
    return relative_error(float(_RELATIVE_FLOOR * jnp.median(moved)) if moved.size else 1.0)


def _pruning_sample(course: _Course, key: Key[Array, ""], begun: float) -> _Sample:
    """A batch on which a network is judged, after the stage that began at a share of the steps."""
    key = jax.random.fold_in(key, int(begun * course.steps))
    return course.batches(key, jnp.zeros((), int), course.data)


def _batches(edges: Topology) -> GraphBatchFn:
    return graph_batches(edges, max(1, min(_BATCH, EDGES_AT_ONCE // len(edges.senders))))


def _later(schedule: optax.Schedule, done: int, count: Array) -> Array:
    return jnp.asarray(schedule(count + done))


def _of_all(callback: Callable[[Event], bool | None], steps: int, event: Event) -> bool | None:
    """Tell of a stage as a part of the whole."""
    left = (steps - event.step) / event.steps_per_second
    return callback(event._replace(steps=steps, seconds_left=left))


def _knows_nothing(network: _Network, sample: _Sample, error: ErrorFn) -> bool:
    """Whether the network is hardly better than none: a penalty may silence it from the start."""
    nodes, target = sample
    predicted = jax.jit(network.model.apply)(network.params, nodes).acceleration
    of_none = jnp.mean(error(jnp.zeros_like(target), target))
    return bool(jnp.mean(error(predicted, target)) > _LEARNED_NOTHING * of_none)


def _pruned(network: _Network, sample: _Sample, error: ErrorFn) -> _Network:
    """The network with as few principal components of its messages as still predict."""
    nodes, target = sample
    model, dims = network.model, target.shape[-1]
    messages = jax.jit(model.apply)(network.params, nodes).messages
    params = principal_messages(network.params, messages)

    @jax.jit
    def error_with(params: dict, size: int) -> Array:
        predicted = model.apply(silence_messages(params, size), nodes).acceleration
        return jnp.mean(error(predicted, target))

    for size in range(dims, messages.shape[1]):
        if float(error_with(params, size)) <= _PRUNING_ERROR:
            # nothing is charged any more: a penalty would go on to compress the large messages
            pruned = smooth_network("l1", dims, message_size=size, penalty_weight=0.0)
            return network._replace(model=pruned, params=keep_messages(params, np.arange(size)))
    return network._replace(params=params)


def _learn_central(
    name: str,
    data: Snapshots,
    edges: Topology,
    key: Key[Array, ""],
    budget: _Budget,
    tracks: Tracks | None,
) -> Learned:
    """A quarter of the steps on orders of magnitude and directions, the rest on relative errors.

    Or on weak forms, where there are tracks.
    """
    steps = budget.steps or _CENTRAL_STEPS
    model = central_network(central_start(data, edges))
    optimizer = _optimizer(optax.cosine_decay_schedule(_CENTRAL_RATE, steps))
    init_key, run_key = jax.random.split(key)
    state = init_state(model.init(init_key), optimizer, run_key)
    seconds, weak = 0.0, None
    for error, until, share in (
        (decades_error, steps // 4, 0.25),
        (log_relative_error, steps, 1.0),
    ):
        limits = budget.limits(until, share, seconds, steps)
        if tracks is not None and error is log_relative_error:
            trained, params, weak = train_on_tracks(model, state, optimizer, edges, tracks, limits)
        else:
            step = make_step(training_loss(model, error), optimizer)
            trained = train(step, state, _batches(edges), data, **limits)
            params = trained.state.params
        state, seconds = trained.state, seconds + trained.seconds
        if trained.interrupted:
            break
    return Learned(name, model, params, data, edges, seconds, trained.interrupted, weak)


def _optimizer(schedule: optax.Schedule) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
