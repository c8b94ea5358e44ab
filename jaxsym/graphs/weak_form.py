"""The loss of a network on positions alone: weak forms of its accelerations, in units of noise.

A network of a few thousand parameters can follow the noise of a few hundred windows. Compare its
loss on windows of runs that it has not seen; with a dozen runs the terms that
`jaxsym.inference.weak.profiles` reads are closer to the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, Float

from jaxsym._settings import full_precision, implicit_broadcasting
from jaxsym.graphs.bodies import Bodies, Topology, graph
from jaxsym.graphs.models import GraphModel
from jaxsym.graphs.network import Params, Prediction
from jaxsym.inference import smooth, weak_form, window_lengths
from jaxsym.inference.weak.matrices import bump
from jaxsym.training import minibatch
from jaxsym.training.batches import BatchFn

NODES = 16  # of Gauss' quadrature in a window: exact for degree 31, of which phi takes 8
_HUBER = 2.5  # errors beyond count linearly


class WeakWindows(NamedTuple):
    """W windows of any lengths, each with the states at the same G places of its test function.

    Attributes:
      bodies: smoothed states ``[W, G, N, ...]``.
      left: ``int phi x'' dt`` by parts, from the positions as they were measured.
      scale: standard errors of this, plus a share of it.
    """

    bodies: Bodies
    left: Float[Array, "W N D"]
    scale: Float[Array, "W N D"]


@implicit_broadcasting()
def weak_windows(
    time: Float[np.ndarray, " T"],
    position: Float[np.ndarray, "R T N D"],
    sigma: Float[np.ndarray, "R N D"],
    *,
    mass: Float[np.ndarray, "R N"] | None = None,
    charge: Float[np.ndarray, "R N"] | None = None,
    lengths: Sequence[float] | None = None,
    share: float = 0.02,
) -> WeakWindows:
    """Windows of all runs, in single precision.

    Args:
      time: increasing, unevenly spaced as may be.
      position: NaN where a sample is missing; windows that hold such samples have no weight for
        that body.
      sigma: standard deviation of the noise.
      mass: ones where unknown.
      charge: zeros where there is none.
      lengths: of the windows; by default from the shortest to a quarter of the span, as longer
        ones feel the errors of the states most.
      share: of the left side that counts as an error: what a network may be off by.

    Raises:
      ValueError: too few samples, see `jaxsym.inference.weak.matrices`.
    """
    runs, times, count, dims = position.shape
    if lengths is None:
        known = window_lengths(time)
        lengths = known[known <= max(known[0], (time[-1] - time[0]) / 4.0)]
    form = weak_form(time, lengths=lengths)
    left = form.left(2)
    place = np.polynomial.legendre.leggauss(NODES)[0]
    middle, half = (form.start + form.end) / 2.0, (form.end - form.start) / 2.0
    nodes = middle[:, None] + half[:, None] * place
    at, back = np.unique(nodes, return_inverse=True)
    series = np.moveaxis(position, 1, 0).reshape(times, runs * count, dims)
    states = smooth(time, series, sigma.reshape(runs * count, dims), at=at).estimate[:2]
    states = states.reshape(2, len(at), runs, count, dims)[:, back.reshape(nodes.shape)]
    noise = np.sqrt(np.asarray((left**2).sum(axis=1))).ravel()
    flat = series.reshape(times, -1)
    measured = (left @ np.nan_to_num(flat)).reshape(-1, runs, count, dims)
    scale = np.hypot(noise[:, None, None, None] * sigma, share * measured)
    missing = (abs(left) @ np.isnan(flat)).reshape(scale.shape) > 0
    scale, measured = np.where(missing, np.inf, scale), np.where(missing, 0.0, measured)

    def of_runs(values: np.ndarray, window_axes: int) -> Array:
        """Windows of a run after those of the one before: ``[W, ...]``."""
        moved = np.moveaxis(values, window_axes, 0)
        return jnp.asarray(moved.reshape(-1, *moved.shape[2:]), jnp.float32)

    def per_body(values: np.ndarray | None, default: float) -> Array:
        filled = np.full((runs, count), default) if values is None else np.asarray(values)
        shape = (*nodes.shape, runs, count)
        return of_runs(np.broadcast_to(filled, shape), 2)

    position_there, velocity_there = (of_runs(x, 2) for x in states)
    mass_there = per_body(mass, 1.0)
    label = jnp.broadcast_to(jnp.arange(count), mass_there.shape)
    bodies = Bodies(position_there, velocity_there, mass_there, per_body(charge, 0.0), label)
    return WeakWindows(bodies, of_runs(measured, 1), of_runs(scale, 1))


def weak_batches(edges: Topology, size: int) -> BatchFn:
    """``batch_fn(key, step, windows) -> (graph of all nodes' states, windows)`` for the trainer.

    Args:
      edges: of one system.
      size: B, windows a batch, drawn with replacement.
    """
    rows = minibatch(size)

    @implicit_broadcasting()
    def draw(key, step, data: WeakWindows) -> tuple[jraph.GraphsTuple, WeakWindows]:
        windows: WeakWindows = rows(key, step, data)
        moments = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), windows.bodies)
        return graph(moments, edges), windows

    return draw


def weak_loss(
    model: GraphModel,
) -> Callable[[Params, tuple[jraph.GraphsTuple, WeakWindows], Array], tuple[Array, dict]]:
    """Mean of ``((int phi x'' dt - int phi a dt) / scale)^2``, Huber's, plus the model's penalty.

    Returns:
      ``loss(params, batch, key) -> (scalar, metrics)`` on batches of `weak_batches`.

    >>> from jaxsym.graphs.models import particle_network
    >>> callable(weak_loss(particle_network("bottleneck", 2, hidden=(8,))))
    True
    """
    node, weight = np.polynomial.legendre.leggauss(NODES)
    measure = jnp.asarray(weight * bump(node), jnp.float32)

    @implicit_broadcasting()
    def loss(params, batch, key):
        inputs, windows = batch
        out: Prediction = model.apply(params, inputs, key)
        shape = windows.left.shape
        acceleration = out.acceleration.reshape(shape[0], NODES, *shape[1:])
        with full_precision():
            right = jnp.einsum("g,wgnd->wnd", measure, acceleration)
        off = jnp.abs((windows.left - right) / windows.scale)
        squares = jnp.where(off < _HUBER, off**2, 2.0 * _HUBER * off - _HUBER**2)
        fit = jnp.mean(squares)
        total = fit + model.penalty_weight * out.penalty if model.penalty_weight else fit
        return total, {"error": fit, "penalty": out.penalty}

    return loss
