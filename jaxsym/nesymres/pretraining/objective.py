"""What is minimized and what is told of it: cross-entropy of the next token, greedy recovery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxsym._settings import implicit_broadcasting
from jaxsym.nesymres.model.transformer import NeSymReS
from jaxsym.nesymres.pretraining.examples import DeviceBank, Examples, StreamConfig, draw_examples
from jaxsym.nesymres.vocabulary import PAD
from jaxsym.training.batches import BatchFn
from jaxsym.training.parallel import Loss, Metrics


def make_loss(model: NeSymReS) -> Loss:
    """``loss(params, examples, key)``: mean cross-entropy of the tokens after ``start``."""

    @implicit_broadcasting()
    def loss(params: PyTree, batch: Examples, key: Key[Array, ""]) -> tuple[Array, Metrics]:
        found = measure(model, params, batch)
        return found["loss"], {"accuracy": found["accuracy"], "rejected": found["rejected"]}

    return loss


@implicit_broadcasting()
def measure(model: NeSymReS, params: PyTree, batch: Examples) -> Metrics:
    """Figures of a batch.

    Returns:
      "loss": cross-entropy per token, in nats; "accuracy": share of tokens that come first;
      "recovered": share of examples whose skeleton greedy decoding would write token by token;
      "rejected": share of examples left out.
    """
    logits: Any = model.apply(params, batch.X, batch.y, batch.mask, batch.tokens[:, :-1])
    target = batch.tokens[:, 1:]
    counts = (target != PAD).astype(jnp.float32)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, target)
    right = (jnp.argmax(logits, -1) == target) | (target == PAD)
    kept = (batch.tokens[:, 0] != PAD).astype(jnp.float32)
    total = jnp.maximum(counts.sum(), 1)
    return {
        "loss": jnp.sum(losses * counts) / total,
        "accuracy": jnp.sum(right * counts) / total,
        "recovered": jnp.sum(right.all(1) * kept) / jnp.maximum(kept.sum(), 1),
        "rejected": 1 - kept.mean(),
    }


def make_batches(size: int, config: StreamConfig, variables: int) -> BatchFn:
    """``batch(key, step, bank)`` for `jaxsym.training.train`: B new examples at every step."""

    def draw(key: Key[Array, ""], step: Int[Array, ""], bank: DeviceBank) -> Examples:
        return draw_examples(key, bank, size, config, variables)

    return draw


def make_optimizer(
    learning_rate: float, warmup: int, decay: int | None = None
) -> optax.GradientTransformation:
    """AdamW whose rate rises over `warmup` steps and then falls.

    Args:
      learning_rate: the highest.
      warmup: steps until then.
      decay: the step at which the rate has fallen to zero along a line; None: it falls as the root
        of the steps, so that a run can always go on.

    >>> optimizer = make_optimizer(1e-3, 100)
    """

    @implicit_broadcasting()
    def schedule(step: Int[Array, ""]) -> Float[Array, ""]:
        after = (step + 1) / warmup
        fallen = after**-0.5 if decay is None else jnp.maximum(decay - step, 0) / (decay - warmup)
        return learning_rate * jnp.minimum(after, fallen)

    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.98, weight_decay=0.01)
    )


def make_evaluation(
    model: NeSymReS, bank: DeviceBank, size: int, config: StreamConfig
) -> Callable[[PyTree], dict[str, float]]:
    """``evaluate(params)``: figures on the same `size` examples of held-out skeletons each time."""
    variables = model.config.variables
    examples = jax.jit(draw_examples, static_argnums=(2, 3, 4))(
        jax.random.key(0), bank, size, config, variables
    )
    figures = jax.jit(lambda params: measure(model, params, examples))
    return lambda params: {name: float(value) for name, value in figures(params).items()}
