"""Many bodies: the work is done in blocks, or refused before it begins."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxsym.distill import learn
from jaxsym.trajectories import trajectories

CHECK = Path(__file__).with_name("memory_check.py")


@pytest.mark.slow
def test_a_thousand_bodies_are_extracted_and_refitted_in_4_gb():
    command = [sys.executable, str(CHECK), "1000", "100"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(shown.stdout) < 4.0


@pytest.mark.parametrize(
    ("bodies", "model", "most"),
    [
        (2001, "bottleneck", "4,000,000 edges, which are those of 2000 bodies"),
        (400, "hamiltonian", "131,072"),
    ],
)
def test_more_bodies_than_fit_are_refused_before_the_work(bodies, model, most):
    x = np.random.default_rng(0).normal(size=(1, 20, bodies, 2))
    ones = np.ones((1, bodies))
    data = trajectories(x, velocity=x, acceleration=x, time=np.arange(20.0), mass=ones)
    with pytest.raises(ValueError, match=f"{bodies} bodies have .* edges in a snapshot.*{most}"):
        learn(data, model, key=jax.random.key(0))
