"""Training of the symbolic network: Adam, the paper's plateau schedule, seeds in one program."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.syrenets.network.losses import Batch, Weights, make_loss, predict
from jaxsym.syrenets.network.symbolic import Architecture, SymbolicNetwork, selection
from jaxsym.training import Event, TrainState, init_state, make_step, minibatch, train
from jaxsym.training.batches import BatchFn
from jaxsym.training.step import Step

_CHECKED = 1024  # states on which the best parameters are chosen
_WINDOW = 100  # steps whose mean loss the schedule looks at
_WARM = 200  # steps in which the rate of a cosine rises


class TrainedNetwork(NamedTuple):
    """Networks of S seeds, each in its best state.

    Attributes:
      network: the module.
      params: with a leading axis of seeds.
      mse: ``[S]`` mean squared error of the target on states of the training data.
      steps: taken.
      seconds: that they took, compilation included.
      interrupted: whether Ctrl-C ended the training.
    """

    network: SymbolicNetwork
    params: dict
    mse: Float[np.ndarray, " S"]
    steps: int
    seconds: float
    interrupted: bool

    def seed(self, place: int) -> dict:
        """The parameters of one seed."""
        return jax.tree.map(lambda leaf: leaf[place], self.params)


@implicit_broadcasting()
def train_network(
    data: Batch,
    *,
    seeds: Sequence[int],
    architecture: Architecture | None = None,
    weights: Weights | None = None,
    steps: int,
    time_limit: float | None = None,
    batch: int = 32,
    learning_rate: float = 1e-3,
    second_moment: float = 0.999,
    patience: int | None = 1000,
    start: dict | None = None,
    callback: Callable[[Event, Float[np.ndarray, " S"]], bool | None] | None = None,
) -> TrainedNetwork:
    """Train one network for each seed, all in one compiled program.

    Adam, its rate divided by 10 after ``patience`` steps without a better loss down to a hundredth;
    the best state met is the result (Valle & Haddadin 2021, section 4). A loss of one batch is
    mostly chance: what has to get better is the mean over 100 steps, and the best state is the
    one with the least error on a thousand training states, looked at every 500 steps.

    Args:
      data: states and targets ``[n, ...]`` to draw batches from.
      seeds: of weights and batches, S of them.
      architecture: the paper's for D coordinates by default.
      weights: of the parts of the loss.
      steps: at most.
      time_limit: seconds at most.
      batch: states in a batch.
      learning_rate: at the beginning.
      second_moment: how slowly Adam's mean of squared slopes forgets. Slopes of the first steps are
        a thousand times those of the last, and 0.999 remembers them for too long: with 0.99 and a
        cosine an error is a hundred times smaller after 3,000 steps.
      patience: steps without a better loss before the rate falls; None for a cosine down to a
        thousandth at the last of ``steps``, which spares the waiting.
      start: parameters of one seed to go on from; drawn by default.
      callback: told of each chunk with the error of every seed; ends the training by True.

    Raises:
      ValueError: no seeds, inputs that do not fit the architecture, and as for `train`.
    """
    inputs = 2 * data.q.shape[1]
    architecture = architecture or Architecture(inputs=inputs)
    require(len(seeds) > 0, "seeds is empty; expected at least one")
    require(
        architecture.inputs == inputs,
        f"the architecture has {architecture.inputs} inputs; expected {inputs}, "
        "the coordinates and velocities",
    )
    data = Batch(*(jnp.asarray(values, jnp.float32) for values in data))
    optimizer = _optimizer(learning_rate, second_moment, patience, steps if patience is None else 0)
    program = _program(architecture, weights or Weights(), batch, optimizer)
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    params, state = program.begin(keys, start)
    some = Batch(*(values[:_CHECKED] for values in data))
    best = _Best(program.error, some, params)

    def on_chunk(event: Event) -> bool | None:
        errors = best.offer(event.state.params)
        return None if callback is None else callback(event, errors)

    trained = train(
        program.step,
        state,
        program.draw,
        data,
        steps=steps,
        chunk=500,
        callback=on_chunk,
        time_limit=time_limit,
    )
    taken = int(np.ravel(np.asarray(trained.state.step))[0])
    return TrainedNetwork(
        program.network, best.params, best.mse, taken, trained.seconds, trained.interrupted
    )


class _Program(NamedTuple):
    """What is compiled, once for all runs with the same settings."""

    network: SymbolicNetwork
    begin: Callable[[jax.Array, dict | None], tuple[dict, TrainState]]
    step: Step
    draw: BatchFn
    error: Callable[[dict, Batch], jax.Array]


@functools.lru_cache(maxsize=8)
def _optimizer(
    learning_rate: float, second_moment: float, patience: int | None, steps: int
) -> optax.GradientTransformation:
    if patience is None:
        warm = min(_WARM, steps // 10)
        cosine = optax.warmup_cosine_decay_schedule(
            0.0, learning_rate, warm, steps, 1e-3 * learning_rate
        )
        return optax.adam(cosine, b2=second_moment)
    plateau = optax.contrib.reduce_on_plateau(
        factor=0.1,
        patience=max(1, patience // _WINDOW),
        rtol=1e-4,
        accumulation_size=_WINDOW,
        min_scale=0.01,
    )
    return optax.chain(optax.adam(learning_rate, b2=second_moment), plateau)


@functools.lru_cache(maxsize=8)
def _program(
    architecture: Architecture,
    weights: Weights,
    batch: int,
    optimizer: optax.GradientTransformation,
) -> _Program:
    network = SymbolicNetwork(architecture)

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def begin(key: jax.Array, start: dict | None) -> tuple[dict, TrainState]:
        example = jnp.zeros((batch, architecture.inputs))
        params = dict(network.init(key, example)) if start is None else start
        return params, init_state(params, optimizer, jax.random.fold_in(key, 1))

    step = make_step(make_loss(network, weights), optimizer, skip="entries")
    error = jax.jit(jax.vmap(partial(mean_squared_error, network), (0, None)))
    return _Program(network, begin, step, minibatch(batch), error)


@implicit_broadcasting()
def mean_squared_error(network: SymbolicNetwork, params: dict, data: Batch) -> Float[jax.Array, ""]:
    """Of the formula that the data's states select, on the same data."""
    selected = selection(network, params, jnp.concatenate([data.q, data.qd], axis=-1))
    return jnp.mean((predict(network.architecture, selected.weights, data) - data.target) ** 2)


class _Best:
    """The parameters with the least error so far, of every seed for itself."""

    def __init__(self, error: Callable[[dict, Batch], jax.Array], data: Batch, params: dict):
        self._error, self._data = error, data
        self.params = jax.tree.map(np.array, params)
        self.mse = np.array(error(params, data), np.float64)

    def offer(self, params: dict) -> Float[np.ndarray, " S"]:
        """Takes what is better; returns the error of each seed."""
        errors = np.asarray(self._error(params, self._data), np.float64)
        better = errors < self.mse
        self.mse = np.where(better, errors, self.mse)

        def keep(kept: np.ndarray, new: jax.Array) -> np.ndarray:
            kept[better] = np.asarray(new)[better]
            return kept

        self.params = jax.tree.map(keep, self.params, params)
        return errors
