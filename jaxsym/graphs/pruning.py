"""As many message components as the data need: principal components, and pruning of the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._check import require
from jaxsym.graphs.network import Params


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


def pruned(params: Params, size: int) -> Params:
    """The network with its first ``size`` message components alone.

    Args:
      params: of `jaxsym.graphs.particle_network`.
      size: at least 1 and at most the components there are.
    Raises:
      ValueError: another size.

    >>> from jaxsym.graphs import particle_network
    >>> model = particle_network("l1", 2, hidden=(8,), message_size=5)
    >>> small = pruned(model.init(jax.random.key(0)), 2)
    >>> _last_layer(small["message"])["bias"].shape
    (2,)
    """
    most = len(_last_layer(params["message"])["bias"])
    require(1 <= size <= most, f"size is {size}; expected 1 to {most}")
    return _with_messages(params, lambda last: last[..., :size], lambda rows: rows[:size])


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
