"""Monomials and polynomials: enumeration, and short ways to write sums of products."""

import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search.native.monomials import enumerate_monomials, monomial
from jaxsym.search.native.polynomials import arrangements, combine


def test_enumeration_is_complete_distinct_and_counts_complexity():
    exponents, complexity = enumerate_monomials(3, 6, 10**6)
    rows = {tuple(row) for row in exponents.tolist()}
    assert len(rows) == len(exponents)
    for wanted in [(1, 0, 0), (1, -1, 0), (1, 1, -1), (-3, 0, 0), (0.5, 0, 1), (0, 0, -14)]:
        assert wanted in rows
    for row, expected in zip(exponents.tolist(), complexity.tolist(), strict=True):
        assert monomial("xyz", row).complexity == expected


def test_enumeration_stops_at_a_complexity():
    few, _ = enumerate_monomials(4, 10, 100)
    assert 10 < len(few) <= 100


def factors(**powers):
    return tuple(sorted(((name,), float(power)) for name, power in powers.items()))


@pytest.mark.parametrize(
    ("polynomial", "expected"),
    [
        ({factors(m=-1): 2.0, factors(m=-1, r=-1): 3.0}, "(2.0 + 3.0/r)/m"),
        ({factors(x=1): 2.0, factors(x=1, y=1): 3.0, (): 4.0}, "x*(2.0 + 3.0*y) + 4.0"),
        (
            {
                factors(x=1): 2.0,
                factors(y=1): 4.0,
                factors(x=1, r=-1): -1.0,
                factors(y=1, r=-1): -2.0,
            },
            "(2.0*x + 4.0*y)*(1 - 0.5/r)",
        ),
    ],
)
def test_common_factors_and_grids_are_taken_out(polynomial, expected):
    forms = [form.canonical() for form in arrangements(polynomial)]
    shortest = min(forms, key=lambda form: form.complexity)
    assert shortest == parse(expected)
    X = np.random.default_rng(0).uniform(1, 2, (20, 3))
    for form in forms:
        names = sorted(parse(expected).variables)
        values = form.evaluate(X[:, : len(names)], names)
        np.testing.assert_allclose(values, parse(expected).evaluate(X[:, : len(names)], names))


def test_like_terms_meet_and_cancel():
    x, y = factors(x=1), factors(y=1)
    assert combine([{x: 1.0, y: 1.0}, {x: 1.0, y: -1.0}], [2.0, 2.0]) == {x: 4.0}
