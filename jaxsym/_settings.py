"""JAX's settings within the library, whatever the program around it has chosen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax


@contextmanager
def default_settings() -> Iterator[None]:
    """JAX's own defaults for precision and promotion, in this thread, until the block ends.

    Programs may set `JAX_ENABLE_X64` or let JAX refuse implicit broadcasting; what is compiled
    here relies on neither. Float64 is used in scopes of its own.

    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True), default_settings():
    ...     jnp.ones(1).dtype
    dtype('float32')
    """
    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        implicit_broadcasting(),
    ):
        yield


@contextmanager
def implicit_broadcasting() -> Iterator[None]:
    """Arrays of different ranks are broadcast as numpy does; the precision is the program's.

    >>> with jax.numpy_rank_promotion("raise"), implicit_broadcasting():
    ...     print(jax.numpy.ones((2, 3)) * jax.numpy.ones(3))
    [[1. 1. 1.]
     [1. 1. 1.]]
    """
    with jax.numpy_rank_promotion("allow"):
        yield


@contextmanager
def full_precision() -> Iterator[None]:
    """Matrix products of numbers in single precision keep it, on accelerators too.

    By default GPUs round the factors to 11 bits (tf32) and TPUs to 8 (bfloat16). That does for
    networks that are trained; equations of motion, fields and correlations need all 24.

    >>> import jax.numpy as jnp
    >>> with full_precision():
    ...     jax.make_jaxpr(jnp.dot)(jnp.ones(3), jnp.ones(3)).eqns[0].params["precision"][0].name
    'HIGHEST'
    """
    with jax.default_matmul_precision("highest"):
        yield
