"""Programs compiled for many shapes do not pile up."""

from __future__ import annotations

import gc

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym._programs import bounded_jit

TRACED: list[tuple[int, ...]] = []


@bounded_jit(shapes=3, static_argnames=("power",))
def total(x, *, power=1):
    TRACED.append(x.shape)
    return jnp.sum(jnp.tanh(x) ** power)


def programs() -> int:
    gc.collect()
    return len(jax.devices()[0].client.live_executables())


def test_the_last_shapes_are_kept_and_no_more():
    values = [np.linspace(0.0, 1.0, size) for size in range(1, 12)]
    found = [float(total(x)) for x in values[:4]]
    before = programs()
    found += [float(total(x)) for x in values[4:]]
    assert programs() <= before
    np.testing.assert_allclose(found, [np.tanh(x).sum() for x in values], rtol=1e-5)
    TRACED.clear()
    for x in (*values[-3:], *values[-3:], values[-4], values[-1]):
        total(x)
    assert TRACED == [values[-4].shape]


def test_static_arguments_and_transformations():
    x = np.linspace(0.0, 1.0, 5)
    np.testing.assert_allclose(total(x, power=2), (np.tanh(x) ** 2).sum(), rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(total))(x[:, None]), np.tanh(x), rtol=1e-5)
    np.testing.assert_allclose(jax.grad(total)(x), 1 - np.tanh(x) ** 2, rtol=1e-5)
