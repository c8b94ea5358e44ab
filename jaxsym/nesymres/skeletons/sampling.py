"""Skeletons: canonical expressions with free constants in some of their places."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jaxsym.expr import Expression, Operator
from jaxsym.nesymres.skeletons.algebra import Algebra
from jaxsym.nesymres.skeletons.coefficients import UndefinedError
from jaxsym.nesymres.skeletons.prior import ARITIES, Prior
from jaxsym.nesymres.skeletons.terms import Term
from jaxsym.nesymres.skeletons.trees import sample_trees
from jaxsym.nesymres.vocabulary import BINARY, ID, INTEGERS, UNARY, VARIABLES

CHUNK = 4096  # trees drawn together
_SITES = frozenset({*VARIABLES, "sin", "cos", "tan", "asin", "exp"})  # what may get a constant
_ARITY = {**dict.fromkeys(UNARY, 1), **dict.fromkeys(BINARY, 2)}
_NAMES = {"log": "ln"}
_SPELLINGS = {  # of what the trees have and the vocabulary lacks
    "sub": "add {} mul -1 {}",
    "div": "mul {} pow {} -1",
    "neg": "mul -1 {}",
    "inv": "pow {} -1",
    **{f"pow{n}": f"pow {{}} {n}" for n in (2, 3, 4, 5)},
}


class Skeleton(NamedTuple):
    """One expression to learn from.

    Attributes:
      tokens: with ``c`` for every free constant; canonical unless the prior says otherwise.
      bare: the same expression without its constants, canonical.
      columns: number of columns of its table.
    """

    tokens: tuple[str, ...]
    bare: tuple[str, ...]
    columns: int


def sample_skeletons(prior: Prior, seed: int, chunk: int = 0) -> Iterator[Skeleton]:
    """Skeletons without end; the same for the same seed, and others from another first chunk on.

    Trees without a value, without variables, or with numbers that no token stands for are
    left out, and those that lose a variable in the middle.

    Args:
      prior: what they look like.
      seed: of everything drawn.
      chunk: where in the stream to start, in `CHUNK` trees.

    >>> first = next(sample_skeletons(Prior(fewest=2, most=2), seed=0))
    >>> " ".join(first.tokens), " ".join(first.bare), first.columns
    ('add x_2 pow add c mul c x_1 2', 'add x_2 pow x_1 2', 2)
    """
    while True:
        algebra = Algebra()
        rng, draw = np.random.default_rng([seed, chunk]), random.Random(f"{seed} {chunk}")
        for tree, columns in zip(*sample_trees(rng, prior, CHUNK), strict=True):
            try:
                bare = algebra.canonical(tree)
                if prior.deepest is not None and depth(bare) > prior.deepest:
                    continue
                form = bare if prior.canonical else spelled(tree)
                placed = place_constants(form, prior.constants, draw)
                tokens = algebra.canonical(placed)
                if not prior.canonical:
                    tokens = tuple(placed)
            except UndefinedError:
                continue
            if _usable(tokens, prior, columns):
                yield Skeleton(tokens, bare, columns)
        chunk += 1


def spelled(tree: Sequence[str]) -> tuple[str, ...]:
    """A tree in the tokens of the vocabulary, otherwise as it is.

    >>> " ".join(spelled(("sub", "pow2", "x_1", "x_2")))
    'add pow x_1 2 mul -1 x_2'
    """
    stack: list[str] = []
    for token in reversed(tree):
        parts = [stack.pop() for _ in range(ARITIES.get(token, 0))]
        spelling = _SPELLINGS.get(token, " ".join([token, *["{}"] * len(parts)]))
        stack.append(spelling.format(*parts))
    return tuple(stack.pop().split())


def place_constants(
    tokens: Sequence[str], most: int, draw: random.Random, fewest: int = 0
) -> list[str]:
    """Put factors and terms ``c`` at random places: around variables and functions.

    Args:
      tokens: an expression.
      most: the number of constants is uniform up to that, or the number of places.
      draw: Python's generator.
      fewest: and from that on.

    >>> place_constants(("sin", "x_1"), 1, random.Random(1))
    ['sin', 'x_1']
    >>> place_constants(("sin", "x_1"), 1, random.Random(5))
    ['sin', 'mul', 'c', 'x_1']
    """
    sites = [i for i, token in enumerate(tokens) if token in _SITES]
    places = 2 * len(sites)
    count = draw.randint(min(fewest, places), min(most, places))
    chosen = draw.sample(range(places), count)
    placed = list(tokens)
    for choice in sorted(chosen, reverse=True):
        site = sites[choice // 2]
        placed[site:site] = ("add" if choice % 2 else "mul", "c")
    return placed


def depth(tokens: Sequence[str]) -> int:
    """Most operators on one path from the root to a leaf.

    >>> depth(("add", "x_1", "sin", "x_2"))
    2
    """
    stack: list[int] = []
    for token in reversed(tokens):
        arity = _ARITY.get(token, 0)
        below = [stack.pop() for _ in range(arity)]
        stack.append(1 + max(below) if below else 0)
    return stack.pop()


def skeleton_of(
    expression: Expression, variables: Sequence[str], algebra: Algebra
) -> tuple[str, ...]:
    """The canonical skeleton of an expression: numbers without a token are free constants.

    Args:
      expression: any whose operators the vocabulary has.
      variables: names of the columns x_1, x_2, ...
      algebra: where to make terms.

    Raises:
      ValueError: an operator or a variable that the vocabulary lacks.
      UndefinedError: an expression without a value.

    >>> from jaxsym.expr import parse
    >>> " ".join(skeleton_of(parse("a*b/(4*pi)"), ["a", "b"], Algebra()))
    'mul c mul x_1 x_2'
    """
    columns = {name: f"x_{i + 1}" for i, name in enumerate(variables)}

    def literal(token: str) -> Term:
        return algebra.read((token if token in INTEGERS else "c",))

    def apply(operator: Operator, arguments: list[Term]) -> Term:
        if operator.name in ("min", "max", "sign", "if_greater", "asinh"):
            raise ValueError(f"operator {operator.name}: the vocabulary of the model lacks it")
        return algebra.apply(_NAMES.get(operator.name, operator.name), *arguments)

    return expression.fold(
        variable=lambda name: algebra.read((columns[name],)),
        constant=lambda slot: algebra.constant,
        literal=literal,
        apply=apply,
    ).code


def _usable(tokens: Sequence[str], prior: Prior, columns: int) -> bool:
    if len(tokens) + 2 > prior.length or not all(token in ID for token in tokens):
        return False
    used = {token for token in tokens if token in VARIABLES}
    return bool(used) and (prior.shuffled or len(used) == columns)
