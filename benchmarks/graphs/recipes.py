"""How the networks of the paper's tables are trained: the original's way, and jaxsym's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import optax

from benchmarks.graphs.settings import SETTINGS
from jaxsym.distill.learning import smooth_network
from jaxsym.graphs import GraphModel, hamiltonian_network, particle_network

# the errors' size rules as in the original, so penalties but the divergence's are as large
_DIVERGENCE = 1e-2


class Recipe(NamedTuple):
    """Everything of a training but its data and its length.

    Attributes:
      network: ``(model, dims) -> GraphModel``.
      batch: graphs.
      shift: standard deviation of a batch's random translation; 0 for networks that see none.
      optimizer: ``(steps) -> GradientTransformation``, its schedule ending with the steps.
    """

    network: Callable[[str, int], GraphModel]
    batch: int
    shift: float
    optimizer: Callable[[int], optax.GradientTransformation]


def _original_network(model: str, dims: int) -> GraphModel:
    return hamiltonian_network(dims) if model == "hamiltonian" else particle_network(model, dims)


def _original_optimizer(steps: int) -> optax.GradientTransformation:
    """Adam whose decay is added to the gradient, as torch's ``weight_decay`` is, and one cycle."""
    schedule = optax.cosine_onecycle_schedule(
        max(steps, 10), SETTINGS["learning_rate"], final_div_factor=SETTINGS["final_division"]
    )
    return optax.chain(optax.add_decayed_weights(SETTINGS["weight_decay"]), optax.adam(schedule))


def _smooth_network(model: str, dims: int) -> GraphModel:
    return smooth_network(model, dims, penalty_weight=_DIVERGENCE if model == "kl" else None)


def _clipped_optimizer(steps: int) -> optax.GradientTransformation:
    schedule = optax.cosine_onecycle_schedule(max(steps, 10), 4e-3, 0.1, 10.0, 1e3)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))


RECIPES = {
    "original": Recipe(
        _original_network, SETTINGS["batch"], SETTINGS["shift"], _original_optimizer
    ),
    "jaxsym": Recipe(_smooth_network, SETTINGS["batch"], 0.0, _clipped_optimizer),
}
