"""Laws at any scale: scaled columns are near 1, and what is restored has the old values."""

import jax
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.budget import SearchBudget
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.scaling import scale_together


@pytest.mark.parametrize("text", ["a*b + a", "sqrt(a**2 + 4*b**2)", "exp(-a/b)*sin(b)", "a**2/b"])
def test_restored_expressions_have_the_scaled_values(text):
    rng = np.random.default_rng(0)
    X = rng.uniform(1.0, 3.0, (30, 2)) * [1e20, 4e20]
    (problem,) = make_problems(
        X, X[:, :1] * 1e-50, None, variables="ab", operators={}, max_complexity=30
    )
    (scaling,) = scale_together([problem])
    scaled = scaling.forward(problem)
    assert np.all(np.abs(np.log10(np.abs(scaled.X))) < 2)
    assert np.all(np.abs(np.log10(np.abs(scaled.y))) < 2)
    inner = parse(text)
    whole = scaling.back(inner)
    np.testing.assert_allclose(
        whole.evaluate(X, "ab") / scaling.target, inner.evaluate(scaled.X, "ab"), rtol=1e-12
    )


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_an_exact_law_at_extreme_scales(scale):
    rng = np.random.default_rng(1)
    X = rng.uniform(1.0, 3.0, (100, 3)) * [scale, scale, 1.0]
    truth = parse("2*a*b/(a + b)/c")
    engine = NativeEngine(SearchBudget(library=1500, terms=800, generations=2))
    y = truth.evaluate(X, "abc")
    front = engine.search(X, y, variables="abc", key=jax.random.key(0))
    found = front.best().expression
    np.testing.assert_allclose(found.evaluate(X, "abc"), y, rtol=1e-10)
    assert found.complexity <= truth.complexity + 4
