"""The network of Valle & Haddadin 2021 (arXiv 2105.14396), sections 3.1 and 3.2.

The selection of candidates depends on a batch as a whole: the cosine similarity is taken between
the latent coordinates over the samples, a d x d matrix that no order of samples changes, and each
head turns it into one distribution over the candidates. So a batch turns the network into one
formula, `Selected`, which is then a function of single states. First-layer outputs of a layer
before it are zeros, so that all layers share the number of candidates.

What the text leaves open is read as follows. The layer norm of the candidates has no gain and
offset, which the contraction would shrink to nothing; those of the heads have both (Ba et al.
2016), without which 304 logits of unit variance could not prefer one candidate. The layer that
makes the scales S from constant inputs is kept as the sums of its rows (see `_scales`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsym._check import require, unknown_name
from jaxsym._settings import implicit_broadcasting
from jaxsym.syrenets.network.autoencoder import Autoencoder, autoencode, first_gram
from jaxsym.syrenets.network.candidates import PAPER_OPERATORS, Candidates
from jaxsym.syrenets.network.selection import SELECTIONS

_TINY = 1e-30


@dataclass(frozen=True)
class Architecture:
    """Sizes and operators; the paper's by default.

    Attributes:
      inputs: n, of the formula: coordinates and velocities.
      layers: l, symbolic layers.
      heads: k, selection heads of each layer.
      operators: of the candidates.
      hidden, latent: of the autoencoder.
      head_hidden: r, neurons of a head's hidden layer.
      selection: ``"softmax"``, or ``"entmax"``, whose probabilities may be zero.
      temperature: what logits are divided by before the selection.

    Raises:
      ValueError: sizes below one, unknown operators, an unknown selection.
    """

    inputs: int = 4
    layers: int = 3
    heads: int = 12
    operators: tuple[str, ...] = PAPER_OPERATORS
    hidden: int = 128
    latent: int = 16
    head_hidden: int = 64
    selection: str = "softmax"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("inputs", "layers", "heads", "hidden", "latent", "head_hidden", "temperature"):
            value = getattr(self, name)
            require(value > 0, f"{name} is {value}; expected a positive number")
        if self.selection not in SELECTIONS:
            raise unknown_name("selection", self.selection, SELECTIONS)
        _ = self.candidates

    @property
    def candidates(self) -> Candidates:
        """Of the inputs and the outputs of the layer before."""
        return Candidates(self.inputs + self.heads, self.operators)


class Selected(NamedTuple):
    """What a batch made of the network.

    Attributes:
      weights: of every candidate in every head: gate times scale times probability (equation 8).
      probability: of the candidates, each row a distribution.
      gate: of the heads (equation 7).
      reconstruction: the autoencoder's mean squared error, over layers, samples and entries.
      contraction: the squared norm of its Jacobian, mean over samples, summed over layers.
    """

    weights: Float[Array, "l k V"]
    probability: Float[Array, "l k V"]
    gate: Float[Array, "l k"]
    reconstruction: Float[Array, ""]
    contraction: Float[Array, ""]


class SymbolicNetwork(nn.Module):
    """Maps a batch of inputs to the formula that it selects.

    Attributes:
      architecture: sizes and operators.

    >>> network = SymbolicNetwork(Architecture(inputs=2, heads=2, layers=1))
    >>> x = jnp.ones((8, 2))
    >>> selected = network.apply(network.init(jax.random.key(0), x), x)
    >>> selected.weights.shape, formula_value(network.architecture, selected.weights, x).shape
    ((1, 2, 28), (8,))
    """

    architecture: Architecture

    @nn.compact
    @implicit_broadcasting()
    def __call__(self, x: Float[Array, "B n"]) -> Selected:
        a, candidates = self.architecture, self.architecture.candidates
        encoder, decoder = Autoencoder(candidates.count, a.hidden, a.latent, name="autoencoder")()
        gram = first_gram(encoder)
        outputs = jnp.zeros((len(x), a.heads), x.dtype)
        joint = jnp.zeros(candidates.count, x.dtype)
        layers = []
        # no scan: it would copy all weights of the heads in every step, as often as it uses them
        for number in range(1, a.layers + 1):
            u = jnp.concatenate([x, outputs], axis=-1)
            normal = _normalized(candidates.values(u))
            code, decoded, contraction = autoencode(encoder, decoder, normal, gram)
            heads = Heads(a, name=f"layer_{number}")
            weights, probability, gate = heads(_cosines(code), joint)
            outputs = candidates.weighted(weights, u)
            joint = jnp.exp(jnp.sum(jnp.log(probability + _TINY), axis=0))
            misfit = jnp.mean((normal - decoded) ** 2)
            layers.append((weights, probability, gate, misfit, contraction))
        weights, probability, gate, misfit, contraction = map(jnp.stack, zip(*layers, strict=True))
        return Selected(weights, probability, gate, jnp.mean(misfit), jnp.sum(contraction))


class Heads(nn.Module):
    """The selection heads of one layer side by side (section 3.2, figure 3).

    Attributes:
      architecture: sizes.
    """

    architecture: Architecture

    @nn.compact
    @implicit_broadcasting()
    def __call__(
        self, similarity: Float[Array, "d d"], joint: Float[Array, " V"]
    ) -> tuple[Float[Array, "k V"], Float[Array, "k V"], Float[Array, " k"]]:
        """Weights (equation 8), distribution and gate (equation 7) of every head.

        Args:
          similarity: between latent coordinates.
          joint: probability of the layer before, the product over its heads (equation 6).
        """
        a, count = self.architecture, self.architecture.candidates.count
        mixed = similarity @ self._weight("mix", (a.latent, a.latent), a.latent)
        focused = self._weight("focus", (a.heads, a.latent), a.latent) @ mixed.T
        hidden = self._weight("hidden", (a.heads, a.latent, a.head_hidden), a.latent)
        hidden = jax.nn.softplus(self._norm("hidden", _each_row(focused, hidden)))
        output = self._weight("output", (a.heads, a.head_hidden, count), a.head_hidden)
        logits = self._norm("output", _each_row(hidden, output))
        probability = SELECTIONS[a.selection](logits / a.temperature)
        own = self._weight("gate_own", (a.heads, count), count)
        before = self._weight("gate_before", (a.heads, count), count)
        gate = jax.nn.sigmoid(jnp.sum(own * probability, axis=-1) + before @ joint)
        return gate[:, None] * self._scales((a.heads, count)) * probability, probability, gate

    def _weight(self, name: str, shape: tuple[int, ...], fan_in: int) -> Array:
        """As if each head had a weight matrix of its own."""
        return self.param(name, nn.initializers.normal(fan_in**-0.5), shape)

    def _norm(self, name: str, x: Float[Array, "k n"]) -> Float[Array, "k n"]:
        """Layer norm with a gain and an offset for each head."""
        gain = self.param(f"{name}_gain", nn.initializers.ones, x.shape)
        return gain * _normalized(x) + self.param(f"{name}_offset", nn.initializers.zeros, x.shape)

    def _scales(self, shape: tuple[int, int]) -> Float[Array, "k V"]:
        """S: a linear layer without bias on V constant ones.

        All weights of a row meet the same gradient, so Adam moves them alike: the row's sum is its
        start, a normal number, plus V times what one weight has moved. That is kept in the place
        of V x V weights; training is the same, up to the rounding of Adam's epsilon.
        """
        start = self.variable(
            "constants", "scale", lambda: jax.random.normal(self.make_rng("params"), shape)
        )
        moved = self.param("scale", nn.initializers.zeros, shape)
        return start.value + shape[-1] * moved


@jax.custom_vjp
def _each_row(x: Float[Array, "k n"], w: Float[Array, "k n m"]) -> Float[Array, "k m"]:
    """Each row times its own matrix.

    The slopes by the matrices are said as a product that fuses into what uses them; that of a
    contraction would be written out, and in another order.
    """
    return jnp.einsum("kn,knm->km", x, w)


def _each_row_backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    x, w = kept
    return jnp.einsum("knm,km->kn", w, slope), x[..., None] * slope[:, None]


_each_row.defvjp(lambda x, w: (_each_row(x, w), (x, w)), _each_row_backward)


@implicit_broadcasting()
def selection(network: SymbolicNetwork, params: dict, x: Float[Array, "B n"]) -> Selected:
    """What a batch makes of the network with these parameters."""
    return cast(Selected, network.apply(params, x))


run_selection = jax.jit(selection, static_argnums=0)


@implicit_broadcasting()
def formula_value(
    architecture: Architecture, weights: Float[Array, "l k V"], x: Float[Array, "*batch n"]
) -> Float[Array, "*batch"]:
    """The formula that the weights stand for (equations 5, 8 and 9), of states alone."""
    outputs = jnp.zeros((*x.shape[:-1], architecture.heads), x.dtype)
    for part in weights:
        outputs = architecture.candidates.weighted(part, jnp.concatenate([x, outputs], axis=-1))
    return jnp.sum(outputs, axis=-1)


def _normalized(x: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    """Layer normalization without gain and offset."""
    centered = x - jnp.mean(x, axis=-1, keepdims=True)
    return centered * jax.lax.rsqrt(jnp.mean(centered**2, axis=-1, keepdims=True) + 1e-6)


def _cosines(code: Float[Array, "B d"]) -> Float[Array, "d d"]:
    """Cosine similarity between the latent coordinates, over the batch."""
    length = jnp.sqrt(jnp.sum(code**2, axis=0) + _TINY)
    unit = code / length
    return unit.T @ unit
