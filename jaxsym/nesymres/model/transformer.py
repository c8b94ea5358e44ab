"""The model: a Set Transformer reads the points, a Transformer writes the equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.initializers import xavier_uniform
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from jaxsym._settings import implicit_broadcasting
from jaxsym.nesymres.model.attention import (
    EPSILON,
    MAB,
    Attention,
    Block,
    FeedForward,
)
from jaxsym.nesymres.model.bits import to_bits
from jaxsym.nesymres.model.config import ModelConfig
from jaxsym.nesymres.vocabulary import SIZE


class Cache(NamedTuple):
    """What the decoder keeps of the tokens so far, and of the latents: arrays of every layer.

    R equations of each of B tables are written side by side. When one of them goes on as another,
    keys and values stay where they are: only the numbers of the writers are copied.

    Attributes:
      own: keys and values `[B*R, L, H, h]` of the tokens.
      read: keys and values `[B, S, H, h]` of the latents.
      writers: `[B*R, L]` which of the B*R equations wrote each token of an equation's prefix.
    """

    own: tuple[tuple[Array, Array], ...]
    read: tuple[tuple[Array, Array], ...]
    writers: Int[Array, "B*R L"]


class Encoder(nn.Module):
    """Points to latents: induced set attention (ISAB), then pooling by attention (PMA)."""

    config: ModelConfig
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    @implicit_broadcasting()
    def __call__(
        self, points: Float[Array, "B n F"], mask: Bool[Array, "B n"] | None
    ) -> Float[Array, "B S d"]:
        c = self.config
        modern = c.recipe == "modern"

        def block(name: str) -> Block | MAB:
            if modern:
                return Block(c.width, c.heads, c.feedforward, self.dtype, name=name)
            return MAB(c.width, c.heads, self.dtype, name=name)

        def learned(name: str, rows: int) -> Array:
            # of all tables alike, so that they are projected once
            return self.param(name, xavier_uniform(), (rows, c.width))[None].astype(self.dtype)

        x = nn.Dense(c.width, dtype=self.dtype, name="embed")(points) if modern else points
        for layer in range(c.isabs):
            induced = learned(f"inducing_{layer}", c.inducing)
            read = block(f"isab_{layer}_in")(induced, x, mask)
            x = block(f"isab_{layer}_out")(x, read)
        latents = block("pma")(learned("seeds", c.seeds), x, mask)
        for layer in range(c.latent_layers):
            latents = block(f"latent_{layer}")(latents, latents)
        return latents


class DecoderLayer(nn.Module):
    """Self-attention, attention to the latents, feed-forward; post-norm or pre-norm."""

    config: ModelConfig
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        c = self.config
        self.modern = c.recipe == "modern"
        norm = nn.RMSNorm if self.modern else nn.LayerNorm
        epsilon = 1e-6 if self.modern else EPSILON
        self.norms = [norm(epsilon, dtype=self.dtype) for _ in range(3)]
        self.own = Attention(c.width, c.heads, rotary=self.modern, dtype=self.dtype)
        self.read = Attention(c.width, c.heads, dtype=self.dtype)
        self.feed = FeedForward(c.width, c.feedforward, gated=self.modern, dtype=self.dtype)

    def own_keys_values(self, x: Float[Array, "B q d"], positions: Int[Array, " q"]) -> tuple:
        """Keys and values of tokens."""
        return self.own.keys_values(self.norms[0](x) if self.modern else x, positions)

    def read_keys_values(self, latents: Float[Array, "B S d"]) -> tuple:
        """Keys and values of latents."""
        return self.read.keys_values(latents)

    @implicit_broadcasting()
    def __call__(
        self,
        x: Float[Array, "B*R q d"],
        own: tuple[Array, Array],
        read: tuple[Array, Array],
        mask: Bool[Array, "1 1 q n"],
        positions: Int[Array, " q"],
    ) -> Float[Array, "B*R q d"]:
        """One layer, given the keys and values that its two attentions read.

        Those of the latents, of B tables, are read by all R equations of a table together.
        """

        def read_latents(h: Array) -> Array:
            together = h.reshape(len(read[0]), -1, h.shape[-1])
            return self.read(together, *read).reshape(h.shape)

        steps: tuple[Callable[[Array], Array], ...] = (
            lambda h: self.own(h, *own, mask, positions),
            read_latents,
            self.feed,
        )
        for norm, step in zip(self.norms, steps, strict=True):
            x = x + step(norm(x)) if self.modern else norm(x + step(x))
        return x


class Decoder(nn.Module):
    """Latents and tokens to logits of the next tokens, all at once or one by one."""

    config: ModelConfig
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        c = self.config
        self.modern = c.recipe == "modern"
        self.embed = nn.Embed(SIZE, c.width, dtype=self.dtype)
        if self.modern:
            self.latent_norm, self.last_norm = (nn.RMSNorm(dtype=self.dtype) for _ in range(2))
        else:
            self.positions = nn.Embed(c.length, c.width, dtype=self.dtype)
        self.layers = [DecoderLayer(c, self.dtype) for _ in range(c.decoder_layers)]
        self.head = nn.Dense(SIZE)  # single precision

    @implicit_broadcasting()
    def __call__(
        self, latents: Float[Array, "B S d"], tokens: Int[Array, "B L"]
    ) -> Float[Array, "B L 60"]:
        """Logits of the tokens that follow each prefix."""
        positions = jnp.arange(tokens.shape[1])
        mask = jnp.tril(jnp.ones((len(positions),) * 2, bool))[None, None]
        x, latents = self._embed(tokens, positions), self._normed(latents)
        for layer in self.layers:
            own, read = layer.own_keys_values(x, positions), layer.read_keys_values(latents)
            x = layer(x, own, read, mask, positions)
        return self._logits(x)

    @implicit_broadcasting()
    def start(self, latents: Float[Array, "B S d"], equations: int) -> Cache:
        """The cache before the first token of R equations of each table."""
        c = self.config
        latents = self._normed(latents)
        rows = len(latents) * equations
        empty = jnp.zeros((rows, c.length, c.heads, c.width // c.heads), self.dtype)
        return Cache(
            own=((empty, empty),) * len(self.layers),
            read=tuple(layer.read_keys_values(latents) for layer in self.layers),
            writers=jnp.zeros((rows, c.length), jnp.int32),
        )

    @implicit_broadcasting()
    def step(
        self, token: Int[Array, " B*R"], position: Int[Array, ""], cache: Cache
    ) -> tuple[Float[Array, "B*R 60"], Cache]:
        """Logits of what follows one more token, and the cache with it."""
        positions, places = position[None], jnp.arange(self.config.length)
        mask = (places <= position)[None, None, None]
        writers = cache.writers.at[:, position].set(jnp.arange(len(token)))
        x = self._embed(token[:, None], positions)
        kept = []
        for layer, own, read in zip(self.layers, cache.own, cache.read, strict=True):
            new = layer.own_keys_values(x, positions)
            keys, values = (
                lax.dynamic_update_slice(old, part, (0, position, 0, 0))
                for old, part in zip(own, new, strict=True)
            )
            kept.append((keys, values))
            x = layer(x, (keys[writers, places], values[writers, places]), read, mask, positions)
        return self._logits(x)[:, 0], Cache(tuple(kept), cache.read, writers)

    def _embed(self, tokens: Array, positions: Array) -> Array:
        x = self.embed(tokens)
        return x if self.modern else x + self.positions(positions)

    def _normed(self, latents: Array) -> Array:
        return self.latent_norm(latents) if self.modern else latents

    def _logits(self, x: Array) -> Float[Array, "B q 60"]:
        return self.head(self.last_norm(x) if self.modern else x)


class NeSymReS(nn.Module):
    """Biggio et al. (2021, arXiv:2106.06427): a table in, the tokens of its equation out.

    Attributes:
      config: sizes and recipe.
      dtype: of the matrix products; parameters and logits stay in single precision.

    >>> from jaxsym.nesymres.model.config import ModelConfig
    >>> config = ModelConfig("modern", 1, 16, 8, 2, 1, 2, 2, 0, 1, 8, length=6)
    >>> X, y, mask = jnp.ones((2, 5, 1)), jnp.ones((2, 5)), jnp.ones((2, 5), bool)
    >>> tokens = jnp.ones((2, 6), int)
    >>> start = jax.jit(NeSymReS(config).init_with_output)
    >>> logits, params = start(jax.random.key(0), X, y, mask, tokens)
    >>> logits.shape
    (2, 6, 60)
    """

    config: ModelConfig
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        self.encoder = Encoder(self.config, self.dtype)
        self.decoder = Decoder(self.config, self.dtype)

    @implicit_broadcasting()
    def __call__(
        self,
        X: Float[Array, "B n V"],
        y: Float[Array, "B n"],
        mask: Bool[Array, "B n"],
        tokens: Int[Array, "B L"],
    ) -> Float[Array, "B L 60"]:
        """Logits of the tokens that follow each prefix of `tokens`."""
        return self.decoder(self.encode(X, y, mask), tokens)

    @implicit_broadcasting()
    def encode(
        self, X: Float[Array, "B n V"], y: Float[Array, "B n"], mask: Bool[Array, "B n"]
    ) -> Float[Array, "B S d"]:
        """What the encoder tells of tables, from the points where the mask is True."""
        numbers = jnp.concatenate([X, y[..., None]], axis=-1)
        bits = to_bits(numbers, self.config.bits).astype(self.dtype)
        return self.encoder(bits.reshape(*bits.shape[:2], -1), mask)

    @implicit_broadcasting()
    def start(
        self,
        X: Float[Array, "B n V"],
        y: Float[Array, "B n"],
        mask: Bool[Array, "B n"],
        equations: int,
    ) -> Cache:
        """Read tables and be ready to write R equations of each."""
        return self.decoder.start(self.encode(X, y, mask), equations)

    @implicit_broadcasting()
    def step(
        self, token: Int[Array, " B*R"], position: Int[Array, ""], cache: Cache
    ) -> tuple[Float[Array, "B*R 60"], Cache]:
        """Write one token more; see `Decoder.step`."""
        return self.decoder.step(token, position, cache)


@implicit_broadcasting()
def init_params(model: NeSymReS, key: Key[Array, ""]) -> PyTree:
    """Random parameters of a model."""
    c = model.config
    arguments = (
        jnp.zeros((1, 2, c.variables)),
        jnp.zeros((1, 2)),
        jnp.ones((1, 2), bool),
        jnp.zeros((1, 2), jnp.int32),
    )
    return jax.jit(model.init)(key, *arguments)


def compute_dtype() -> Any:
    """Of matrix products: half the width where there are units for it."""
    return jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
