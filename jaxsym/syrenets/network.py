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
from jaxsym.syrenets.autoencoder import Autoencoder, autoencode, first_gram
from jaxsym.syrenets.candidates import PAPER_OPERATORS, Candidates
from jaxsym.syrenets.selection import SELECTIONS

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
    def __call__(self, x: Float[Array, "B n"]) -> Selected:
        a, candidates = self.architecture, self.architecture.candidates
        encoder, decoder = Autoencoder(candidates.count, a.hidden, a.latent, name="autoencoder")()
        gram = first_gram(encoder)

        def layer(carry: tuple[Array, Array], own: LayerWeights) -> tuple[tuple, tuple]:
            outputs, joint = carry
            u = jnp.concatenate([x, outputs], axis=-1)
            normal = _normalized(candidates.values(u))
            code, decoded, contraction = autoencode(encoder, decoder, normal, gram)
            probability, gate = select(a, own, _cosines(code) @ own.mix, joint)
            weights = gate[:, None] * own.scale * probability
            joint = jnp.exp(jnp.sum(jnp.log(probability + _TINY), axis=0))
            misfit = jnp.mean((normal - decoded) ** 2)
            found = (weights, probability, gate, misfit, jnp.mean(contraction))
            return (candidates.weighted(weights, u), joint), found

        # one body for all layers: it compiles in a third of the time
        start = jnp.zeros((len(x), a.heads), x.dtype), jnp.zeros(candidates.count, x.dtype)
        _, (*stacked, misfit, contraction) = jax.lax.scan(layer, start, self._layer_weights())
        weights, probability, gate = stacked
        return Selected(weights, probability, gate, jnp.mean(misfit), jnp.sum(contraction))

    def _layer_weights(self) -> LayerWeights:
        a, count = self.architecture, self.architecture.candidates.count
        shapes = {
            "mix": (a.latent, a.latent),
            "focus": (a.heads, a.latent),
            "hidden": (a.heads, a.latent, a.head_hidden),
            "output": (a.heads, a.head_hidden, count),
            "gate_own": (a.heads, count),
            "gate_before": (a.heads, count),
        }
        # as if each head had a weight matrix of its own
        fan_in = {"mix": a.latent, "focus": a.latent, "hidden": a.latent, "output": a.head_hidden}
        found = {}
        for name, shape in shapes.items():
            spread = fan_in.get(name, count) ** -0.5
            found[name] = self.param(name, nn.initializers.normal(spread), (a.layers, *shape))
        for name, size in (("hidden", a.head_hidden), ("output", count)):
            shape = (a.layers, a.heads, size)
            found[f"{name}_gain"] = self.param(f"{name}_gain", nn.initializers.ones, shape)
            found[f"{name}_offset"] = self.param(f"{name}_offset", nn.initializers.zeros, shape)
        return LayerWeights(**found, scale=self._scales((a.layers, a.heads, count)))

    def _scales(self, shape: tuple[int, int, int]) -> Float[Array, "l k V"]:
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


class LayerWeights(NamedTuple):
    """Of the selection heads (section 3.2, figure 3), side by side, and of the map before them.

    Attributes:
      mix: the layer's linear map of the similarity matrix, row by row.
      focus: weighs that matrix's columns, for each head.
      hidden, hidden_gain, hidden_offset: the heads' hidden layer, and its layer norm.
      output, output_gain, output_offset: the layer before the selection, and its layer norm.
      gate_own, gate_before: W1 and W2 of equation 7.
      scale: S of equation 8.
    """

    mix: Float[Array, "*l d d"]
    focus: Float[Array, "*l k d"]
    hidden: Float[Array, "*l k d r"]
    output: Float[Array, "*l k r V"]
    gate_own: Float[Array, "*l k V"]
    gate_before: Float[Array, "*l k V"]
    hidden_gain: Float[Array, "*l k r"]
    hidden_offset: Float[Array, "*l k r"]
    output_gain: Float[Array, "*l k V"]
    output_offset: Float[Array, "*l k V"]
    scale: Float[Array, "*l k V"]


def select(
    architecture: Architecture,
    own: LayerWeights,
    similarity: Float[Array, "d d"],
    joint: Float[Array, " V"],
) -> tuple[Float[Array, "k V"], Float[Array, " k"]]:
    """Distribution and gate of every head of one layer.

    Args:
      architecture: how to select.
      own: weights of the layer.
      similarity: between latent coordinates, after the layer's linear map.
      joint: probability of the layer before, the product over its heads (equation 6).
    """
    focused = own.focus @ similarity.T
    hidden = jnp.einsum("kd,kdr->kr", focused, own.hidden)
    hidden = jax.nn.softplus(own.hidden_gain * _normalized(hidden) + own.hidden_offset)
    logits = jnp.einsum("kr,krv->kv", hidden, own.output)
    logits = own.output_gain * _normalized(logits) + own.output_offset
    probability = SELECTIONS[architecture.selection](logits / architecture.temperature)
    gate = jnp.sum(own.gate_own * probability, axis=-1) + own.gate_before @ joint
    return probability, jax.nn.sigmoid(gate)


def selection(network: SymbolicNetwork, params: dict, x: Float[Array, "B n"]) -> Selected:
    """What a batch makes of the network with these parameters."""
    return cast(Selected, network.apply(params, x))


def formula_value(
    architecture: Architecture, weights: Float[Array, "l k V"], x: Float[Array, "*batch n"]
) -> Float[Array, "*batch"]:
    """The formula that the weights stand for (equations 5, 8 and 9), of states alone."""
    candidates = architecture.candidates

    def layer(outputs: Array, part: Array) -> tuple[Array, None]:
        return candidates.weighted(part, jnp.concatenate([x, outputs], axis=-1)), None

    start = jnp.zeros((*x.shape[:-1], architecture.heads), x.dtype)
    outputs, _ = jax.lax.scan(layer, start, weights)
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
