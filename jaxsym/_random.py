"""Randomness on the host that follows from a PRNG key."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Array, Key


def generator(key: Key[Array, ""]) -> np.random.Generator:
    """numpy's generator, seeded by a key.

    >>> key = jax.random.key(0)
    >>> bool(generator(key).random() == generator(key).random())
    True
    """
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
