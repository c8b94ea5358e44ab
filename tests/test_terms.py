"""The table of kinds of terms: vectors as arrays, as expressions, and how they scale and turn."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.terms import AXES, KINDS, SETS, kinds, turns_with

ENDS = np.random.default_rng(0).normal(size=(2, 30, 3))


def vectors(kind, dims, first=1.0, second=1.0):
    return kind.vector(first * ENDS[0, :, :dims], second * ENDS[1, :, :dims])


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", KINDS)
def test_a_vector_in_words_is_the_vector(name, dims):
    kind = KINDS[name]
    if kind not in kinds(None, dims):
        assert name == "constant along z" and dims == 2
        return
    forms = ("d{}", "dv{}") if kind.between else ("{}1", "v{}1")
    names = [form.format(axis) for form in forms for axis in AXES[:dims]]
    table = np.concatenate([ENDS[0, :, :dims], ENDS[1, :, :dims]], axis=1)
    for k, part in enumerate(kind.components(dims)):
        values = np.broadcast_to(part.evaluate(table, names), len(table))
        np.testing.assert_allclose(values, vectors(kind, dims)[:, k], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_vectors_scale_with_their_powers_and_pairs_are_opposite_at_both_ends(name):
    kind = KINDS[name]
    of_length, of_speed = kind.powers
    larger = vectors(kind, 3, 3.0, 0.5)
    np.testing.assert_allclose(larger, vectors(kind, 3) * 3.0**of_length * 0.5**of_speed)
    assert kind.unit(3.0, 0.5) == 3.0**of_length * 0.5**of_speed
    if kind.between:
        np.testing.assert_allclose(vectors(kind, 3, -1.0, -1.0), -vectors(kind, 3))


def test_names_stand_for_kinds():
    assert [kind.name for kind in kinds(["field"], 2)] == ["constant along x", "constant along y"]
    assert all(kind.powers[1] == 0 for kind in kinds(None, 3, order=1))
    assert {name for names in SETS.values() for name in names} <= set(KINDS)
    with pytest.raises(ValueError, match="did you mean 'magnetic'"):
        kinds(["magnetc"], 2)


def test_a_field_along_an_axis_turns_with_rotations_about_it_alone():
    angle = 0.7
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    assert turns_with(KINDS["magnetic"], turn)
    assert not turns_with(KINDS["magnetic"], turn[::-1, ::-1])
