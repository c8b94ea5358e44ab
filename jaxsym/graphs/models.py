"""Graph networks as init/apply pairs, and the paper's variants of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Float

from jaxsym._check import require, unknown_name
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Bodies
from jaxsym.graphs.chunked import chunked_network
from jaxsym.graphs.delivery import (
    BodiesFn,
    DeliverFn,
    MessageFn,
    NodeFn,
    Params,
    Prediction,
    as_sent,
    same_bodies,
    sampled,
)
from jaxsym.graphs.network import interaction_network


class GraphModel(NamedTuple):
    """A graph network as pure functions; its message and node functions can be asked apart.

    Attributes:
      init: ``(key) -> params``.
      apply: ``(params, graph, key=None) -> Prediction``; a key draws messages that are random.
      message: ``(params, receiver, sender) -> [..., M]``, means of random ones.
      node: ``(params, bodies, total) -> [..., D]``.
      bodies: ``(params, bodies) -> bodies`` with trainable scalars filled in.
      penalty_weight: of the prediction's penalty in the loss.
      third_law: one edge a pair, the message acts on both ends.
      energy: ``(params, graph) -> scalar``, the sum over all nodes; None where forces come first.
    """

    init: Callable[[jax.Array], Params]
    apply: Callable[..., Prediction]
    message: MessageFn
    node: NodeFn
    bodies: BodiesFn
    penalty_weight: float
    third_law: bool
    energy: Callable[[Params, jraph.GraphsTuple], Float[Array, ""]] | None = None


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
    return jnp.concatenate([own_inputs(receiver), own_inputs(sender)], axis=-1)


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


def own_inputs(body: Bodies) -> Float[Array, "*n F"]:
    """All of one body's features, as in the paper: 2 D + 2 numbers."""
    scalars = jnp.stack([body.charge, body.mass], axis=-1)
    return jnp.concatenate([body.position, body.velocity, scalars], axis=-1)


def moving_inputs(body: Bodies) -> Float[Array, "*n F"]:
    """A body's features without its place."""
    scalars = jnp.stack([body.charge, jnp.log(body.mass)], axis=-1)
    return jnp.concatenate([body.velocity, scalars], axis=-1)


class Variant(NamedTuple):
    """How a variant's messages differ from the others'.

    Attributes:
      size: M; None for as many as coordinates.
      penalty_weight: of what `deliver` charges.
      deliver: see `jaxsym.graphs.interaction_network`.
      outputs: numbers that the message function gives for each component.
    """

    size: int | None
    penalty_weight: float
    deliver: DeliverFn = as_sent
    outputs: int = 1


VARIANTS = {
    "standard": Variant(100, 0.0),
    "bottleneck": Variant(None, 0.0),
    "l1": Variant(100, 1e-2),
    "kl": Variant(100, 1.0, sampled, 2),
}


def particle_network(
    variant: str,
    dims: int,
    *,
    hidden: Sequence[int] = (300, 300, 300),
    activation: Callable[[Array], Array] = nn.relu,
    relative: bool = False,
    message_size: int | None = None,
    penalty_weight: float | None = None,
    chunk: int | None = None,
) -> GraphModel:
    """A graph network of Cranmer et al. 2020 (arXiv 2006.11287, section 2) in one of its variants.

    Args:
      variant: "standard" (100 messages), "bottleneck" (as many as coordinates), "l1" (100 messages
        with a penalty on their mean absolute value) or "kl" (100 random messages with a penalty on
        their divergence from noise).
      dims: D.
      hidden: widths of the hidden layers of both functions; the default is the original code's.
      activation: the default is the original's.
      relative: see only displacements between bodies, which makes the model invariant to
        translations; the paper's inputs are absolute and learn this from shifted data.
      message_size: M, instead of the variant's.
      penalty_weight: instead of the variant's.
      chunk: edges at a time, where memory is short; see `jaxsym.graphs.chunked_network`.
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
    chosen = VARIANTS[variant]
    size = message_size or chosen.size or dims
    edge_inputs = relative_inputs if relative else absolute_inputs
    node_inputs = moving_inputs if relative else own_inputs
    message_net = MLP(hidden, chosen.outputs * size, activation)
    node_net = MLP(hidden, dims, activation)

    @implicit_broadcasting()
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

    def output(params, receiver, sender):
        return message_net.apply(params["message"], edge_inputs(receiver, sender))

    @implicit_broadcasting()
    def message(params, receiver, sender):
        return chosen.deliver(output(params, receiver, sender), None).messages

    @implicit_broadcasting()
    def node(params, bodies, total):
        return node_net.apply(
            params["node"], jnp.concatenate([node_inputs(bodies), total], axis=-1)
        )

    network = interaction_network if chunk is None else partial(chunked_network, chunk=chunk)
    return GraphModel(
        init,
        network(output, node, deliver=chosen.deliver),
        message,
        node,
        same_bodies,
        chosen.penalty_weight if penalty_weight is None else penalty_weight,
        third_law=False,
    )
