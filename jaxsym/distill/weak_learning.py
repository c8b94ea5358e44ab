"""What a network is trained on where positions alone were measured: weak forms of whole tracks.

A network can follow the noise of a few hundred windows. So a part of the motion is held out, the
parameters are kept that predict it best, and what they leave there is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from jaxsym.datasets.splines import FEWEST_TIMES
from jaxsym.distill.measured.observed import noise_of
from jaxsym.graphs import (
    GraphModel,
    Topology,
    WeakWindows,
    weak_batches,
    weak_loss,
    weak_windows,
)
from jaxsym.laws.units import NaturalUnits
from jaxsym.training import Event, Trained, TrainState, make_step, train
from jaxsym.trajectories import Trajectories

_WINDOWS = 8  # a batch: sixteen states each: the work of two batches of snapshots
_UNSEEN = 0.2  # share of the motion
_FEWEST_RUNS = 5  # of which whole ones are held out; else the last of the times
_COMPARED = 256  # windows on which losses are told
_OVERFIT = 2.0  # times the loss on windows that were seen, or that of noise


class Tracks(NamedTuple):
    """Windows of measured motion in natural units.

    Attributes:
      seen: what is trained on.
      unseen: what is not; None where the motion is too short.
    """

    seen: WeakWindows
    unseen: WeakWindows | None


class WeakLosses(NamedTuple):
    """Mean squared errors of a network's weak forms, in units of the noise.

    Attributes:
      seen: on windows that it was trained on.
      held_out: on those of motion that it was not; None where there are none.
    """

    seen: float
    held_out: float | None

    @property
    def overfits(self) -> bool:
        """Whether the network follows the noise of what it has seen."""
        return self.held_out is not None and self.held_out > _OVERFIT * max(self.seen, 1.0)


def tracks_of(data: Trajectories, units: NaturalUnits) -> Tracks:
    """Windows of measured trajectories, a fifth of the motion held out.

    Args:
      data: of which positions alone were measured.
      units: in which the network works.
    """
    runs, times = data.position.shape[:2]
    noise = noise_of(data)
    if runs >= _FEWEST_RUNS:
        cut = round((1.0 - _UNSEEN) * runs)
        parts = [(slice(cut), slice(None)), (slice(cut, None), slice(None))]
    else:
        cut = round((1.0 - _UNSEEN) * times)
        parts = [(slice(None), slice(cut)), (slice(None), slice(cut, None))]
    made = [_windows(data, noise, units, *part) for part in parts]
    if made[0] is None:
        whole = _windows(data, noise, units, slice(None), slice(None))
        assert whole is not None
        return Tracks(whole, None)
    return Tracks(made[0], made[1])


def _windows(
    data: Trajectories, noise: np.ndarray, units: NaturalUnits, runs: slice, times: slice
) -> WeakWindows | None:
    """None where a body has too few samples."""
    assert data.measured is not None
    position = np.asarray(data.measured.position, np.float64)[runs, times]
    if (~np.isnan(position[..., 0])).sum(axis=1).min() < FEWEST_TIMES:
        return None
    known = lambda a: None if a is None else np.asarray(a, np.float64)[runs]  # noqa: E731
    sigma = np.repeat(noise[runs][:, :, None], data.dims, axis=2)
    made = weak_windows(
        np.asarray(data.time, np.float64)[times], position, sigma,
        mass=known(data.mass), charge=known(data.charge),
    )  # fmt: skip
    bodies = made.bodies._replace(
        position=made.bodies.position / units.length,
        velocity=made.bodies.velocity / units.velocity,
        mass=made.bodies.mass / (1.0 if data.mass is None else units.mass),
        charge=made.bodies.charge / (1.0 if data.charge is None else units.charge),
    )
    return WeakWindows(bodies, made.left / units.acceleration, made.scale / units.acceleration)


class _Watch:
    """Keeps the parameters that predict motion best that the network has not seen.

    Args:
      loss: of `jaxsym.graphs.weak_loss`.
      edges: of one system.
      tracks: seen and unseen.
    """

    def __init__(self, loss: Callable[..., Any], edges: Topology, tracks: Tracks):
        def on(windows: WeakWindows) -> Callable[[Any], Array]:
            batches = weak_batches(edges, min(_COMPARED, len(windows.left)))
            batch = batches(jax.random.key(0), jnp.zeros((), int), windows)
            return jax.jit(lambda params: loss(params, batch, jax.random.key(0))[1]["error"])

        self._seen = on(tracks.seen)
        self._unseen = None if tracks.unseen is None else on(tracks.unseen)
        self._best: Any = None
        self._least = np.inf

    def __call__(self, event: Event) -> None:
        """Look at the parameters after a chunk of steps."""
        if self._unseen is None:
            return
        found = float(self._unseen(event.state.params))
        if found < self._least:
            self._least = found
            self._best = jax.tree.map(jnp.copy, event.state.params)

    def best(self, last: Any) -> Any:
        """The parameters to keep, the last ones where nothing could be compared."""
        return last if self._best is None else self._best

    def losses(self, params: Any) -> WeakLosses:
        """Of some parameters."""
        unseen = None if self._unseen is None else float(self._unseen(params))
        return WeakLosses(float(self._seen(params)), unseen)


class Limits(TypedDict):
    """What a training may take, and who is told of it, see `jaxsym.training.train`."""

    steps: int
    time_limit: float | None
    callback: Callable[[Event], bool | None] | None
    chunk: int


def train_on_tracks(
    model: GraphModel,
    state: TrainState,
    optimizer: optax.GradientTransformation,
    edges: Topology,
    tracks: Tracks,
    limits: Limits,
) -> tuple[Trained, Any, WeakLosses]:
    """Train on weak forms; the parameters that do best on what was held out, and their losses.

    Args:
      model: to train.
      state: where to start.
      optimizer: of the steps.
      edges: of one system.
      tracks: seen and unseen.
      limits: of the training.
    """
    loss, callback = weak_loss(model), limits["callback"]
    watch = _Watch(loss, edges, tracks)

    def both(event: Event) -> bool | None:
        watch(event)
        return callback(event) if callback is not None else None

    trained = train(
        make_step(loss, optimizer), state, weak_batches(edges, _WINDOWS), tracks.seen,
        steps=limits["steps"], chunk=limits["chunk"], time_limit=limits["time_limit"],
        callback=both,
    )  # fmt: skip
    params = watch.best(trained.state.params)
    return trained, params, watch.losses(params)
