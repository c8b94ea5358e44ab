"""The noise of measured columns, and how far it moves a state."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from jaxsym.inference.shooting.series import Observations

_EXACT = 1e-10  # of a column's deviation: less noise than this is taken for rounding


def column_sigma(
    data: Observations, seen: Float[np.ndarray, "R T M"], parameters: int
) -> Float[np.ndarray, " M"]:
    """Standard errors of the columns by what is left of them."""
    count = data.present.sum(axis=(0, 1))
    left = np.where(data.present, data.value - seen, 0.0)
    spread = np.sqrt(np.sum(left**2, axis=(0, 1)) / count)
    total = count.sum()
    spread *= np.sqrt(total / max(total - parameters, 1))
    return np.maximum(spread, _EXACT * _deviation(data))


def noise_scale(states: Float[np.ndarray, "R T S"], data: Observations) -> Float[np.ndarray, " S"]:
    """How far noise moves each component of the state.

    It is a share of the component's deviation. Where the state is the measured columns, or these
    and their velocities, a component has the share of its own column: noise of a fast body does
    not loosen a slow one. Otherwise all have the columns' median, as has a column without samples.
    """
    assert data.sigma is not None
    variance = np.sum(np.where(data.present, data.sigma, 0.0) ** 2, axis=(0, 1))
    count = data.present.sum(axis=(0, 1))
    share = np.sqrt(variance / np.maximum(count, 1)) / _deviation(data)
    share = np.where(count > 0, share, np.median(share[count > 0]))
    orders, rest = divmod(states.shape[2], data.columns)
    usual = np.full(states.shape[2], np.median(share)) if rest else np.tile(share, orders)
    there = np.arange(states.shape[1]) < data.lengths[:, None]
    spread = states[there].std(axis=0)
    size = np.maximum(spread, 1e-6 * np.abs(states[there]).max(axis=0))
    return usual * np.where(size > 0, size, max(size.max(), 1.0))


def _deviation(data: Observations) -> Float[np.ndarray, " M"]:
    count = np.maximum(data.present.sum(axis=(0, 1)), 1)
    mean = data.value.sum(axis=(0, 1)) / count
    square = np.where(data.present, (data.value - mean) ** 2, 0.0).sum(axis=(0, 1)) / count
    deviation = np.sqrt(square)
    return np.where(deviation > 0, deviation, np.maximum(np.abs(mean), 1.0))


def columns_ratio(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Ratio of the columns' standard errors; 1 in a column without any."""
    ratio = before / after
    return np.array(
        [
            ratio[..., m][ratio[..., m] != 1].mean() if (ratio[..., m] != 1).any() else 1.0
            for m in range(ratio.shape[-1])
        ]
    )
