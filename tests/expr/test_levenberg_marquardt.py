"""Least squares by Levenberg-Marquardt: where it ends, and how its end moves with the data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr.fitting.levenberg_marquardt import Point, levenberg_marquardt

X = np.linspace(0.5, 2.5, 9)


def fitted(y, steps=60):
    """`a exp(-b x)` through y, with a third constant that is not in use."""

    def linearize(c):
        decay = jnp.exp(-c[1] * X)
        residual = c[0] * decay - y
        slopes = jnp.stack([decay, -c[0] * X * decay, jnp.zeros_like(decay)])
        return Point(c, jnp.mean(residual**2), slopes @ slopes.T / 9, slopes @ residual / 9)

    return levenberg_marquardt(linearize, jnp.array([1.0, 0.5, 7.0]), steps)


def target(x):
    """Not of the fitted form, so that the residual's curvature counts."""
    return 1.5 * jnp.exp(-0.8 * X) + x * jnp.sin(3 * X)


def test_the_minimum_moves_as_finite_differences_say():
    with jax.enable_x64(True):
        ahead, behind = (fitted(target(0.2 + step)) for step in (1e-4, -1e-4))
        slope = jax.jacfwd(lambda x: fitted(target(x)))(0.2)
        for name in ("constants", "loss", "curvature", "gradient"):
            expected = (getattr(ahead, name) - getattr(behind, name)) / 2e-4
            np.testing.assert_allclose(getattr(slope, name), expected, rtol=1e-5, atol=1e-6)
        assert slope.constants[2] == 0


def test_reverse_and_forward_derivatives_agree_in_jit_and_vmap():
    with jax.enable_x64(True):

        def values(x):
            return fitted(target(x)).constants

        points = jnp.array([0.0, 0.1, 0.3])
        forward = jax.vmap(jax.jacfwd(values))(points)
        reverse = jax.jit(jax.vmap(jax.jacrev(values)))(points)
        np.testing.assert_allclose(reverse, forward, rtol=1e-9)
        assert np.all(forward[:, :2] != 0)


@pytest.mark.parametrize("steps", [60, jnp.asarray(60)])
def test_data_of_the_form_are_fitted_exactly(steps):
    with jax.enable_x64(True):
        found = fitted(target(0.0), steps)
        np.testing.assert_allclose(found.constants, [1.5, 0.8, 7.0], rtol=1e-9)
        assert found.loss < 1e-20
