"""Log-linear models: products of powers of entries and any powers of the variables."""

import numpy as np
import pytest
from made_tables import fits, sample, semantics

from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.stages.log_linear import Logarithms, regression
from jaxsym.search.problem.problem import make_problems


@pytest.mark.parametrize("text", ["2.5*a/(a + b)**1.5", "a**2*(exp(a) - 1)*b", "b*exp(-0.7*a*b)"])
def test_a_product_of_powers_is_found_exactly(text):
    problem = sample(text)
    powers = semantics(problem).powers
    columns, _ = powers.best(problem.y[None], 3)
    assert fits(problem, [powers.formula(problem.y, [int(c)]) for c in columns[0]])


def test_a_product_of_nothing_but_zeros_is_none():
    table = np.random.default_rng(0).uniform(1.0, 2.0, (20, 2))
    (problem,) = make_problems(
        table, table[:, :1], None, variables="ab", operators=DEFAULT_OPERATORS, max_complexity=9
    )
    assert Logarithms(problem).product(np.zeros(20), []) is None


def test_standard_errors_are_those_of_repeated_experiments():
    rng = np.random.default_rng(0)
    design = rng.normal(size=(50, 3)) * [1.0, 100.0, 1e-3]
    truth = np.array([1.0, -2.0, 3.0])
    found = [regression(design, design @ truth + rng.normal(size=50))[0] for _ in range(400)]
    _, errors = regression(design, design @ truth)
    np.testing.assert_allclose(np.std(found, axis=0), errors, rtol=0.15)
