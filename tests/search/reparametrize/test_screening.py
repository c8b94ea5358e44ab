"""Screening of wide tables: the columns that matter are kept, in any of several shapes."""

import numpy as np
import pytest

from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.problem.problem import make_problems
from jaxsym.search.reparametrize.screening import keep, screen

X = np.random.default_rng(0).uniform(0.5, 2.0, (120, 30))


def kept(y, count):
    (problem,) = make_problems(
        X, y[:, None], None, operators=DEFAULT_OPERATORS, max_complexity=9,
        variables=[f"x{i}" for i in range(30)],
    )  # fmt: skip
    return set(screen(problem, count).inner)


@pytest.mark.parametrize(
    ("y", "needed"),
    [
        (X[:, 3] - 2 * X[:, 17], {"x3", "x17"}),
        (X[:, 3] * X[:, 17] / X[:, 29], {"x3", "x17", "x29"}),
        (X[:, 5] ** 2 + 3 / X[:, 8], {"x5", "x8"}),
        (10 + X[:, 1] * X[:, 2], {"x1", "x2"}),
    ],
)
def test_the_columns_of_the_law_are_kept(y, needed):
    assert needed <= kept(y, 5)


def test_few_columns_are_enough_where_they_explain_all():
    assert kept(2 * X[:, 4] - X[:, 9], 10) >= {"x4", "x9"}
    assert len(kept(2 * X[:, 4] - X[:, 9], 3)) <= 3


def test_the_change_takes_names_as_they_are():
    change = keep(["kept", "b"])
    assert change.unknown != "kept"
    assert list(change.inner) == ["kept", "b"]
