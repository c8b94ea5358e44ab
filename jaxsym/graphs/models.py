"""Graph networks as init/apply pairs, and the paper's variants of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Float

from jaxsym._check import require, unknown_name
from jaxsym.graphs.bodies import Bodies
from jaxsym.graphs.network import (
    BodiesFn,
    MessageFn,
    NodeFn,
    Params,
    Prediction,
    interaction_network,
    same_bodies,
)


class GraphModel(NamedTuple):
    """A graph network as pure functions; its message and node functions can be asked apart.

    Attributes:
      init: ``(key) -> params``.
      apply: ``(params, graph) -> Prediction``.
      message: ``(params, receiver, sender) -> [..., M]``.
      node: ``(params, bodies, total) -> [..., D]``.
      bodies: ``(params, bodies) -> bodies`` with trainable scalars filled in.
      message_penalty: weight of the mean absolute message in the loss.
      third_law: one edge a pair, the message acts on both ends.
    """

    init: Callable[[jax.Array], Params]
    apply: Callable[[Params, jraph.GraphsTuple], Prediction]
    message: MessageFn
    node: NodeFn
    bodies: BodiesFn
    message_penalty: float
    third_law: bool


class MLP(nn.Module):
    """A multilayer perceptron with a linear output.

    Attributes:
      hidden: widths of the hidden layers.
      out: width of the output.
      activation: between the layers.
      linear_path: add a linear function of the inputs to the output.

    >>> net = MLP((8,), 2)
    >>> net.apply(net.init(jax.random.key(0), jnp.zeros(3)), jnp.ones((5, 3))).shape
    (5, 2)
    """

    hidden: Sequence[int]
    out: int
    activation: Callable[[Array], Array] = nn.relu
    linear_path: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "*n F"]) -> Float[Array, "*n O"]:
        straight = nn.Dense(self.out)(x) if self.linear_path else 0.0
        for width in self.hidden:
            x = self.activation(nn.Dense(width)(x))
        return straight + nn.Dense(self.out)(x)


def absolute_inputs(receiver: Bodies, sender: Bodies) -> Float[Array, "*n F"]:
    """All of both bodies' features, as in the paper: 4 D + 4 numbers (arXiv 2006.11287)."""
    return jnp.concatenate([_own(receiver), _own(sender)], axis=-1)


def relative_inputs(receiver: Bodies, sender: Bodies) -> Float[Array, "*n F"]:
    """Displacement, direction, distance, velocities and scalars: translations change nothing."""
    displacement = sender.position - receiver.position
    distance = jnp.sqrt(jnp.sum(displacement**2, axis=-1, keepdims=True) + 1e-12)
    scalars = [jnp.log(receiver.mass), jnp.log(sender.mass), receiver.charge, sender.charge]
    return jnp.concatenate(
        [
            displacement,
            displacement / distance,
            jnp.log(distance),
            distance,
            receiver.velocity,
            sender.velocity,
            jnp.stack(scalars, axis=-1),
        ],
        axis=-1,
    )


def _own(body: Bodies) -> Float[Array, "*n F"]:
    scalars = jnp.stack([body.charge, body.mass], axis=-1)
    return jnp.concatenate([body.position, body.velocity, scalars], axis=-1)


def _moving(body: Bodies) -> Float[Array, "*n F"]:
    scalars = jnp.stack([body.charge, jnp.log(body.mass)], axis=-1)
    return jnp.concatenate([body.velocity, scalars], axis=-1)


VARIANTS = {  # message size (None: as many as coordinates), penalty on messages
    "standard": (100, 0.0),
    "bottleneck": (None, 0.0),
    "l1": (100, 1e-2),
}


def particle_network(
    variant: str,
    dims: int,
    *,
    hidden: Sequence[int] = (300, 300, 300),
    activation: Callable[[Array], Array] = nn.relu,
    relative: bool = False,
    message_size: int | None = None,
    message_penalty: float | None = None,
) -> GraphModel:
    """A graph network of Cranmer et al. 2020 (arXiv 2006.11287, section 2) in one of its variants.

    Args:
      variant: "standard" (100 messages), "bottleneck" (as many as coordinates) or "l1" (100
        messages with a penalty on their mean absolute value).
      dims: D.
      hidden: widths of the hidden layers of both functions; the default is the original code's.
      activation: the default is the original's.
      relative: see only displacements between bodies, which makes the model invariant to
        translations; the paper's inputs are absolute and learn this from shifted data.
      message_size: M, instead of the variant's.
      message_penalty: instead of the variant's.
    Raises:
      ValueError: unknown variant, dims not 2 or 3.

    >>> from jaxsym.graphs.bodies import graph, topology
    >>> model = particle_network("bottleneck", 2, hidden=(16,))
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.ones((1, 2)), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> model.apply(model.init(jax.random.key(0)), graph(two, topology(2))).messages.shape
    (2, 2)
    """
    if variant not in VARIANTS:
        raise unknown_name("model", variant, VARIANTS)
    require(dims in (2, 3), f"dims is {dims}; expected 2 or 3 coordinates")
    size, penalty = VARIANTS[variant]
    size = message_size or size or dims
    edge_inputs, node_inputs = (relative_inputs, _moving) if relative else (absolute_inputs, _own)
    message_net = MLP(hidden, size, activation)
    node_net = MLP(hidden, dims, activation)

    def init(key):
        one = Bodies(
            jnp.zeros(dims), jnp.zeros(dims), jnp.ones(()), jnp.zeros(()), jnp.zeros((), int)
        )
        message_key, node_key = jax.random.split(key)
        return {
            "message": message_net.init(message_key, edge_inputs(one, one)),
            "node": node_net.init(
                node_key, jnp.concatenate([node_inputs(one), jnp.zeros(size)], axis=-1)
            ),
        }

    def message(params, receiver, sender):
        return message_net.apply(params["message"], edge_inputs(receiver, sender))

    def node(params, bodies, total):
        return node_net.apply(
            params["node"], jnp.concatenate([node_inputs(bodies), total], axis=-1)
        )

    return GraphModel(
        init,
        interaction_network(message, node),
        message,
        node,
        same_bodies,
        penalty if message_penalty is None else message_penalty,
        third_law=False,
    )
