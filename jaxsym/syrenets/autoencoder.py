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
    encoder: Layers, decoder: Layers, v: Float[Array, "B V"], gram: Float[Array, "H H"]
) -> tuple[Float[Array, "B d"], Float[Array, "B V"], Float[Array, " B"]]:
    """Code, reconstruction, and the squared Frobenius norm of the encoder's Jacobian.

    With hidden slopes D1 and D2 the Jacobian is ``W3 D2 W2 D1 W1``; its squared norm is the trace
    of ``A (W1 W1^T) A^T`` with ``A = W3 D2 W2 D1``, d x H numbers for each sample in the place of
    d x V.

    Args:
      encoder, decoder: of `Autoencoder`.
      v: vectors to encode.
      gram: `first_gram` of the encoder, which all batches share.
    """
    (w1, b1), (w2, b2), (w3, b3) = encoder
    first = v @ w1 + b1
    second = jax.nn.softplus(first) @ w2 + b2
    code = jax.nn.softplus(second) @ w3 + b3
    slopes = jax.nn.sigmoid(second)[:, None, :] * w3.T
    slopes = (slopes @ w2.T) * jax.nn.sigmoid(first)[:, None, :]
    (w4, b4), (w5, b5), (w6, b6) = decoder
    hidden = jax.nn.softplus(jax.nn.softplus(code @ w4 + b4) @ w5 + b5)
    return code, hidden @ w6 + b6, _quadratic(slopes, gram)


def first_gram(encoder: Layers) -> Float[Array, "H H"]:
    """``W1 W1^T`` of the encoder's first layer."""
    weight = encoder[0][0]
    return weight.T @ weight


@jax.custom_vjp
def _quadratic(a: Float[Array, "B d H"], gram: Float[Array, "H H"]) -> Float[Array, " B"]:
    """The trace of ``A G A^T`` for a symmetric G; its slopes reuse ``A G``."""
    return jnp.sum((a @ gram) * a, axis=(1, 2))


def _quadratic_forward(a: Array, gram: Array) -> tuple[Array, tuple[Array, Array]]:
    product = a @ gram
    return jnp.sum(product * a, axis=(1, 2)), (a, product)


def _quadratic_backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    a, product = kept
    scaled = slope[:, None, None] * a
    rows = a.shape[0] * a.shape[1]
    gram = scaled.reshape(rows, -1).T @ a.reshape(rows, -1)
    return 2 * slope[:, None, None] * product, gram


_quadratic.defvjp(_quadratic_forward, _quadratic_backward)
