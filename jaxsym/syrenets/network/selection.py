"""How logits become a distribution: softmax, or entmax, which reaches zero."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HALVINGS = 25


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

    low, _ = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
    # halving finds which entries are not zero; for these t is the root of a quadratic
    kept = z > low
    count = jnp.sum(kept, axis=-1, keepdims=True)
    mean = jnp.sum(jnp.where(kept, z, 0), axis=-1, keepdims=True) / count
    spread = jnp.sum(jnp.where(kept, (z - mean) ** 2, 0), axis=-1, keepdims=True)
    threshold = mean - jnp.sqrt(jnp.maximum(1 - spread, 0) / count)
    p = jnp.where(kept, jnp.maximum(z - threshold, 0) ** 2, 0)
    return p / jnp.sum(p, axis=-1, keepdims=True)


@entmax.defjvp
def _entmax_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    p, dz = entmax(primals[0]), tangents[0]
    s = jnp.sqrt(p)
    mean = jnp.sum(s * dz, axis=-1, keepdims=True) / jnp.sum(s, axis=-1, keepdims=True)
    return p, s * (dz - mean)


SELECTIONS: dict[str, Callable[[Array], Array]] = {"softmax": jax.nn.softmax, "entmax": entmax}
