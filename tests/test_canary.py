"""Guards against jaxlib builds that compute wrong sums on CPU (jax-ml/jax#39103, jaxlib 0.10.2)."""

import jax
import jax.numpy as jnp
import numpy as np


def test_jitted_matvec_reduce_equals_eager_when_rows_differ():
    """Equal rows would hide the fault: the last rows read their neighbors'."""
    matrix = jnp.array([[1.0, 0.5], [-0.25, 2.0]], jnp.float32)
    rows = jnp.asarray(np.random.default_rng(0).normal(size=(40_000, 2)), jnp.float32)

    def energies(rows):
        return jax.vmap(lambda r: jnp.sum((matrix @ r) ** 2))(rows)

    expected = np.sum(
        (np.asarray(rows, np.float64) @ np.asarray(matrix, np.float64).T) ** 2, axis=1
    )
    with jax.default_matmul_precision("highest"):  # GPUs round factors to 11 bits by default
        found = jax.jit(energies)(rows)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)
