"""What the parts of an interaction network are, and what becomes of its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxsym.graphs.bodies import Bodies

Params = Any
MessageFn = Callable[[Params, Bodies, Bodies], Float[Array, "*n M"]]
NodeFn = Callable[[Params, Bodies, Float[Array, "*n M"]], Float[Array, "*n D"]]
BodiesFn = Callable[[Params, Bodies], Bodies]


class Prediction(NamedTuple):
    """What one pass of a graph network gives.

    Attributes:
      acceleration: of each node.
      messages: on each edge, in the edges' order.
      penalty: what the model's regularizer charges, before its weight.
    """

    acceleration: Float[Array, "N D"]
    messages: Float[Array, "E M"]
    penalty: Float[Array, ""]


class Delivered(NamedTuple):
    """What becomes of the output of a message function.

    Attributes:
      messages: what the receivers get.
      penalty: what the regularizer charges for each.
    """

    messages: Float[Array, "*n M"]
    penalty: Float[Array, "*n"]


DeliverFn = Callable[[Float[Array, "*n P"], Key[Array, ""] | None], Delivered]


def as_sent(output: Float[Array, "*n M"], key: Key[Array, ""] | None = None) -> Delivered:
    """Messages as they were sent; their penalty is ``sum |m|``, the paper's L1 regularizer.

    >>> as_sent(jnp.array([[1.0, -2.0], [0.0, 1.0]])).penalty.tolist()
    [3.0, 1.0]
    """
    del key
    return Delivered(output, jnp.sum(jnp.abs(output), axis=-1))


def sampled(output: Float[Array, "*n P"], key: Key[Array, ""] | None = None) -> Delivered:
    """Variational messages: the output is means and logarithms of variances, P = 2 M.

    With a key the messages are drawn, without one they are the means. The penalty is the
    Kullback-Leibler divergence from the standard normal distribution,
    ``sum (exp(s) + m^2 - s - 1) / 2`` (Cranmer et al. 2020, arXiv 2006.11287, section 2.2).

    >>> sampled(jnp.array([2.0, 0.0])).penalty.item()
    2.0
    """
    mean, log_variance = jnp.split(output, 2, axis=-1)
    messages = mean
    if key is not None:
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        messages = mean + jnp.exp(0.5 * log_variance) * noise
    divergence = jnp.exp(log_variance) + mean**2 - log_variance - 1.0
    return Delivered(messages, 0.5 * jnp.sum(divergence, axis=-1))


def same_bodies(params: Params, bodies: Bodies) -> Bodies:
    """The bodies as the data have them: no trainable scalars."""
    del params
    return bodies
