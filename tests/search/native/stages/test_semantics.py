"""Semantic library search: entries that come nearest to target semantics, with their constants."""

import numpy as np
import pytest
from made_tables import ROWS, TABLE, fits, sample, semantics

from jaxsym.search.native.stages.semantics import SemanticTarget, affine


@pytest.mark.parametrize("text", ["a*b", "2.5*sin(a)", "a/b - 0.75", "3 - 2*sqrt(a)"])
def test_an_affine_part_is_found_exactly(text):
    problem = sample(text)
    tool = semantics(problem)
    target = SemanticTarget.of(problem.y, np.ones(ROWS), problem.weights)
    entries, left = tool.best([target], 3)
    assert np.all(np.diff(left) >= 0)
    assert fits(problem, [tool.affine(target, int(entry)) for entry in entries[0]])


@pytest.mark.parametrize(
    ("factor", "offset", "length"), [(1.0, 0.0, 1), (2.0, 0.0, 3), (1.0, 0.5, 3), (2.0, 0.5, 5)]
)
def test_no_constant_that_is_not_needed(factor, offset, length):
    f = TABLE[:, 0]
    weights = np.full(ROWS, 1 / ROWS)
    target = SemanticTarget.of(factor * f + offset, np.ones(ROWS), weights)
    assert len(affine(target, f, ("a",))) == length


def test_rows_without_a_solution_count_nothing_unless_there_are_many():
    values, weights = TABLE[:, 0].copy(), np.full(ROWS, 1 / ROWS)
    values[:5] = np.nan
    target = SemanticTarget.of(values, np.ones(ROWS), weights)
    assert np.all(target.weights[:5] == 0) and np.isclose(target.weights.sum(), 1)
    values[: ROWS // 2] = np.inf
    assert SemanticTarget.of(values, np.ones(ROWS), weights) is None


def test_a_constant_target_is_none():
    assert SemanticTarget.of(np.ones(ROWS), np.ones(ROWS), np.full(ROWS, 1 / ROWS)) is None
