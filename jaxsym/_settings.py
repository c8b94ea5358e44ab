"""Settings of JAX that the library relies on, whatever the user has chosen for his own code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax


@contextmanager
def own_settings() -> Iterator[None]:
    """A scope, or a decorator, in which arrays of different ranks are broadcast as numpy does.

    >>> with jax.numpy_rank_promotion("raise"), own_settings():
    ...     print(jax.numpy.ones((2, 3)) * jax.numpy.ones(3))
    [[1. 1. 1.]
     [1. 1. 1.]]
    """
    with jax.numpy_rank_promotion("allow"):
        yield
