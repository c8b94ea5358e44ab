"""Losses on accelerations and messages."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import jraph
from jaxtyping import Array, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.delivery import Params, Prediction
from jaxsym.graphs.models import GraphModel

ErrorFn = Callable[[Float[Array, "*n D"], Float[Array, "*n D"]], Float[Array, "*n"]]


@implicit_broadcasting()
def absolute_error(
    predicted: Float[Array, "*n D"], true: Float[Array, "*n D"]
) -> Float[Array, "*n"]:
    """The paper's error: sum over coordinates of ``|a - a_hat|`` (arXiv 2006.11287, section 4).

    >>> absolute_error(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).item()
    3.0
    """
    return jnp.sum(jnp.abs(predicted - true), axis=-1)


def relative_error(floor: float) -> ErrorFn:
    """``sum |a - a_hat| / (floor + sum |a|)``: close encounters do not rule the loss.

    Args:
      floor: acceleration under which errors count absolutely.

    >>> relative_error(1.0)(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).item()
    0.6000000238418579
    """

    @implicit_broadcasting()
    def error(predicted, true):
        return absolute_error(predicted, true) / (floor + jnp.sum(jnp.abs(true), axis=-1))

    return error


@implicit_broadcasting()
def decades_error(
    predicted: Float[Array, "*n D"], true: Float[Array, "*n D"]
) -> Float[Array, "*n"]:
    """Error of the logarithm of the magnitude plus twice one minus the cosine of the angle.

    It pulls equally from far above and far below, where a relative error has no gradient: the
    start of a training whose forces may be wrong by many decades.

    >>> decades_error(jnp.array([2.0, 0.0]), jnp.array([2.0, 0.0])).item()
    0.0
    """
    size = jnp.sqrt(jnp.sum(predicted**2, axis=-1) + 1e-30)
    true_size = jnp.sqrt(jnp.sum(true**2, axis=-1) + 1e-30)
    cosine = jnp.sum(predicted * true, axis=-1) / (size * true_size)
    return jnp.sqrt(1.0 + jnp.log(size / true_size) ** 2) - 1.0 + 2.0 * (1.0 - cosine)


@implicit_broadcasting()
def log_relative_error(
    predicted: Float[Array, "*n D"], true: Float[Array, "*n D"]
) -> Float[Array, "*n"]:
    """``log(1 + 30 |a - a_hat| / |a|)``: sharp near zero, flat far away.

    >>> log_relative_error(jnp.array([2.0, 0.0]), jnp.array([2.0, 0.0])).item()
    0.0
    """
    distance = jnp.sqrt(jnp.sum((predicted - true) ** 2, axis=-1) + 1e-30)
    size = jnp.sqrt(jnp.sum(true**2, axis=-1) + 1e-30)
    return jnp.log1p(30.0 * jnp.maximum(distance / size - 1e-15, 0.0))


def training_loss(
    model: GraphModel, error: ErrorFn
) -> Callable[[Params, tuple[jraph.GraphsTuple, Array], Array], tuple[Array, dict[str, Array]]]:
    """Mean error over the nodes plus the model's penalty.

    Args:
      model: whose `apply` predicts.
      error: of one node.
    Returns:
      ``loss(params, (graph, acceleration), key) -> (scalar, metrics)`` for the trainer.

    >>> from jaxsym.graphs.models import particle_network
    >>> model = particle_network("l1", 2, hidden=(8,), message_size=4)
    >>> callable(training_loss(model, absolute_error))
    True
    """

    @implicit_broadcasting()
    def loss(params, batch, key):
        inputs, target = batch
        out: Prediction = model.apply(params, inputs, key)
        fit = jnp.mean(error(out.acceleration, target))
        total = fit + model.penalty_weight * out.penalty if model.penalty_weight else fit
        return total, {"error": fit, "penalty": out.penalty}

    return loss
