"""A table of two variables with a law, and a library of sub-expressions, for tests of stages."""

import numpy as np

from jaxsym.expr import OPERATORS, parse
from jaxsym.expr.subtrees import to_expression
from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.library import build_library
from jaxsym.search.native.stages.semantics import SemanticSearch
from jaxsym.search.problem.problem import make_problems

NAMES = ("a", "b")
ROWS = 96
TABLE = np.random.default_rng(0).uniform(0.5, 2.0, (ROWS, 2))


def sample(text, noise=0.0):
    """The problem of finding a law, with noise as a share of its deviation."""
    y = parse(text).evaluate(TABLE, NAMES)
    y = y + noise * np.std(y) * np.random.default_rng(1).normal(size=len(y))
    return make_problems(
        TABLE, y[:, None], None, variables=NAMES, operators=DEFAULT_OPERATORS, max_complexity=30
    )[0]


def semantics(problem, size=600, denoised=None):
    """A library ready to be searched."""
    return SemanticSearch(build_library(problem, problem.y[None], size=size), problem, denoised)


def fits(problem, formulas, share=1e-18):
    """Whether one of some formulas leaves no more than a share of the variance."""
    losses = [problem.loss(to_expression(f, OPERATORS)) for f in formulas if f is not None]
    return min(losses, default=np.inf) <= share * problem.variance
