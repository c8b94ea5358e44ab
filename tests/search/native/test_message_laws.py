"""The native engine on what network messages look like: power laws, sums, and noise."""

import jax
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.budget import SearchBudget

# a budget of work in place of a time limit
ENGINE = NativeEngine(
    SearchBudget(library=1000, small=500, terms=400, rows=128, refined=4, generations=2)
)
NAMES = ("r", "m1", "m2", "q1", "q2")


def table(count=448, seed=0):
    rng = np.random.default_rng(seed)
    r = np.exp(rng.uniform(-1, 1.5, count))
    masses = np.exp(0.7 * rng.normal(size=(count, 2)))
    charges = rng.choice([-1.0, 1.0], size=(count, 2)) * np.exp(0.3 * rng.normal(size=(count, 2)))
    return np.column_stack([r, masses, charges])


@pytest.mark.parametrize("text", ["2.5*m2/r**3", "-1.5*q1*q2/(m1*r**3)", "2/m1 - 1.98/(m1*r)"])
def test_exact_laws_are_found_exactly(text):
    X = table()
    y = parse(text).evaluate(X, NAMES)
    front = ENGINE.search(X, y, variables=NAMES, key=jax.random.key(0))
    best = front.best()
    fresh = table(seed=1)
    got = best.expression.evaluate(fresh, NAMES)
    np.testing.assert_allclose(got, parse(text).evaluate(fresh, NAMES), rtol=1e-6)


def test_a_law_is_on_the_front_under_noise_with_weights():
    X = table()
    clean = parse("1.3*q1*q2/(m1*r**3)").evaluate(X, NAMES)
    noise = 0.05 * np.random.default_rng(2).normal(size=len(X))
    front = ENGINE.search(
        X,
        clean * (1 + noise),
        variables=NAMES,
        key=jax.random.key(0),
        weights=1 / (0.05 * clean) ** 2,
    )
    fresh = table(seed=1)
    true = parse("1.3*q1*q2/(m1*r**3)").evaluate(fresh, NAMES)
    errors = [np.median(np.abs(row.expression.evaluate(fresh, NAMES) / true - 1)) for row in front]
    assert min(errors) < 0.02
