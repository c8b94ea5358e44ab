"""Dimensions of expressions, units in words, and dimensionless groups."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search.problem.dimensions import Dimensions, UnitsError, read_dimensions
from jaxsym.search.reparametrize.groups import dimensionless_groups

MASS, LENGTH, TIME, NONE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)
COLUMNS = {"m": MASS, "x": LENGTH, "y": LENGTH, "t": TIME, "a": NONE}
LENGTHS = Dimensions(COLUMNS, LENGTH)
FREE = Dimensions(COLUMNS, LENGTH, free_constants=True)


@pytest.mark.parametrize(
    ("text", "closed", "free"),
    [
        ("x + 2.0*y", True, True),
        ("x + t", False, False),
        ("x + 1.5", False, True),
        ("x*sin(a)", True, True),
        ("x*sin(t)", False, False),
        ("x*sin(1.5*t)", False, True),
        ("sqrt(x**2 + y**2)", True, True),
        ("sqrt(x*y)", True, True),
        ("x**2/y", True, True),
        ("x**2", False, False),
        ("x*(t/t)**a", True, True),
        ("x**1.5/sqrt(y)", True, True),
        ("x**(3/2)/sqrt(y)", True, True),
        ("x**(2 - 1/2)/sqrt(y)", True, True),
        ("x**a", False, False),
        ("2.5*t", False, True),
        ("abs(-x) + max(x, y)", True, True),
        ("x if t > t else y", True, True),
        ("x if t > x else y", False, False),
        ("x*sign(t)", True, True),
        ("0 + x", True, True),
        ("x*exp(y/x)", True, True),
        ("x*log(y)", False, False),
        ("cube(x)/(x*y)", True, True),
    ],
)
def test_what_dimensions_allow(text, closed, free):
    expression = parse(text.replace("cube(x)", "x**3"))
    assert LENGTHS.allow(expression) is closed
    assert FREE.allow(expression) is free


def test_a_target_out_of_reach_is_an_error():
    with pytest.raises(UnitsError, match="no expression .* declare them free"):
        Dimensions({"x": LENGTH}, TIME)
    assert Dimensions({"x": LENGTH}, TIME, free_constants=True).allow(parse("2.5*x"))


def test_a_table_without_any_dimension():
    none = read_dimensions(["x", "y"], ["", "1"], "")
    assert none.allow(parse("sin(x) + 2.5*y"))
    (way,) = dimensionless_groups(none, ["x", "y"], 3)
    assert way.back(parse("x + y")) == parse("x + y")


def test_exponents_of_ones_own_bases():
    found = read_dimensions(["m", "g"], {"m": (1, 0), "g": (0, 1)}, (1, 1))
    assert found.variables == {"m": (1.0, 0.0), "g": (0.0, 1.0)}


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([(1, 0)], "expected one for each of m, g"),
        ("kg", "expected one for each"),
        ([(1, 0), (1, 0, 0)], "different numbers of base units"),
        ([(1, 0), ("a", 0)], "unit of g is"),
        ([(1, 0), (float("nan"), 0)], "unit of g is"),
        ([(1, 0), 7], "unit of g is 7"),
        ({"mm": (1, 0)}, "units name"),
    ],
)
def test_units_that_cannot_be_read(units, message):
    with pytest.raises(ValueError, match=message):
        read_dimensions(["m", "g"], units, (1, 0))


def test_units_in_words():
    pytest.importorskip("pint")
    words = read_dimensions(["m", "x", "t", "n"], ["kg", "cm", "hour", ""], "N*m")
    assert words.allow(parse("m*x**2/t**2*n"))
    assert not words.allow(parse("m*x/t**2"))
    with pytest.raises(UnitsError, match="unit of t is 'sceonds'"):
        read_dimensions(["t"], ["sceonds"], "s")
    with pytest.raises(UnitsError, match="mix words and exponents"):
        read_dimensions(["t", "x"], ["s", (1, 0)], "s")


def test_every_group_has_no_dimension_and_every_way_is_right():
    columns = {"m": MASS, "x": LENGTH, "v": (0.0, 1.0, -1.0), "g": (0.0, 1.0, -2.0)}
    energy = (1.0, 2.0, -2.0)
    ways = dimensionless_groups(Dimensions(columns, energy), list(columns), 10)
    assert len(ways) == 3  # any two of x, v and g beside the mass
    for way in ways:
        (group,) = way.inner.values()
        assert Dimensions(columns, NONE).allow(group)
        assert Dimensions(columns, energy).allow(way.back(parse("1")))
        assert Dimensions(columns, energy).allow(
            way.back(parse("sin(q)").substitute({"q": parse(next(iter(way.inner)))}))
        )


def test_cube_roots_are_exact_exponents():
    ((way),) = dimensionless_groups(Dimensions({"V": (3.0,)}, (1.0,)), ["V"], 3)
    assert way.inner == {}
    assert way.back(parse("2")) == parse("2*V**(1/3)")


def test_groups_of_variables_that_vanish_are_not_used():
    assert dimensionless_groups(LENGTHS, [], 3) == []
    np.testing.assert_equal(len(dimensionless_groups(LENGTHS, ["m", "x", "t"], 9)), 1)
