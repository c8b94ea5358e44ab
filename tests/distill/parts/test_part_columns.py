"""Inputs that matter, and what the rest of them is: told by derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.distill.parts.columns import read_columns, read_features
from jaxsym.distill.parts.outputs import Target, direction_along
from jaxsym.distill.parts.recording import Samples


def columns_of(function, names, inputs, features=None, along=()):
    """What is found of a scalar function at some rows."""
    values = np.asarray(jax.vmap(function)(jnp.asarray(inputs)))
    slopes = np.asarray(jax.vmap(jax.grad(function))(jnp.asarray(inputs)))
    samples = Samples(names, inputs, values[:, None], slopes[:, None])
    target = Target(values, slopes, np.ones(len(values)), np.ones((1, 1 + len(names))), along)
    return read_columns(samples, target, read_features(features, names), 1e-3)


ROWS = np.random.default_rng(0).uniform(0.5, 2.0, (300, 4))


def test_inputs_that_do_nothing_are_left_out():
    found = columns_of(lambda x: x[0] * jnp.exp(x[2]), ("a", "b", "c", "d"), ROWS)
    assert found.names == ("a", "c") and found.notes == ("does not depend on b, d",)


@pytest.mark.parametrize(("sign", "formula"), [(-1.0, "b - a"), (1.0, "a + b")])
def test_differences_and_sums_stand_for_pairs(sign, formula):
    found = columns_of(lambda x: jnp.sin(x[1] + sign * x[0]) * x[2], ("a", "b", "c"), ROWS[:, :3])
    (feature,) = found.features.values()
    assert str(feature) == formula and "c" in found.names and len(found.names) == 2
    np.testing.assert_allclose(found.values[:, 1], ROWS[:, 1] + sign * ROWS[:, 0])


def test_lengths_stand_for_their_components():
    rows = np.random.default_rng(1).normal(size=(300, 4))
    found = columns_of(
        lambda x: x[3] ** 3 / jnp.sqrt(x[0] ** 2 + x[1] ** 2 + x[2] ** 2),
        ("dx", "dy", "dz", "q"),
        rows,
    )
    assert found.names == ("q", "r") and str(found.features["r"]) == "sqrt(dx**2 + dy**2 + dz**2)"


def test_features_of_the_users_are_columns_and_keep_their_names():
    found = columns_of(
        lambda x: jnp.log(jnp.hypot(x[0], x[1])) + x[2],
        ("dx", "dy", "c"),
        ROWS[:, :3],
        features={"distance": "sqrt(dx**2 + dy**2)", "u": "distance/c"},
    )
    assert set(found.names) == {"c", "distance", "u"}


def test_columns_that_others_tell_are_left_out():
    mixed = np.column_stack([ROWS, ROWS[:, :2] @ np.array([[1.0, 2.0], [-3.0, 1.0]]) + 5.0])
    names = ("a", "b", "c", "d", "e", "f")
    found = columns_of(lambda x: x[4] * x[2], names, mixed)
    assert set(found.names) == {"c", "e"}
    assert "linear functions" in found.notes[0]


def test_vectors_along_an_image_of_inputs_are_found_and_others_are_not():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 5))
    image = np.array([[1.0, 0.4], [-0.3, 0.8]])
    vectors = (np.exp(x[:, 0]) / (1 + x[:, 4] ** 2))[:, None] * (x[:, [1, 3]] @ image.T)
    columns, found = direction_along(x, vectors)
    np.testing.assert_allclose(found / found[0, 0], image / image[0, 0], rtol=1e-6)
    assert columns == (1, 3)
    assert direction_along(x, np.sin(x[:, :2]) + x[:, 2:4] ** 2) is None
