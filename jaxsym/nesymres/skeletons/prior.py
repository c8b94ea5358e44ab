"""The prior over expressions: operators with weights, sizes, variables, constants."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from jaxsym._check import require, unknown_name
from jaxsym.nesymres.vocabulary import MOST_VARIABLES

ARITIES = {
    **dict.fromkeys(("add", "mul", "sub", "div"), 2),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"), 1),
    **dict.fromkeys(("sqrt", "exp", "ln", "abs", "neg", "inv"), 1),
    **dict.fromkeys(("pow2", "pow3", "pow4", "pow5"), 1),
}

PAPER_WEIGHTS = MappingProxyType(
    {
        **{"add": 10.0, "mul": 10.0, "sub": 5.0, "div": 5.0},
        **{"sqrt": 4.0, "ln": 4.0, "exp": 4.0, "sin": 4.0, "cos": 4.0, "tan": 4.0, "asin": 2.0},
        **{"pow2": 4.0, "pow3": 2.0, "pow4": 1.0, "pow5": 1.0},
    }
)


@dataclass(frozen=True)
class Prior:
    """What sampled skeletons look like; the default is the prior of Biggio et al. (2021).

    Attributes:
      weights: operators with their relative frequencies among those of the same arity.
      fewest, most: number of operators of a tree, uniform between the two.
      variables: number of variables, at most 6.
      constants: most free constants of a skeleton; their number is uniform up to that.
      deepest: most operators on one path of the tree; no limit when None.
      length: most tokens, with the start and the end.
      shuffled: variables take random columns of tables that may have further columns, without
        effect; otherwise they are numbered as they appear, and there are no others.
      canonical: whether skeletons are written in their canonical form, or as the trees are drawn.

    Raises:
      ValueError: an unknown operator, or numbers out of range.

    >>> Prior(weights={"add": 1.0, "sine": 1.0})
    Traceback (most recent call last):
        ...
    ValueError: unknown operator 'sine'; did you mean 'sin'? known: add, mul, sub, div, ...
    """

    weights: Mapping[str, float] = field(default_factory=lambda: PAPER_WEIGHTS)
    fewest: int = 3
    most: int = 5
    variables: int = 3
    constants: int = 3
    deepest: int | None = None
    length: int = 32
    shuffled: bool = False
    canonical: bool = True

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in ARITIES:
                raise unknown_name("operator", name, ARITIES)
            usual = math.isfinite(weight) and weight > 0
            require(usual, f"weight of {name} is {weight}; expected a positive number")
        require(bool(self.weights), "weights is empty; expected at least one operator")
        require(
            1 <= self.fewest <= self.most <= 20,
            f"fewest={self.fewest}, most={self.most}; expected 1 <= fewest <= most <= 20",
        )
        require(
            1 <= self.variables <= MOST_VARIABLES,
            f"variables={self.variables}; expected 1 to {MOST_VARIABLES}",
        )
        require(self.constants >= 0, f"constants={self.constants}; expected at least 0")
        require(self.length >= 3, f"length={self.length}; expected at least 3")

    def operators(self, arity: int) -> tuple[list[str], list[float]]:
        """Names and probabilities of the operators of one arity.

        >>> Prior().operators(2)[0]
        ['add', 'mul', 'sub', 'div']
        """
        names = [name for name in self.weights if ARITIES[name] == arity]
        total = sum(self.weights[name] for name in names)
        return names, [self.weights[name] / total for name in names]

    def as_dict(self) -> dict[str, Any]:
        """The prior as JSON-like values."""
        return {
            f.name: dict(self.weights) if f.name == "weights" else getattr(self, f.name)
            for f in dataclasses.fields(self)
        }
