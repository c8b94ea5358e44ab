"""The losses of Valle & Haddadin 2021, equations 10 to 14."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.mechanics import euler_lagrange
from jaxsym.syrenets.network.symbolic import (
    Architecture,
    Selected,
    SymbolicNetwork,
    formula_value,
    selection,
)

_TINY = 1e-30


class Weights(NamedTuple):
    """Of the parts of the loss.

    The paper's equation 12 maximizes a cross-entropy without an upper bound; with its weight of
    one the term soon outweighs the error. So it is off by default, as is the entropy.

    Attributes:
      contraction: lambda 1, of the encoder's Jacobian; the paper's is 1.
      entropy: lambda 2, of each head's own; the paper's is 0.001.
      cross_entropy: lambda 3, between heads of a layer, rewarded; the paper's is 1.
    """

    contraction: float = 1.0
    entropy: float = 0.0
    cross_entropy: float = 0.0


PAPER_WEIGHTS = Weights(1.0, 0.001, 1.0)


class Batch(NamedTuple):
    """States and what the formula is to explain: its values, or torques.

    Attributes:
      q, qd, qdd: ``[B, D]``.
      target: ``[B]`` values of L, or ``[B, D]`` torques.
    """

    q: Float[Array, "B D"]
    qd: Float[Array, "B D"]
    qdd: Float[Array, "B D"]
    target: Float[Array, "B ..."]


@implicit_broadcasting()
def predict(
    architecture: Architecture, weights: Float[Array, "l k V"], batch: Batch
) -> Float[Array, "B ..."]:
    """What the selected formula says of the target: its value, or Euler-Lagrange of it."""

    def lagrangian(q: Array, qd: Array) -> Array:
        return formula_value(architecture, weights, jnp.concatenate([q, qd], axis=-1))

    if batch.target.ndim == 1:
        return lagrangian(batch.q, batch.qd)
    return euler_lagrange(lagrangian)(batch.q, batch.qd, batch.qdd)


def make_loss(
    network: SymbolicNetwork, parts: Weights
) -> Callable[[dict, Batch, Array], tuple[Array, dict[str, Array]]]:
    """``loss(params, batch, key)``: equation 13, and its parts."""

    @implicit_broadcasting()
    def loss(params: dict, batch: Batch, key: Array) -> tuple[Array, dict[str, Array]]:
        x = jnp.concatenate([batch.q, batch.qd], axis=-1)
        selected = selection(network, frozen(params), x)
        predicted = predict(network.architecture, selected.weights, batch)
        mse = jnp.mean((predicted - batch.target) ** 2)
        total = mse + selected.reconstruction + parts.contraction * selected.contraction
        metrics = {"mse": mse, "reconstruction": selected.reconstruction}
        metrics["contraction"] = selected.contraction
        if parts.entropy or parts.cross_entropy:
            total += complementary(selected, parts)
        return total, metrics

    return loss


def frozen(params: dict) -> dict:
    """The parameters with what is constant among them kept from gradients."""
    return {**params, "constants": jax.lax.stop_gradient(params["constants"])}


def complementary(selected: Selected, parts: Weights) -> Float[Array, ""]:
    """Equation 12: heads are to be sure, and unlike one another.

    ``p = gate * P``; the cross-entropy is taken between all pairs of heads of a layer.
    """
    p = selected.gate[..., None] * selected.probability
    logs = jnp.log(p + _TINY)
    crossed = -jnp.einsum("lav,lbv->lab", p, logs)
    own = jnp.trace(crossed, axis1=1, axis2=2)
    return jnp.sum(parts.entropy * own - parts.cross_entropy * (jnp.sum(crossed, (1, 2)) - own))
