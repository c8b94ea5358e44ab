"""Sizes and indices of arrays that several rooms need: padded sizes, spread rows, exponents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int


def power_of_two(needed: int, least: int) -> int:
    """The next power of two, or ``least``: padded to it, few shapes have to be compiled.

    >>> [power_of_two(needed, 8) for needed in (0, 7, 9, 16)]
    [8, 8, 16, 16]
    """
    return max(least, 1 << max(needed - 1, 0).bit_length())


def spread(total: int, count: int) -> Int[np.ndarray, " K"]:
    """Indices of at most ``count`` of some rows, evenly spread, the first and the last among them.

    >>> spread(11, 3).tolist(), spread(2, 3).tolist()
    ([0, 5, 10], [0, 1])
    """
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))


def exponents_up_to(variables: int, degree: int) -> Iterator[tuple[int, ...]]:
    """Exponents of all monomials of at most a total degree, in lexicographic order.

    >>> list(exponents_up_to(2, 2))
    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]
    """
    if variables == 0:
        yield ()
        return
    for first in range(degree + 1):
        for rest in exponents_up_to(variables - 1, degree - first):
            yield (first, *rest)
