"""The problem sets of the NeSymReS benchmark: those of the search benchmark, and fresh draws."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np

from benchmarks.search.problems import Column, SearchProblem, load_set
from jaxsym.nesymres import Prior
from jaxsym.nesymres.skeletons.algebra import Algebra
from jaxsym.nesymres.skeletons.coefficients import UndefinedError
from jaxsym.nesymres.skeletons.sampling import place_constants, sample_skeletons
from jaxsym.nesymres.vocabulary import to_expression

# Draws of the paper's prior, with the fewest and most constants: as SOOSE-NC, -WC and -FC.
FRESH = {"fresh": (0, 0), "fresh-constants": (0, 3), "fresh-everywhere": (6, 6)}
SETS = ("aif52", "nguyen", "soose", "fastsrb", *FRESH)
_SEED = 987_654_321  # of no bank
_FRESH_COUNT = 100
_ROWS = 512  # that a fresh equation must have values at


def load_problems(name: str, count: int | None) -> list[SearchProblem]:
    """The first problems of a set.

    Args:
      name: one of `SETS`.
      count: number of problems; all, or 100 fresh ones, when None.

    Raises:
      ValueError: an unknown name.
      ModuleNotFoundError: symbolic-data is needed and not installed.
    """
    if name in FRESH:
        return list(itertools.islice(_fresh(name), count or _FRESH_COUNT))
    return load_set(name)[:count]


def _fresh(name: str) -> Iterator[SearchProblem]:
    """Equations of the prior, with constants of 1 to 5 in random places, on ranges of +-10."""
    fewest, most = FRESH[name]
    algebra, draw, rng = Algebra(), random.Random(name), np.random.default_rng(_SEED)
    for number, skeleton in enumerate(sample_skeletons(Prior(constants=0), _SEED)):
        try:
            tokens = algebra.canonical(place_constants(skeleton.bare, most, draw, fewest))
        except UndefinedError:
            continue
        columns = {f"x_{i + 1}": Column(-10.0, 10.0) for i in range(skeleton.columns)}
        truth = to_expression(tokens, list(columns))
        truth = truth.with_constants(rng.uniform(1, 5, len(truth.constants)).tolist())
        problem = SearchProblem(f"{name}-{number}", truth, columns)
        if problem.sample(0, _ROWS) is not None:
            yield problem
