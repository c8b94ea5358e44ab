"""The contractive autoencoder (Rifai et al. 2011), its contraction in closed form."""

from __future__ import annotations

from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Layers: TypeAlias = tuple[tuple[Array, Array], ...]


class Autoencoder(nn.Module):
    """Two hidden softplus layers on both sides of a linear code.

    Attributes:
      entries: V, of the vectors to encode.
      hidden: H, neurons of each hidden layer.
      latent: d, entries of the code.
    """

    entries: int
    hidden: int = 128
    latent: int = 16

    @nn.compact
    def __call__(self) -> tuple[Layers, Layers]:
        """Weights and biases of encoder and decoder; see `autoencode`."""
        sizes = (self.entries, self.hidden, self.hidden, self.latent)
        return self._layers("encoder", sizes), self._layers("decoder", sizes[::-1])

    def _layers(self, name: str, sizes: tuple[int, ...]) -> Layers:
        layers = []
        for place, shape in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            weight = self.param(f"{name}_{place}", nn.initializers.lecun_normal(), shape)
            bias = self.param(f"{name}_{place}_bias", nn.initializers.zeros, shape[1:])
            layers.append((weight, bias))
        return tuple(layers)


def autoencode(
    encoder: Layers, decoder: Layers, v: Float[Array, "B V"]
) -> tuple[Float[Array, "B d"], Float[Array, "B V"], Float[Array, " B"]]:
    """Code, reconstruction, and the squared Frobenius norm of the encoder's Jacobian.

    With hidden slopes D1 and D2 the Jacobian is ``W3 D2 W2 D1 W1``; its squared norm is the trace
    of ``A (W1 W1^T) A^T`` with ``A = W3 D2 W2 D1``, d x H numbers for each sample in the place of
    d x V.
    """
    (w1, b1), (w2, b2), (w3, b3) = encoder
    first = v @ w1 + b1
    second = jax.nn.softplus(first) @ w2 + b2
    code = jax.nn.softplus(second) @ w3 + b3
    slopes = jax.nn.sigmoid(second)[:, None, :] * w3.T
    slopes = (slopes @ w2.T) * jax.nn.sigmoid(first)[:, None, :]
    contraction = jnp.sum((slopes @ (w1.T @ w1)) * slopes, axis=(1, 2))
    (w4, b4), (w5, b5), (w6, b6) = decoder
    hidden = jax.nn.softplus(jax.nn.softplus(code @ w4 + b4) @ w5 + b5)
    return code, hidden @ w6 + b6, contraction
