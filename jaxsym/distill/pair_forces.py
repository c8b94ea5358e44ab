"""What a graph network says about pairs of bodies, free of what its messages may choose.

A message may be mixed, shifted, or multiplied by any function of its receiver, because the node
function can undo all three. The response of the whole model to one message cannot:
``a(1 by 2) = node(1, m_12) - node(1, 0)`` is an acceleration, whatever the message means.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs import EdgeSample, GraphModel
from jaxsym.laws.pairs import pair_inputs

LEAST_OF_USUAL = 0.1  # of a usual acceleration: errors are relative to at least this
_NEGLIGIBLE = 0.05  # of the usual response: an error below this tells no response from one


class PairForces(NamedTuple):
    """K samples of one body's pull on another, along the line between them.

    Attributes:
      inputs: columns as in `VARIABLES`: distance, masses and charges (1 is acted on, 2 acts).
      coefficient: ``c`` with ``a(1 by 2) = c d``, or ``F = c d`` if the model speaks of forces;
        ``d = x2 - x1``.
      weights: inverse variances: what the network cannot know well counts little.
      tangential: share of the response, in squared size, across the line.
      force: whether the coefficient is that of a force.
      non_interacting: share of all samples that were left out because their response is known to
        be next to nothing: pairs that do not interact.
    """

    inputs: Float[np.ndarray, "K V"]
    coefficient: Float[np.ndarray, " K"]
    weights: Float[np.ndarray, " K"]
    tangential: float
    force: bool
    non_interacting: float


@implicit_broadcasting()
def pair_response(
    model: GraphModel, params, sample: EdgeSample, *, copies: int = 1
) -> Float[Array, "K D"]:
    """Acceleration of the receiver by the sender alone, as the whole model has it.

    Message and node function together, so that nothing the messages are free to choose is left.

    Args:
      model: the network.
      params: its parameters.
      sample: edges with their messages.
      copies: of the message that arrive together; the response is to one of them. As many as a
        body has neighbors where the node function can read nothing else: random messages are codes,
        which it has learned to read in sums of that many.
    """
    silent = jnp.zeros_like(sample.message)
    spoken = model.node(params, sample.receiver, copies * sample.message)
    return (spoken - model.node(params, sample.receiver, silent)) / copies


@implicit_broadcasting()
def extract_pair_forces(
    model: GraphModel, params, sample: EdgeSample, *, error: float, copies: int = 1
) -> PairForces:
    """Turn recorded edges into samples of the pair law.

    Args:
      model: the network.
      params: its parameters.
      sample: edges with their messages, see `jaxsym.graphs.record_messages`.
      error: the network's relative error on held-out data; sets the weights.
      copies: see `pair_response`.
    Returns:
      samples whose response is known to better than half its size, or all if these are few.
    """
    forces = model.third_law
    response = sample.message if forces else pair_response(model, params, sample, copies=copies)
    noise = _uncertainty(model, params, sample, response, error)
    displacement, inputs = pair_inputs(sample.receiver, sample.sender)
    with jax.enable_x64(True):
        d = np.asarray(displacement, np.float64)
        pull = np.asarray(response, np.float64)
        square = np.sum(d**2, axis=-1)
        along = np.sum(pull * d, axis=-1) / square
        across = np.sum((pull - along[:, None] * d) ** 2, axis=-1)
        sigma = np.asarray(noise, np.float64) / np.sqrt(square)
    known = sigma < 0.5 * np.abs(along)
    known = known if known.mean() > 0.1 else np.ones_like(known)
    usual = np.median(np.abs(along[known]))
    size = np.sum(pull**2, axis=-1)
    return PairForces(
        np.asarray(inputs, np.float64)[known],
        along[known],
        1.0 / sigma[known] ** 2,
        float(np.median(across[known] / np.maximum(size[known], 1e-300))),
        forces,
        float(np.mean(~known & (sigma < _NEGLIGIBLE * usual))),
    )


def _uncertainty(model, params, sample, response, error) -> Float[Array, " K"]:
    """Standard error of the response: the network's error on the sum of all, or on itself.

    Errors are relative to at least a part of what is usual for a body, as `error` is: otherwise
    bodies that nothing moves for a while would be known without any error, and rule all others.
    """
    total = jnp.linalg.norm(model.node(params, sample.receiver, sample.total), axis=-1)
    total = jnp.maximum(total, LEAST_OF_USUAL * _usual(total, sample.receiver.label))
    whole = total * sample.receiver.mass if model.third_law else total
    size = jnp.linalg.norm(response, axis=-1)
    return error * jnp.maximum(jnp.maximum(whole, size), 1e-30)


def _usual(total: Array, label: Array) -> Float[np.ndarray, " K"]:
    """The median over the samples of the same body."""
    size, body = np.asarray(total), np.asarray(label)
    medians = {k: np.median(size[body == k]) for k in np.unique(body)}
    return np.array([medians[k] for k in body])
