"""The named models: the original architecture to the letter, and a small modern one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxsym._check import require, unknown_name
from jaxsym.nesymres.model.bits import Width
from jaxsym.nesymres.vocabulary import MOST_VARIABLES


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a model.

    Attributes:
      recipe: "paper": post-norm blocks, learned positions, as in Biggio et al. (2021); "modern":
        pre-norm blocks with RMS norms, gated feed-forward layers and rotary positions.
      variables: V, input variables that the model knows.
      bits: of one number, 16 or 32.
      width: d, of every layer.
      heads: attention heads.
      isabs: induced set-attention blocks of the encoder.
      inducing: points of each of them.
      seeds: S, vectors that the encoder gives to the decoder.
      latent_layers: self-attention blocks on those ("modern" alone).
      decoder_layers: layers of the decoder.
      feedforward: hidden width of the feed-forward layers.
      length: most tokens of an equation, with the start and the end.

    Raises:
      ValueError: numbers out of range.
    """

    recipe: Literal["paper", "modern"]
    variables: int
    bits: Width
    width: int
    heads: int
    isabs: int
    inducing: int
    seeds: int
    latent_layers: int
    decoder_layers: int
    feedforward: int
    length: int

    def __post_init__(self) -> None:
        require(
            self.recipe in ("paper", "modern"),
            f"recipe={self.recipe!r}; expected 'paper' or 'modern'",
        )
        require(
            1 <= self.variables <= MOST_VARIABLES,
            f"variables={self.variables}; expected 1 to {MOST_VARIABLES}",
        )
        require(self.bits in (16, 32), f"bits={self.bits}; expected 16 or 32")
        require(
            self.heads > 0 and self.width % (2 * self.heads) == 0,
            f"width={self.width}, heads={self.heads}; expected an even width of each head",
        )
        require(self.length >= 3, f"length={self.length}; expected at least 3")

    def as_dict(self) -> dict[str, Any]:
        """The configuration as JSON-like values."""
        return dataclasses.asdict(self)


CONFIGS: Mapping[str, ModelConfig] = {
    "paper": ModelConfig(
        recipe="paper",
        variables=3,
        bits=16,
        width=512,
        heads=8,
        isabs=6,
        inducing=50,
        seeds=10,
        latent_layers=0,
        decoder_layers=5,
        feedforward=512,
        length=60,
    ),
    "small": ModelConfig(
        recipe="modern",
        variables=3,
        bits=16,
        width=192,
        heads=4,
        isabs=1,
        inducing=32,
        seeds=16,
        latent_layers=2,
        decoder_layers=4,
        feedforward=384,
        length=32,
    ),
}


def named_config(name: str) -> ModelConfig:
    """One of `CONFIGS`.

    Raises:
      ValueError: an unknown name.

    >>> named_config("paper").width
    512
    """
    if name not in CONFIGS:
        raise unknown_name("model", name, CONFIGS)
    return CONFIGS[name]
