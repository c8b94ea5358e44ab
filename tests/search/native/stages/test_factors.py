"""Power laws times one function with a constant inside, or times any two."""

import pytest
from made_tables import fits, sample, semantics

from jaxsym.search.native.stages.factors import Factors, product_formulas


@pytest.mark.parametrize(
    "text",
    ["a*sqrt(a + b)/(exp(b) + 1)", "b*exp(-a*b)*cos(a)", "(1 - cos(a*b))/(1 - cos(a))"],
)
def test_two_factors_are_found_exactly(text):
    problem = sample(text)
    assert fits(problem, product_formulas(problem.y, Factors(semantics(problem), problem), 20))


@pytest.mark.parametrize(
    "text",
    ["2*a/(exp(0.37*b/a) - 1)", "b*(1 + 0.21*a**2)**0.5", "b*(exp(0.7*a) - exp(-0.7*a))"],
)
def test_a_constant_inside_a_factor_is_found(text):
    problem = sample(text)
    factors = Factors(semantics(problem), problem)
    assert fits(problem, factors.formulas(problem.y, 8), 1e-12)
