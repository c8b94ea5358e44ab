"""Textbook forms, as formulas and as one formula with fixed numbers."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.distill.measured.textbook import general, textbook_forms
from jaxsym.expr import parse

R = np.linspace(0.5, 3.0, 30)


def forms():
    grids = textbook_forms(np.array([0.5, 1.0]), np.array([0.1, 0.2]))
    return [grid[-1].moved(a=1.3, b=-0.7 if "b" in grid[-1].free else 0.0) for grid in grids]


def test_all_ways_to_write_a_form_have_the_same_values():
    for form in forms():
        whole, names = general(form)
        expected = form.evaluate(R)
        for expression in (whole, form.expression()):
            np.testing.assert_allclose(expression.evaluate(R[:, None], ["r"]), expected, rtol=1e-9)
        assert len(names) == len(whole.constants)


def test_the_shortest_way_has_only_free_numbers():
    for form in forms():
        assert len(form.expression().constants) == len(form.free)


def test_no_form_comes_twice():
    written = [str(form.expression()) for form in forms()]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize(
    "text",
    ["2.0*r - 2.0", "exp(-0.6*r)*(0.6/r + 1.0/r**2)", "r**-7 - r**-13", "exp(-r) - exp(-2*r)"],
)
def test_forms_that_physics_knows_are_there(text):

    true = parse(text).evaluate(R[:, None], ["r"])
    best = np.inf
    for grid in textbook_forms(np.array([0.6, 1.0]), np.array([0.1])):
        for form in grid:
            columns = form.columns(R)
            columns = columns if "b" in form.free else columns[:, :1]
            found = np.linalg.lstsq(columns, true, rcond=None)[0]
            best = min(best, np.abs(columns @ found - true).max())
    assert best < 1e-9


def test_the_larger_part_is_softened():
    # as the weak form reads 1/(r + 0.01)**2 where bodies meet
    [two] = [
        f for f in forms() if f.free == {"a", "b"} and (f.values["p"], f.values["q"]) == (-4, -2)
    ]
    found = two.moved(a=-0.003, b=0.97).softened(0.5)
    assert found.free == {"a", "s"} and found.values["p"] == -2
    np.testing.assert_allclose(found.evaluate(R), 0.97 / (R + 0.005) ** 2)
    assert two.moved(a=-3.0, b=0.01).softened(0.5).values["p"] == -4


def test_a_spring_is_not_softened():
    [spring] = [
        f for f in forms() if f.free == {"a", "b"} and (f.values["p"], f.values["q"]) == (0, 1)
    ]
    assert spring.softened(1.0) is None
