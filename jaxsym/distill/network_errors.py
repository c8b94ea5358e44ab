"""Accelerations that a network predicts, and how far they are off."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.refitting import error_scale
from jaxsym.graphs import GraphModel, Snapshots, predict_accelerations, snapshots, topology
from jaxsym.trajectories import Trajectories


@implicit_broadcasting()
def neural_accelerations(
    model: GraphModel, params: dict, trajectories: Trajectories
) -> Float[np.ndarray, "S N D"]:
    """The network's acceleration of each body in each snapshot, in single precision."""
    data = snapshots(trajectories)
    edges = topology(trajectories.bodies, trajectories.pairs, directed=not model.third_law)
    bodies = jax.tree.map(jnp.asarray, data.bodies)
    return predict_accelerations(model.apply, params, bodies, edges)


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
