"""Named test sets: equations with the ranges on which they are asked for."""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import unknown_name
from jaxsym.expr import Expression, parse

TEST_SETS = {
    "aif": "AI Feynman (Udrescu & Tegmark 2020): the 52 equations of up to three variables",
    "nguyen": "Nguyen (Uy et al. 2011): 12 equations, ranges of Petersen et al. (2021)",
    "soose": "SOOSE-NC (Biggio et al. 2021): 200 equations of the training prior, no constants",
}


class Equation(NamedTuple):
    """One equation to be found.

    Attributes:
      name: in its set.
      expression: the truth, of variables x_1, x_2, ...
      support: `[V, 2]` lowest and highest value of every variable.
    """

    name: str
    expression: Expression
    support: Float[np.ndarray, "V 2"]

    @property
    def variables(self) -> list[str]:
        """Names of the columns."""
        return [f"x_{i + 1}" for i in range(len(self.support))]

    def sample(
        self, rng: np.random.Generator, count: int, *, widened: bool = False
    ) -> tuple[Float[np.ndarray, "n V"], Float[np.ndarray, " n"]]:
        """Points uniform in the support, with finite values alone.

        Args:
          rng: numpy's generator.
          count: n; fewer come back where the equation is hardly anywhere defined.
          widened: in a support three times as wide, around the same centers.
        """
        low, high = self.support.T
        if widened:
            low, high = low - (high - low), high + (high - low)
        X = rng.uniform(low, high, (20 * count, len(low)))
        y = self.expression.evaluate(X, self.variables)
        finite = np.flatnonzero(np.isfinite(y))[:count]
        return X[finite], y[finite]


def load_test_set(name: str) -> list[Equation]:
    """The equations of a set.

    Raises:
      ValueError: an unknown name.

    >>> [len(load_test_set(name)) for name in TEST_SETS]
    [52, 12, 200]
    """
    if name not in TEST_SETS:
        raise unknown_name("test set", name, TEST_SETS)
    text = (resources.files("jaxsym.nesymres") / "equations" / f"{name}.csv").read_text()
    found = []
    for row in csv.DictReader(text.splitlines()):
        support = [[float(end) for end in ends.split(":")] for ends in row["support"].split()]
        found.append(Equation(row["name"], parse(row["equation"]), np.array(support)))
    return found
