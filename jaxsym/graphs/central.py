"""A graph network of central forces between bodies whose masses nobody told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from scipy.optimize import nnls

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Snapshots, Topology
from jaxsym.graphs.models import MLP, GraphModel
from jaxsym.graphs.network import interaction_network

# Pairs that tell the range of distances and the sign of the force: more add memory alone.
_PAIRS = 1_000_000


class CentralStart(NamedTuple):
    """Where a central network starts, read off the data.

    Attributes:
      log_mass: logarithm of each body's mass, in units of the heaviest.
      log_distance: mean and standard deviation of ``log r`` over pairs and snapshots.
      sign: +1 if the bodies fall toward each other more than apart, else -1.
    """

    log_mass: Float[np.ndarray, " N"]
    log_distance: tuple[float, float]
    sign: float


@implicit_broadcasting()
def momentum_masses(acceleration: Float[ArrayLike, "S N D"]) -> Float[np.ndarray, " N"]:
    """Masses, in units of the heaviest, for which the total force ``sum m_i a_i`` is least.

    Newton's third law makes it zero for isolated bodies, whatever the law of force. Masses that
    come out zero are set to a tenth of the least positive one.

    Args:
      acceleration: of each body in each snapshot.

    >>> a = np.array([[[3.0, 0.0], [-1.0, 0.0]], [[0.0, 6.0], [0.0, -2.0]]])
    >>> momentum_masses(a).round(6).tolist()
    [0.333333, 1.0]
    """
    a = np.asarray(acceleration, np.float64)
    bodies = a.shape[1]
    rows = a.transpose(0, 2, 1).reshape(-1, bodies)
    gram = np.linalg.qr(rows, mode="r")
    unit = np.linalg.norm(gram) or 1.0
    matrix = np.vstack([gram, unit * np.ones((1, bodies))])
    mass, _ = nnls(matrix, np.append(np.zeros(len(gram)), unit))
    least = mass[mass > 0].min()
    return np.where(mass > 0, mass, 0.1 * least) / mass.max()


@implicit_broadcasting()
def central_start(data: Snapshots, edges: Topology) -> CentralStart:
    """Masses from momentum conservation, the range of distances, and the sign of the force.

    >>> from jaxsym.graphs import Bodies, topology
    >>> at = np.array([[[0.0, 0.0], [2.0, 0.0]]])
    >>> pull = np.array([[[1.0, 0.0], [-1.0, 0.0]]])
    >>> one = np.ones((1, 2))
    >>> bodies = Bodies(at, 0 * at, one, 0 * one, np.array([[0, 1]]))
    >>> central_start(Snapshots(bodies, pull), topology(2, directed=False)).sign
    1.0
    """
    every = max(1, len(data.acceleration) * len(edges.senders) // _PAIRS)
    position = np.asarray(data.bodies.position, np.float64)[::every]
    acceleration = np.asarray(data.acceleration, np.float64)
    masses = momentum_masses(acceleration)
    acceleration = acceleration[::every]
    between = position[:, edges.senders] - position[:, edges.receivers]
    log_distance = np.log(np.linalg.norm(between, axis=-1))
    closing = acceleration[:, edges.receivers] - acceleration[:, edges.senders]
    size = np.linalg.norm(closing, axis=-1) * np.linalg.norm(between, axis=-1)
    inward = np.mean(np.sum(closing * between, axis=-1) / np.maximum(size, 1e-300))
    return CentralStart(
        np.log(masses),
        (float(log_distance.mean()), float(log_distance.std() or 1.0)),
        1.0 if inward >= 0 else -1.0,
    )


def central_network(start: CentralStart, *, hidden: Sequence[int] = (64, 64)) -> GraphModel:
    """Forces along the line between two bodies, with one trainable mass a body.

    ``F = exp(f) tanh(g) d / r`` acts on the receiver and its opposite on the sender;
    ``a_i = sum F / m_i``; f and g are the two outputs of one network that sees ``log r`` and two
    symmetric functions of the masses, log(m_1 m_2) and log(m_1 + m_2). Newton's second and third
    laws and the symmetries of space are built in, as in Lemos et al. 2022 (arXiv 2202.02306,
    section 2); how the force depends on distance and mass, and the masses, are learned.

    Args:
      start: see `central_start`.
      hidden: widths of the hidden layers.
    Raises:
      ValueError: fewer than two bodies.

    >>> import jax
    >>> model = central_network(CentralStart(np.zeros(3), (0.0, 1.0), 1.0))
    >>> model.init(jax.random.key(0))["log_mass"].shape
    (3,)
    """
    count = len(start.log_mass)
    require(count >= 2, f"start.log_mass has {count} entries; expected at least two bodies")
    first, second = np.triu_indices(count, 1)
    scalars = _symmetric(start.log_mass[first], start.log_mass[second])
    center = np.append(start.log_distance[0], np.mean(scalars, axis=0))
    spread = np.append(start.log_distance[1], np.std(scalars, axis=0))
    spread = np.where(spread > 1e-6, spread, 1.0)
    center, spread = center.astype(np.float32), spread.astype(np.float32)
    net = MLP(hidden, 2, nn.tanh, linear_path=True)

    @implicit_broadcasting()
    def init(key):
        log_mass = jnp.asarray(start.log_mass, jnp.float32)
        return {"message": net.init(key, jnp.zeros(3)), "log_mass": log_mass}

    def bodies(params, given):
        return given._replace(mass=jnp.exp(params["log_mass"][given.label]))

    @implicit_broadcasting()
    def message(params, receiver, sender):
        displacement = sender.position - receiver.position
        square = jnp.sum(displacement**2, axis=-1, keepdims=True)
        scalars = _symmetric(jnp.log(receiver.mass), jnp.log(sender.mass))
        inputs = jnp.concatenate([0.5 * jnp.log(square), scalars], axis=-1)
        out = jnp.asarray(net.apply(params["message"], (inputs - center) / spread))
        strength = jnp.exp(out[..., :1]) * jnp.tanh(start.sign + out[..., 1:])
        return strength * displacement / jnp.sqrt(square)

    @implicit_broadcasting()
    def node(params, bodies, total):
        del params
        return total / bodies.mass[..., None]

    return GraphModel(
        init,
        interaction_network(message, node, bodies=bodies, third_law=True),
        message,
        node,
        bodies,
        penalty_weight=0.0,
        third_law=True,
    )


def _symmetric(first: Array | np.ndarray, second: Array | np.ndarray) -> Any:
    xp = np if isinstance(first, np.ndarray) else jnp
    return xp.stack([first + second, xp.logaddexp(first, second)], axis=-1)
