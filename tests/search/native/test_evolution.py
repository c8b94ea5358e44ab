"""The evolution: its population only gets better, and keeps the best of every complexity."""

import numpy as np
from made_tables import sample, semantics

from jaxsym.expr import parse
from jaxsym.expr.subtrees import to_formula
from jaxsym.search.native.evolution import Evolution


def test_the_best_of_every_complexity_is_kept_and_only_gets_better():
    problem = sample("a*sin(b) + exp(-a*b)/b")
    evolution, library = Evolution(problem, np.random.default_rng(0)), semantics(problem)
    evolution.seed([to_formula(parse(text)) for text in ("1.0*a", "a*b", "sin(b)*a + 0.1")])
    losses = []
    for _ in range(4):
        evolution.generation(library)
        losses.append(min(m.loss for group in evolution.members.values() for m in group))
        for cost, group in evolution.members.items():
            assert all(member.complexity == cost for member in group)
            assert [m.loss for m in group] == sorted(m.loss for m in group)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-2 * problem.variance


def test_an_empty_population_does_nothing():
    problem = sample("a*b")
    evolution = Evolution(problem, np.random.default_rng(0))
    assert evolution.generation(semantics(problem)) == []


def test_constants_of_seeds_are_fitted():
    problem = sample("2.5*exp(-0.7*a) + b")
    evolution = Evolution(problem, np.random.default_rng(0))
    evolution.seed([to_formula(parse("2.0*exp(-0.6*a) + b"))])
    found = evolution.fitted()
    assert min(map(problem.loss, found)) < 1e-18 * problem.variance
