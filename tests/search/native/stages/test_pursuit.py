"""Orthogonal matching pursuit against all subsets, and the stages that use it."""

import itertools

import numpy as np
import pytest
from made_tables import ROWS, sample

from jaxsym.expr import OPERATORS
from jaxsym.search.native.library import build_library
from jaxsym.search.native.linear import linear_fit
from jaxsym.search.native.stages.pursuit import Columns, Pursuit, linear_sums, sparse_sums
from jaxsym.search.problem.problem import make_problems

WEIGHTS = np.random.default_rng(3).uniform(0.2, 1.0, ROWS)
WEIGHTS /= WEIGHTS.sum()


def never():
    return False


@pytest.fixture(scope="module")
def correlated():
    """Twelve columns with a common part, and a target of four of them with noise."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, ROWS)) + rng.normal(size=ROWS)
    target = values[1] - 2 * values[4] + 1.5 * values[7] + 0.5 * values[9] + 4
    return values, target + 0.05 * rng.normal(size=ROWS)


def least_squares_loss(values, target, chosen):
    design = np.column_stack([*values[list(chosen)], np.ones(ROWS)]) * np.sqrt(WEIGHTS)[:, None]
    rest = np.sqrt(WEIGHTS) * target
    return float(np.sum((rest - design @ np.linalg.lstsq(design, rest)[0]) ** 2))


def test_a_beam_finds_the_best_subset_of_every_size(correlated):
    values, target = correlated
    pursuit = Pursuit(Columns(values, WEIGHTS), target)
    found = pursuit.grow([], 4, 16, never)
    for size in (2, 3, 4):
        subsets = itertools.combinations(range(12), size)
        best = min(subsets, key=lambda s: least_squares_loss(values, target, s))
        first = next(s for s in found if len(s) == size)
        assert first == best
        assert pursuit.left(first) == pytest.approx(least_squares_loss(values, target, best))


def test_gains_are_what_least_squares_gains(correlated):
    values, target = correlated
    pursuit = Pursuit(Columns(values, WEIGHTS), target)
    before = least_squares_loss(values, target, (1, 4))
    gains = pursuit.gains((1, 4))
    for entry in range(12):
        after = least_squares_loss(values, target, (1, 4, entry))
        assert gains[entry] == pytest.approx(1 - after / before, abs=1e-4)


def test_a_path_takes_one_column_of_a_group(correlated):
    values, target = correlated
    groups = np.repeat(np.arange(4), 3)
    path = Pursuit(Columns(values, WEIGHTS, groups=groups), target).path(12)
    assert sorted(groups[path]) == [0, 1, 2, 3]


def test_a_path_ends_when_all_is_explained():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, ROWS))
    values[4] = values[0] + values[1]
    pursuit = Pursuit(Columns(values, WEIGHTS), values[2] + 3 * values[3])
    assert sorted(pursuit.path(5, enough=1e-12)) == [2, 3]
    assert len(pursuit.path(5)) <= 4  # the fifth depends on two others


def test_constant_columns_are_never_chosen():
    values = np.stack([np.full(ROWS, 7.0), np.arange(ROWS) * 1.0])
    assert Pursuit(Columns(values, WEIGHTS), values[1] ** 2).path(2) == [1]


def test_huge_columns_do_no_harm():
    values = 1e200 * np.random.default_rng(0).normal(size=(3, ROWS))
    assert Pursuit(Columns(values, WEIGHTS), values[1] / 1e200).path(1) == [1]


def test_sums_of_three_and_four_terms():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3.0, (200, 3))
    y = X[:, 0] - 2 * X[:, 1] + 3 * X[:, 0] / X[:, 2] - 0.5 * X[:, 1] / X[:, 2]
    y = y * (1 + 0.001 * rng.normal(size=200))
    weights = rng.uniform(0.2, 5.0, 200)
    (problem,) = make_problems(
        X, y[:, None], weights, variables="xyz", operators=OPERATORS, max_complexity=30
    )
    library = build_library(problem, y[None], size=2000)

    def loss(chosen):
        features = np.column_stack([*library.values[list(chosen)], np.ones(200)])
        return linear_fit(problem, features)[1]

    best = min((s for s in sparse_sums(library, problem, []) if len(s) == 4), key=loss)
    assert {str(library.expression(e)) for e in best} == {"x", "y", "x/z", "y/z"}


def test_linear_sums_come_with_and_without_an_offset():
    problem = sample("2*a - 3*b + 1")
    found = list(linear_sums(problem))
    assert min(map(problem.loss, found)) < 1e-24
    assert [len(e.constants) for e in found] == [1, 2, 2, 3]
