"""Shared test set-up: the XLA workaround that old jaxlib builds need, before jax is imported."""

import os

# jaxlib 0.10.2 sums wrongly on CPU unless this fusion is off (jax-ml/jax#39103).
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest


@pytest.fixture
def x64():
    """Run the test in float64."""
    import jax

    with jax.enable_x64(True):
        yield
