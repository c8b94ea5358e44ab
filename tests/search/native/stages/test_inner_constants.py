"""Constants inside functions and in the place of literals."""

import jax
import numpy as np

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.native.stages.inner_constants import inner_constants, variants
from jaxsym.search.native.state import SearchState
from jaxsym.search.problem.problem import make_problems


def test_variants_keep_values_exponents_and_rationals():
    expression = parse("exp(x)*(y + 2)**3/2*x**(3/2)")
    X = np.random.default_rng(0).uniform(1, 2, (10, 2))
    for variant in variants(expression):
        np.testing.assert_allclose(
            variant.evaluate(X, ["x", "y"]), expression.evaluate(X, ["x", "y"])
        )
        assert "cube" in variant.tokens and ("pow", "x", "div", "3", "2") == variant.tokens[-5:]


def test_a_constant_inside_a_function_is_fitted():
    X = np.random.default_rng(0).uniform(0.5, 3.0, (100, 1))
    y = np.exp(-0.37 * X) * X
    problems = make_problems(X, y, None, variables=["x"], operators=OPERATORS, max_complexity=20)
    state = SearchState.of(problems, SearchBudget(), jax.random.key(0))
    state.archive.add([parse("x*exp(-x)")])
    assert min(map(state.problem.loss, inner_constants(state))) < 1e-20
