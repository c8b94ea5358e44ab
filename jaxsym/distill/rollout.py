"""Motion under a learned network or under an equation in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._check import require
from jaxsym._programs import bounded_jit
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs import Bodies, Prediction, Topology, graph
from jaxsym.simulate.integrators import INTEGRATORS, Phase, advance
from jaxsym.trajectories import Trajectories


class Rollout(NamedTuple):
    """States of R systems of N bodies at T times.

    Attributes:
      position: the first is the start.
      velocity: likewise.
    """

    position: Float[Array, "R T N D"]
    velocity: Float[Array, "R T N D"]


@implicit_broadcasting()
def roll_out(
    apply: Callable[..., Prediction],
    params: Any,
    start: Bodies,
    edges: Topology,
    *,
    dt: float,
    steps: int,
    substeps: int = 8,
) -> Rollout:
    """Integrate the accelerations that a model predicts (Runge-Kutta of order 4).

    Args:
      apply: of a graph network, or of `jaxsym.distill.symbolic_network`.
      params: its parameters.
      start: the bodies at the beginning, ``[R, N, ...]``.
      edges: who interacts.
      dt: time between the states that are kept.
      steps: T, the number of these, the start included.
      substeps: of the integrator within dt.
    Raises:
      ValueError: no step or substep, or a time that is not positive.

    >>> from jaxsym.distill import ParticleLaw, symbolic_network
    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import topology
    >>> apply, params = symbolic_network(ParticleLaw(parse("1"), True, 2))
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.ones((1, 2)), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> halfway = np.pi / 8**0.5  # two unit masses on a spring of stiffness 1 meet then
    >>> motion = roll_out(apply, params, two, topology(2), dt=halfway, steps=2)
    >>> motion.position[0, 1, :, 0].round(3).tolist()
    [0.5, 0.5]
    """
    require(dt > 0, f"dt is {dt}; expected a positive time")
    require(steps >= 1, f"steps is {steps}; expected at least 1")
    require(substeps >= 1, f"substeps is {substeps}; expected at least 1")
    return _roll_out(apply, edges.nodes, steps, substeps, params, start, _ends(edges), dt)


def _ends(edges: Topology) -> tuple[Array, Array]:
    return jnp.asarray(edges.senders), jnp.asarray(edges.receivers)


@bounded_jit(static_argnums=(0, 1, 2, 3))
def _roll_out(apply, nodes, steps, substeps, params, start, ends, dt) -> Rollout:
    senders, receivers = ends
    edges = Topology(senders, receivers, nodes)

    def acceleration(position: Array, velocity: Array) -> Array:
        here = start._replace(position=position, velocity=velocity)
        return apply(params, graph(here, edges)).acceleration.reshape(position.shape)

    def keep(phase: Phase, _: None) -> tuple[Phase, Rollout]:
        state = Rollout(phase.position, phase.velocity)
        return advance(INTEGRATORS["rk4"], acceleration, phase, dt, substeps), state

    phase = Phase.at(start.position, start.velocity)
    _, states = jax.lax.scan(keep, phase, None, length=steps)
    return jax.tree.map(lambda a: jnp.moveaxis(a, 0, 1), states)


def rollout_error(found: Rollout, true: Trajectories) -> Float[np.ndarray, "R T"]:
    """Distance of the bodies from where they truly are, over their distance from their center.

    Root mean squares over the bodies; 1 means that nothing is known any more.

    Args:
      found: the motion predicted.
      true: the motion itself, from the same start at the same times.
    Raises:
      ValueError: shapes that differ.

    >>> from jaxsym.trajectories import trajectories
    >>> x = np.zeros((1, 3, 2, 2)) + np.array([[-1.0, 0.0], [1.0, 0.0]])
    >>> true = trajectories(x, velocity=0 * x, acceleration=0 * x, time=range(3))
    >>> rollout_error(Rollout(x + 0.1, 0 * x), true).round(3).tolist()
    [[0.141, 0.141, 0.141]]
    """
    position, expected = np.asarray(found.position), np.asarray(true.position)
    require(
        position.shape == expected.shape,
        f"found has positions of shape {position.shape}; expected {expected.shape} as in true",
    )
    size = lambda a: np.sqrt(np.mean(np.sum(a**2, axis=-1), axis=-1))  # noqa: E731
    return size(position - expected) / size(expected - expected.mean(axis=2, keepdims=True))
