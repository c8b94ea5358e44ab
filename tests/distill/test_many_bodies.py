"""Many bodies: the work is done in blocks, or refused before it begins."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxsym import discover
from jaxsym.datasets import measured_trajectories
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


def test_the_budget_is_the_users_own(monkeypatch):
    x = np.random.default_rng(0).normal(size=(1, 20, 60, 2))
    ones = np.ones((1, 60))
    data = trajectories(x, velocity=x, acceleration=x, time=np.arange(20.0), mass=ones)
    monkeypatch.setenv("JAXSYM_MEMORY_GB", "0.003")
    with pytest.raises(ValueError, match="60 bodies .* than 0.003 GB .* expected at most 3,000"):
        learn(data, key=jax.random.key(0))
    monkeypatch.setenv("JAXSYM_MEMORY_GB", "much")
    with pytest.raises(ValueError, match="JAXSYM_MEMORY_GB is 'much'; expected a positive number"):
        learn(data, key=jax.random.key(0))


def test_measured_positions_of_many_bodies_are_refused_before_the_work():
    x = np.random.default_rng(0).normal(size=(1, 200, 300, 2)).cumsum(axis=1)
    data = measured_trajectories(x, time=np.arange(200.0), mass=np.ones(300))
    with pytest.raises(ValueError, match="300 bodies at .* times have 600 coordinates.* at most"):
        discover(data)
