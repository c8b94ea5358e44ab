"""R2 of messages against the best linear mix of true forces, in three ways of counting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.graphs import live_components


class MessageR2(NamedTuple):
    """How well linear mixes of the true force explain the live message components (their mean R2).

    Attributes:
      plain: over all samples, the paper's measure.
      trimmed: without the tenth of the samples that fits worst, as the paper's code fits.
      modulo_receiver: of forces times any factor that depends on the receiver alone, which a
        message is free to carry; trimmed too.
    """

    plain: float
    trimmed: float
    modulo_receiver: float


def message_r2(
    messages: Float[np.ndarray, "K M"],
    forces: Float[np.ndarray, "K D"],
    receiver: Float[np.ndarray, "K S"],
) -> MessageR2:
    """Fit each of the D components that vary most by the true force and an offset.

    A message is defined only up to an invertible linear mix, an offset, and a factor of the
    receiver alone. The published measure (Cranmer et al. 2020, arXiv 2006.11287, table 1) forgives
    the first two; `modulo_receiver` forgives the third as well, by regressing on the force times
    polynomials in the receiver's scalars.

    Args:
      messages: on K edges.
      forces: true force on the receiver of each edge.
      receiver: scalars of the receiver that a factor may depend on (mass, charge).

    >>> rng = np.random.default_rng(0)
    >>> force, charge = rng.normal(size=(500, 2)), rng.choice([-1.0, 1.0], (500, 1))
    >>> r2 = message_r2(force / charge, force, charge)
    >>> r2.plain < 0.1, round(r2.modulo_receiver, 6)
    (True, 1.0)
    """
    messages, forces, receiver = (np.asarray(a, np.float64) for a in (messages, forces, receiver))
    live = np.take(messages, live_components(messages, forces.shape[1]), axis=1)
    live = (live - live.mean(0)) / np.maximum(live.std(0), 1e-300)
    factors = _factors(receiver)
    products = (forces[:, :, None] * factors[:, None, :]).reshape(len(forces), -1)
    return MessageR2(
        plain=_mean_r2(live, forces, trim=0.0),
        trimmed=_mean_r2(live, forces, trim=0.1),
        modulo_receiver=_mean_r2(live, products, trim=0.1),
    )


def _factors(receiver: np.ndarray) -> np.ndarray:
    """1 and, for each scalar that varies, its powers -1, 1 and products with the others'."""
    columns = [np.ones(len(receiver))]
    for scalar in receiver.T:
        if np.ptp(scalar) == 0:
            continue
        powers = [scalar] if np.any(np.abs(scalar) < 1e-9) else [scalar, 1 / scalar]
        columns += [c * p for c in columns for p in powers]
    return np.stack(columns, axis=1)


def _mean_r2(targets: np.ndarray, regressors: np.ndarray, *, trim: float) -> float:
    """Least squares, refitted without the worst ``trim`` of the samples until that set settles."""
    design = np.column_stack([regressors, np.ones(len(regressors))])
    design = design / np.maximum(np.abs(design).max(0), 1e-300)
    scores = []
    for target in targets.T:
        keep = np.ones(len(target), bool)
        for _ in range(10 if trim else 1):
            fit = np.linalg.lstsq(design[keep], target[keep], rcond=None)[0]
            residual = (design @ fit - target) ** 2
            keep = residual <= np.quantile(residual, 1.0 - trim)
        variance = np.sum((target[keep] - target[keep].mean()) ** 2)
        scores.append(1.0 - np.sum(residual[keep]) / max(variance, 1e-300))
    return float(np.mean(scores))
