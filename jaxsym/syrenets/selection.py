"""How logits become a distribution: softmax, or entmax, which reaches zero."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HALVINGS = 30


@jax.custom_jvp
def entmax(logits: Float[Array, "*heads V"]) -> Float[Array, "*heads V"]:
    """The 1.5-entmax of the last axis (Peters et al. 2019, arXiv 1905.05702): zeros where unlikely.

    ``p = max(z/2 - t, 0)**2`` with t such that p sums to one.

    >>> [round(p, 3) for p in entmax(jnp.array([2.0, 1.0, -1.0])).tolist()]
    [0.831, 0.169, 0.0]
    """
    z = logits / 2
    high = jnp.max(z, axis=-1, keepdims=True)
    low = high - 1

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        over = jnp.sum(jnp.maximum(z - middle, 0) ** 2, axis=-1, keepdims=True) > 1
        return jnp.where(over, middle, low), jnp.where(over, high, middle)

    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
    p = jnp.maximum(z - (low + high) / 2, 0) ** 2
    return p / jnp.sum(p, axis=-1, keepdims=True)


@entmax.defjvp
def _entmax_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    p, dz = entmax(primals[0]), tangents[0]
    s = jnp.sqrt(p)
    mean = jnp.sum(s * dz, axis=-1, keepdims=True) / jnp.sum(s, axis=-1, keepdims=True)
    return p, s * (dz - mean)


SELECTIONS: dict[str, Callable[[Array], Array]] = {"softmax": jax.nn.softmax, "entmax": entmax}
