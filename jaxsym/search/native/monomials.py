"""Products of powers, as rows of exponents and as expressions."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from jaxsym.expr import Expression, constant, literal, variable

# Exponents by the complexity that they add: x; x**2, x**3, sqrt(x); x**4, x**(3/2), ...
_EXPONENTS = {1: (1.0,), 2: (2.0, 3.0, 0.5), 4: tuple(map(float, range(4, 15))), 6: (1.5, 2.5)}
_COMMON, _RARE = 2, 6  # monomials with an exponent that adds more than 2 have at most complexity 6


def monomial(variables: Sequence[str], exponents: Sequence[float]) -> Expression:
    """`prod_i variables[i]**exponents[i]` with negative powers as a denominator.

    Multiples of 1/2 are exact exponents, others are constants that a fit may change.

    >>> monomial(["x", "y", "z"], [1.0, -3.0, 0.5])
    Expression(x*sqrt(z)/y**3)
    >>> monomial(["x"], [0.0])
    Expression(1)
    """
    return product((variable(v), p) for v, p in zip(variables, exponents, strict=True))


def product(factors: Iterable[tuple[Expression, float]]) -> Expression:
    """`prod base**exponent` as `monomial`, of any bases.

    >>> product([(variable("x") + 1, -2.0)])
    Expression(1/(x + 1)**2)
    """
    above: list[Expression] = []
    below: list[Expression] = []
    for base, exponent in factors:
        if exponent:
            (above if exponent > 0 else below).append(_power(base, abs(exponent)))
    numerator = functools.reduce(lambda a, b: a * b, above) if above else literal(1)
    if not below:
        return numerator
    return numerator / functools.reduce(lambda a, b: a * b, below)


def _power(base: Expression, exponent: float) -> Expression:
    if exponent == 1:
        return base
    if float(2 * exponent).is_integer():
        return base ** Fraction(exponent)
    return base ** constant(exponent)


def enumerate_monomials(
    variables: int, max_complexity: int, count: int
) -> tuple[Float[np.ndarray, "M V"], Int[np.ndarray, " M"]]:
    """Exponents of all monomials up to a complexity, the simplest first.

    Args:
      variables: V.
      max_complexity: of the monomials.
      count: about how many at most; the complexity is lowered until they fit.

    Returns:
      `[M, V]` exponents, multiples of 1/2, and `[M]` complexities.

    >>> exponents, complexity = enumerate_monomials(2, 3, 100)
    >>> [str(monomial("xy", row)) for row in exponents[complexity < 3]]
    ['x', 'y', 'x**3', 'x**2', 'sqrt(x)', 'y**3', 'y**2', 'sqrt(y)', '1/y', '1/x']
    """
    exponents, cost = np.zeros((1, 0)), np.zeros(1, int)
    factors, rare = np.zeros(1, int), np.zeros(1, bool)
    choices = [(0.0, 0)]
    choices += [(s * p, c) for c, powers in _EXPONENTS.items() for p in powers for s in (1, -1)]
    for _ in range(variables):
        joined = factors > 0
        costs = np.array([cost + c + (joined if c else 0) for _, c in choices])
        rarities = np.array([rare | (c > _COMMON) for _, c in choices])
        fits = (costs <= max_complexity) & ((costs <= _RARE) | ~rarities)
        while np.count_nonzero(fits) > count:  # more variables only add to them
            max_complexity -= 1
            fits &= costs <= max_complexity
        chosen, rows = np.nonzero(fits)
        powers = np.array([p for p, _ in choices])[chosen]
        used = np.array([c > 0 for _, c in choices])[chosen]
        exponents = np.column_stack([exponents[rows], powers])
        factors = factors[rows] + used
        cost, rare = costs[fits], rarities[fits]
    # without a numerator the quotient needs one operator more, 1/x
    cost = cost + ((exponents <= 0).all(1) & (factors > 0))
    order = np.lexsort((*(-exponents.T[::-1]), cost))
    order = order[(factors[order] > 0) & (cost[order] <= max_complexity)]
    exponents, cost = exponents[order], cost[order]
    if len(cost) > count:
        limit = np.searchsorted(cost, cost[count], side="left")
        exponents, cost = exponents[:limit], cost[:limit]
    return exponents, cost
