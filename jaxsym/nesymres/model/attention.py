"""Attention and the layers around it, in both recipes."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

EPSILON = 1e-5


class Attention(nn.Module):
    """Multi-head attention, its keys and values apart so that they can be kept.

    Attributes:
      width: d.
      heads: H.
      rotary: whether queries and keys are turned by their positions (Su et al. 2021,
        arXiv:2104.09864).
      dtype: of the matrix products.
    """

    width: int
    heads: int
    rotary: bool = False
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        self.query = nn.Dense(self.width, dtype=self.dtype)
        self.key = nn.Dense(self.width, dtype=self.dtype)
        self.value = nn.Dense(self.width, dtype=self.dtype)
        self.out = nn.Dense(self.width, dtype=self.dtype)

    def keys_values(
        self, x: Float[Array, "B n d"], positions: Int[Array, " n"] | None = None
    ) -> tuple[Array, Array]:
        """`[B, n, H, d/H]` keys and values of what is attended to."""
        keys = split_heads(self.key(x), self.heads)
        if self.rotary and positions is not None:
            keys = rotate(keys, positions)
        return keys, split_heads(self.value(x), self.heads)

    def __call__(
        self,
        x: Float[Array, "B|1 q d"],
        keys: Array,
        values: Array,
        mask: Bool[Array, "B|1 1 q|1 n"] | None = None,
        positions: Int[Array, " q"] | None = None,
    ) -> Float[Array, "B q d"]:
        """Each of the q rows of `x` reads the n values by their keys."""
        queries = split_heads(self.query(x), self.heads)
        if self.rotary and positions is not None:
            queries = rotate(queries, positions)
        scale = (self.width // self.heads) ** -0.5
        read = attend(queries, keys, values, mask, scale)
        return self.out(join_heads(read))


class FeedForward(nn.Module):
    """Two layers with ReLU, or a gated layer (Shazeer 2020, arXiv:2002.05202) if `gated`."""

    width: int
    hidden: int
    gated: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "... d"]) -> Float[Array, "... d"]:
        if self.gated:
            gate, value = jnp.split(nn.Dense(2 * self.hidden, dtype=self.dtype)(x), 2, axis=-1)
            inner = nn.silu(gate) * value
        else:
            inner = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(x))
        return nn.Dense(self.width, dtype=self.dtype)(inner)


class Block(nn.Module):
    """A pre-norm attention block and a gated feed-forward layer (the modern recipe)."""

    width: int
    heads: int
    hidden: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B|1 q d"],
        context: Float[Array, "B n d"],
        mask: Bool[Array, "B n"] | None = None,
    ) -> Float[Array, "B q d"]:
        attention = Attention(self.width, self.heads, dtype=self.dtype)
        own, read = nn.RMSNorm(dtype=self.dtype)(x), nn.RMSNorm(dtype=self.dtype)(context)
        x = x + attention(own, *attention.keys_values(read), over_keys(mask))
        feed = FeedForward(self.width, self.hidden, gated=True, dtype=self.dtype)
        return x + feed(nn.RMSNorm(dtype=self.dtype)(x))


class MAB(nn.Module):
    """The original's multihead attention block (Lee et al. 2019, arXiv:1810.00825, eq. 6).

    `H = norm(Q + attention(Q, K, V))`, `norm(H + relu(linear(H)))` with the projected queries Q,
    and scores divided by the root of the whole width.
    """

    width: int
    heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B|1 q c"],
        context: Float[Array, "B n e"],
        mask: Bool[Array, "B n"] | None = None,
    ) -> Float[Array, "B q d"]:
        queries, keys, values = (
            nn.Dense(self.width, dtype=self.dtype, name=name)(source)
            for name, source in (("query", x), ("key", context), ("value", context))
        )
        q, k, v = (split_heads(a, self.heads) for a in (queries, keys, values))
        read = attend(q, k, v, over_keys(mask), self.width**-0.5)
        h = queries + join_heads(read)
        h = nn.LayerNorm(EPSILON, dtype=self.dtype, name="norm_0")(h)
        h = h + nn.relu(nn.Dense(self.width, dtype=self.dtype, name="out")(h))
        return nn.LayerNorm(EPSILON, dtype=self.dtype, name="norm_1")(h)


def attend(
    queries: Float[Array, "B|1 q H h"],
    keys: Array,
    values: Array,
    mask: Bool[Array, "B|1 1 q|1 n"] | None,
    scale: float,
) -> Float[Array, "B q H h"]:
    """Softmax attention on `[B, ., H, h]` arrays; where a mask is False nothing is read."""
    if queries.shape[1] == 1:
        return _attend_once(queries, keys, values, mask, scale)
    queries = jnp.broadcast_to(queries, (len(keys), *queries.shape[1:]))
    return jax.nn.dot_product_attention(queries, keys, values, mask=mask, scale=scale)


def _attend_once(
    query: Float[Array, "B|1 1 H h"],
    keys: Array,
    values: Array,
    mask: Bool[Array, "B|1 1 1 n"] | None,
    scale: float,
) -> Float[Array, "B 1 H h"]:
    """The same for one query, as sums in place: products of matrices would copy all keys."""
    scores = scale * jnp.sum(query * keys, axis=-1).astype(jnp.float32)
    if mask is not None:
        scores = jnp.where(mask[:, 0, 0, :, None], scores, -jnp.inf)
    shares = jax.nn.softmax(scores, axis=1).astype(values.dtype)
    return jnp.sum(shares[..., None] * values, axis=1, keepdims=True)


def over_keys(mask: Bool[Array, "B n"] | None) -> Bool[Array, "B 1 1 n"] | None:
    """A mask of what is read, for all heads and rows alike."""
    return None if mask is None else mask[:, None, None, :]


def split_heads(x: Float[Array, "B n d"], heads: int) -> Float[Array, "B n H h"]:
    """The last axis as heads."""
    return x.reshape(*x.shape[:-1], heads, -1)


def join_heads(x: Float[Array, "B n H h"]) -> Float[Array, "B n d"]:
    """The heads as one axis."""
    return x.reshape(*x.shape[:-2], -1)


def rotate(x: Float[Array, "B n H h"], positions: Int[Array, " n"]) -> Float[Array, "B n H h"]:
    """Turn pairs of entries by angles that grow with the position.

    >>> x = jnp.ones((1, 2, 1, 4))
    >>> turned = rotate(x, jnp.array([0, 1]))
    >>> bool(jnp.allclose(turned[0, 0], x[0, 0])), bool(jnp.allclose(turned[0, 1], x[0, 1]))
    (True, False)
    """
    half = x.shape[-1] // 2
    angles = positions[:, None] * 10000.0 ** (-jnp.arange(half) / half)
    cos, sin = (f(angles)[:, None, :].astype(x.dtype) for f in (jnp.cos, jnp.sin))
    left, right = x[..., :half], x[..., half:]
    return jnp.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)
