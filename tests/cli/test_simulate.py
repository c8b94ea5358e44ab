"""`jaxsym simulate`: files that `jaxsym discover` reads."""

from __future__ import annotations

import os

import jax
import numpy as np
import pytest

from jaxsym.datasets import load
from jaxsym.simulate import particles

SMALL = ("--bodies", 3, "--trajectories", 2, "--steps", 6)


@pytest.mark.parametrize("name", ["run.npz", "run.csv"])
def test_the_file_holds_the_simulation(run, tmp_path, name):
    file = tmp_path / "new" / name
    result = run("simulate", "spring", "--out", file, "--seed", 3, *SMALL)
    assert (result.exit_code, result.stdout) == (0, "")
    data = load(file)
    expected = particles("spring", bodies=3).simulate(jax.random.key(3), trajectories=2, steps=6)
    for field in ("position", "velocity", "acceleration", "mass", "time"):
        np.testing.assert_allclose(getattr(data, field), getattr(expected, field), rtol=1e-6)
    assert os.listdir(file.parent) == [name]


def test_a_file_that_exists_is_kept_unless_forced(run, tmp_path):
    file = tmp_path / "run.npz"
    file.write_text("mine")
    result = run("simulate", "spring", "--out", file, *SMALL)
    assert result.exit_code == 1
    assert result.stderr == f"error: {file} exists; --force replaces it\n"
    assert file.read_text() == "mine"
    assert run("simulate", "spring", "--out", file, "--force", *SMALL).exit_code == 0
    assert load(file).position.shape == (2, 6, 3, 2)


@pytest.mark.parametrize(
    ("law", "name", "message"),
    [
        ("sprign", "run.npz", "unknown law 'sprign'; did you mean 'spring'?"),
        ("spring", "run.nzp", "unknown file type '.nzp'; did you mean '.npz'?"),
        ("string", "run.csv", "run.csv cannot hold the pairs that interact"),
    ],
)
def test_nothing_is_written_for_names_that_do_not_fit(run, tmp_path, law, name, message):
    result = run("simulate", law, "--out", tmp_path / name, *SMALL)
    assert result.exit_code == 1 and message in result.stderr
    assert os.listdir(tmp_path) == []
