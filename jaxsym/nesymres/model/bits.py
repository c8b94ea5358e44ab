"""Numbers as bits: the points' encoding that the encoder reads."""

from __future__ import annotations

from typing import Literal

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Width = Literal[16, 32]


def to_bits(x: Float[Array, ...], width: Width = 16) -> Float[Array, "... width"]:
    """IEEE bits of numbers as -1 and 1: sign, exponent, mantissa, each from its highest bit on.

    Sixteen bits are those of half precision, rounded to nearest: numbers beyond 65504 are its
    infinity, and below 6e-8 its zero. Thirty-two bits tell all numbers of single precision apart.

    Args:
      x: finite numbers.
      width: 16 or 32.

    >>> to_bits(jnp.array(-1.5)).astype(int).tolist()
    [1, -1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1]
    """
    dtype, pattern = (jnp.float16, jnp.uint16) if width == 16 else (jnp.float32, jnp.uint32)
    raw = lax.bitcast_convert_type(x.astype(dtype), pattern)
    places = jnp.arange(width - 1, -1, -1, dtype=pattern)
    return 2 * ((raw[..., None] >> places) & 1).astype(jnp.float32) - 1
