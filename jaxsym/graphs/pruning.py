"""As many message components as the data need: principal components, and the choice of some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.delivery import Params


@implicit_broadcasting()
def principal_messages(params: Params, messages: Float[Array, "K M"]) -> Params:
    """The same network with its messages along their principal components, the largest first.

    A message function that ends in a linear layer and a node function that begins with one are
    free to mix the components. Here the last layer is turned and the first turned back, so that
    predictions stay the same and later components carry as little as they can.

    Args:
      params: of `jaxsym.graphs.particle_network`, with messages as they are sent.
      messages: recorded on K edges.

    >>> from jaxsym.graphs import particle_network
    >>> model = particle_network("l1", 2, hidden=(8,), message_size=5)
    >>> params = model.init(jax.random.key(0))
    >>> messages = jax.random.normal(jax.random.key(1), (100, 5))
    >>> turned = principal_messages(params, messages)
    >>> jax.tree.map(jnp.shape, turned) == jax.tree.map(jnp.shape, params)
    True
    """
    centered = np.asarray(messages, np.float64)
    centered = centered - centered.mean(axis=0)
    _, vectors = np.linalg.eigh(centered.T @ centered)
    turn = jnp.asarray(vectors[:, ::-1], jnp.float32)
    return _with_messages(params, lambda last: last @ turn, lambda rows: turn.T @ rows)


@implicit_broadcasting()
def keep_messages(params: Params, components: Int[ArrayLike, " m"]) -> Params:
    """The network with only some components of its messages; the others no longer reach the node.

    Args:
      params: of `jaxsym.graphs.particle_network` or `jaxsym.graphs.node_regression`, with M
        components of messages as they are sent.
      components: which stay, in their new order.
    Returns:
      parameters of the same network with ``message_size=m``.
    Raises:
      ValueError: no component, or one that is not there.

    >>> from jaxsym.graphs import particle_network
    >>> model = particle_network("l1", 2, hidden=(8,), message_size=5)
    >>> small = keep_messages(model.init(jax.random.key(0)), [3, 0])
    >>> _last_layer(small["message"])["bias"].shape
    (2,)
    """
    index = np.asarray(components, int)
    most = len(_last_layer(params["message"])["bias"])
    require(
        index.size > 0 and bool(np.all((index >= 0) & (index < most))),
        f"components are {index.tolist()}; expected some of 0 to {most - 1}",
    )
    return _with_messages(params, lambda last: last[..., index], lambda rows: rows[index])


@implicit_broadcasting()
def silence_messages(params: Params, count: Int[ArrayLike, ""]) -> Params:
    """The network with all but the first ``count`` components of its messages silent.

    It predicts what `keep_messages` of these components does, and keeps its shapes, so that one
    compiled program tries any number of them.

    Args:
      params: as of `keep_messages`.
      count: m; may be traced.

    >>> from jaxsym.graphs import particle_network
    >>> model = particle_network("l1", 2, hidden=(8,), message_size=5)
    >>> silenced = silence_messages(model.init(jax.random.key(0)), 2)
    >>> jnp.count_nonzero(_last_layer(silenced["message"])["kernel"].any(axis=0)).item()
    2
    """

    def heard(last: Array) -> Array:
        return jnp.where(jnp.arange(last.shape[-1]) < count, last, 0.0)

    return _with_messages(params, heard, lambda rows: rows)


def _with_messages(
    params: Params,
    sent: Callable[[Array], Array],
    received: Callable[[Array], Array],
) -> Params:
    """The parameters with the last layer's outputs and the node function's inputs changed."""
    params = jax.tree.map(lambda leaf: leaf, params)
    last = _last_layer(params["message"])
    size = len(last["bias"])
    last["kernel"], last["bias"] = sent(last["kernel"]), sent(last["bias"])
    first = params["node"]["params"]["Dense_0"]
    kernel = first["kernel"]
    first["kernel"] = jnp.concatenate([kernel[:-size], received(kernel[-size:])])
    return params


def _last_layer(params: Any) -> dict[str, Array]:
    layers = params["params"]
    return layers[max(layers, key=lambda name: int(name.rpartition("_")[2]))]
