"""The contractive autoencoder (Rifai et al. 2011), its contraction in closed form."""

from __future__ import annotations

from typing import TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsym._settings import implicit_broadcasting

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


@implicit_broadcasting()
def autoencode(
    encoder: Layers, decoder: Layers, v: Float[Array, "B V"], gram: Float[Array, "H H"]
) -> tuple[Float[Array, "B d"], Float[Array, "B V"], Float[Array, ""]]:
    """Code, reconstruction, and the squared Frobenius norm of the encoder's Jacobian, on average.

    Args:
      encoder, decoder: of `Autoencoder`.
      v: vectors to encode.
      gram: `first_gram` of the encoder, which all batches share.
    """
    (w1, b1), (w2, b2), (w3, b3) = encoder
    first = v @ w1 + b1
    second = jax.nn.softplus(first) @ w2 + b2
    code = jax.nn.softplus(second) @ w3 + b3
    (w4, b4), (w5, b5), (w6, b6) = decoder
    hidden = jax.nn.softplus(jax.nn.softplus(code @ w4 + b4) @ w5 + b5)
    return code, hidden @ w6 + b6, contraction(first, second, w2, w3, gram)


def first_gram(encoder: Layers) -> Float[Array, "H H"]:
    """``W1 W1^T`` of the encoder's first layer."""
    weight = encoder[0][0]
    return weight.T @ weight


@jax.custom_vjp
def contraction(
    first: Float[Array, "B H"],
    second: Float[Array, "B H"],
    w2: Float[Array, "H H"],
    w3: Float[Array, "H d"],
    gram: Float[Array, "H H"],
) -> Float[Array, ""]:
    """The mean of ``|W3 D2 W2 D1 W1|**2`` over a batch, with the slopes D1 and D2 of two layers.

    It is the trace of ``A (W1 W1^T) A^T`` with ``A = W3 D2 W2 D1``: d x H numbers for each sample
    in the place of d x V. Value and derivatives come from the same five products of matrices.

    Args:
      first, second: what the softplus of the hidden layers is taken of.
      w2, w3: weights of the second and third layer.
      gram: ``W1 W1^T``.
    """
    return _contraction_and_slopes(first, second, w2, w3, gram)[0]


@implicit_broadcasting()
def _contraction_and_slopes(
    first: Array, second: Array, w2: Array, w3: Array, gram: Array
) -> tuple[Array, tuple[Array, ...]]:
    (count, size), latent = first.shape, w3.shape[1]
    d1, d2 = jax.nn.sigmoid(first), jax.nn.sigmoid(second)

    def flat(x: Float[Array, "d B H"]) -> Float[Array, "dB H"]:
        return x.reshape(latent * count, size)

    def cube(x: Float[Array, "dB H"]) -> Float[Array, "d B H"]:
        return x.reshape(latent, count, size)

    w3_rows = w3.T[:, None]
    inner = flat(w3_rows * d2)
    a = cube(inner @ w2.T) * d1
    product = cube(flat(a) @ gram)
    along = jnp.sum(product * a, axis=0)
    pulled = flat(product * d1)
    back = cube(pulled @ w2)
    moments = flat(a).T @ flat(a) / count
    slopes = (
        2 / count * along * (1 - d1),
        2 / count * jnp.sum(back * w3_rows, axis=0) * d2 * (1 - d2),
        2 / count * pulled.T @ inner,
        2 / count * jnp.sum(back * d2, axis=1).T,
        moments,
    )
    return jnp.vdot(moments, gram), slopes


def _contraction_backward(slopes: tuple[Array, ...], scale: Array) -> tuple[Array, ...]:
    return tuple(scale * slope for slope in slopes)


contraction.defvjp(_contraction_and_slopes, _contraction_backward)
