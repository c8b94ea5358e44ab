"""The libraries that the direct route tries, from small to large, as a table.

A row knows an upper bound of its library's size before the library is made: that of many
coordinates is larger than any memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from jaxsym._indices import exponents_up_to
from jaxsym.syrenets.library import LagrangianTerm, WaveLibrary, is_gauge

Exponents: TypeAlias = tuple[int, ...]
Wave: TypeAlias = tuple[tuple[int, ...], bool]  # k, and whether it is a sine
Shape: TypeAlias = tuple[Exponents, tuple[int, ...], bool]


class LibraryStage(NamedTuple):
    """One library.

    Attributes:
      most_terms: it has no more than that; the first one of a table has exactly as many.
      build: makes it.
    """

    most_terms: int
    build: Callable[[], WaveLibrary]


def library_stages(coordinates: int) -> Iterator[LibraryStage]:
    """Libraries from small to large; the first that explains the motion is the right one.

    1. Waves of two angles at most, of all that may be added once; springs.
    2. Waves of all angles together.
    3. Waves of double angles, polynomials up to the fourth degree, terms linear in velocities.
    4. Each coordinate a length or an angle, one or two of them lengths: powers of lengths times
       waves of angles, potentials of lengths from the inverse fourth to the fourth degree.
    5. Inverse powers, of potentials down to the fourth, and powers times waves, also of one
       coordinate. Over a narrow range such terms are nearly sums of others.

    >>> [stage.most_terms for stage in library_stages(2)][:2]
    [40, 170]
    """
    yield _narrow(coordinates)
    if coordinates > 2:
        yield _wide(coordinates)
    yield _polynomial(coordinates)
    for count in range(1, min(2, coordinates - 1) + 1):
        for lengths in itertools.combinations(range(coordinates), count):
            yield _lengths_and_angles(coordinates, lengths)
    yield _inverse(coordinates)


def lagrangian_libraries(coordinates: int) -> Iterator[WaveLibrary]:
    """The libraries of `library_stages`, each made when it is asked for.

    >>> len(next(lagrangian_libraries(2)))
    40
    """
    return (stage.build() for stage in library_stages(coordinates))


def _narrow(n: int) -> LibraryStage:
    return _stage(
        _count_waves(n, 1, 2),
        _count_squares(n),
        _count_exponents(n, 2) - 1,
        lambda: _library(_alone(n, _waves(n, 1, 2)), _squares(n), _some_power(n, 2)),
    )


def _wide(n: int) -> LibraryStage:
    return _stage(
        _count_waves(n, 1, n),
        _count_squares(n),
        _count_exponents(n, 2) - 1,
        lambda: _library(_alone(n, _waves(n, 1, n)), _squares(n), _some_power(n, 2)),
    )


def _polynomial(n: int) -> LibraryStage:
    order = max(3, n)

    def build() -> WaveLibrary:
        shapes = _alone(n, _waves(n, 2, order)) + _pure(_some_power(n, 2))
        return _library(shapes, _squares(n) + _linear(n), _exponents(n, 4))

    shapes = _count_waves(n, 2, order) + _count_exponents(n, 2) - 1
    return _stage(shapes, _count_squares(n) + n, _count_exponents(n, 4), build)


def _lengths_and_angles(n: int, lengths: Collection[int]) -> LibraryStage:
    """Powers of the lengths times waves of the other coordinates."""

    def of_lengths(exponents: Exponents) -> bool:
        return all(i in lengths for i, e in enumerate(exponents) if e)

    def build() -> WaveLibrary:
        waves = [(k, s) for k, s in _waves(n, 1, 2) if not any(k[i] for i in lengths)]
        powers = filter(of_lengths, _exponents(n, 2))
        shapes = [(p, k, s) for p in powers for k, s in waves]
        wells = [p for p in filter(of_lengths, _exponents(n, 4)) if any(p)]
        return _library(shapes, _squares(n) + _linear(n), wells + _inverted(wells))

    few = len(lengths)
    shapes = _count_exponents(few, 2) * _count_waves(n - few, 1, 2)
    return _stage(shapes, _count_squares(n) + n, 2 * _count_exponents(few, 4), build)


def _inverse(n: int) -> LibraryStage:
    def build() -> WaveLibrary:
        mixed = [(p, k, s) for p in _exponents(n, 2) for k, s in _waves(n, 1, 2)]
        shapes = mixed + _pure(_inverted(_some_power(n, 2)))
        high = _exponents(n, 4)
        return _library(shapes, _squares(n) + _linear(n), high + _inverted(high))

    shapes = _count_exponents(n, 2) * (_count_waves(n, 1, 2) + 1)
    return _stage(shapes, _count_squares(n) + n, 2 * _count_exponents(n, 4), build)


def _stage(
    shapes: int, kinetic: int, polynomials: int, build: Callable[[], WaveLibrary]
) -> LibraryStage:
    """Every shape but the constant one is a potential as well."""
    return LibraryStage(shapes * kinetic + shapes - 1 + polynomials, build)


def _library(
    shapes: Sequence[Shape], kinetic: Sequence[Exponents], polynomials: Sequence[Exponents]
) -> WaveLibrary:
    """Every shape times every product of velocities, and as a potential; and polynomials."""
    zero = (0,) * len(kinetic[0])
    terms = [LagrangianTerm(p, k, s, r) for r in kinetic for p, k, s in shapes]
    terms += [LagrangianTerm(p, k, s, zero) for p, k, s in shapes if any(p) or any(k)]
    terms += [LagrangianTerm(p, zero, False, zero) for p in polynomials if any(p)]
    return WaveLibrary(tuple(dict.fromkeys(t for t in terms if not is_gauge(t))))


def _alone(coordinates: int, waves: Sequence[Wave]) -> list[Shape]:
    return [((0,) * coordinates, k, sine) for k, sine in waves]


def _pure(powers: Sequence[Exponents]) -> list[Shape]:
    return [(p, (0,) * len(p), False) for p in powers]


def _inverted(powers: Sequence[Exponents]) -> list[Exponents]:
    return [tuple(-e for e in p) for p in powers]


def _some_power(coordinates: int, degree: int) -> list[Exponents]:
    return [p for p in _exponents(coordinates, degree) if any(p)]


def _squares(coordinates: int) -> list[Exponents]:
    return [r for r in _exponents(coordinates, 2) if sum(r) == 2]


def _linear(coordinates: int) -> list[Exponents]:
    """Of one coordinate, a term linear in its velocity changes no torque."""
    return _exponents(coordinates, 1)[1:] if coordinates > 1 else []


def _waves(coordinates: int, reach: int, order: int) -> list[Wave]:
    """``(k, sine)`` with ``|k_i| <= reach`` and ``sum |k_i| <= order``, one of k and -k."""
    found = []
    for count in range(1, min(order, coordinates) + 1):
        for places in itertools.combinations(range(coordinates), count):
            for sizes in itertools.product(range(-reach, reach + 1), repeat=count):
                if all(sizes) and sizes[0] > 0 and sum(map(abs, sizes)) <= order:
                    k = dict(zip(places, sizes, strict=True))
                    found.append(tuple(k.get(i, 0) for i in range(coordinates)))
    both = [(k, sine) for k in sorted(found) for sine in (False, True)]
    return [((0,) * coordinates, False), *both]


def _count_waves(coordinates: int, reach: int, order: int) -> int:
    """How many `_waves` there are, by the number of their coordinates and the sizes of k."""
    total, ways = 1, [1] + [0] * order  # ways to have a sum of sizes, with so many coordinates
    for count in range(1, min(order, coordinates) + 1):
        ways = [sum(ways[max(0, s - reach) : s]) for s in range(order + 1)]
        total += math.comb(coordinates, count) * sum(ways) * 2**count
    return total


def _exponents(coordinates: int, degree: int) -> list[Exponents]:
    """Exponents of all monomials up to a degree."""
    return sorted(exponents_up_to(coordinates, degree), key=lambda e: (sum(e), e))


def _count_exponents(coordinates: int, degree: int) -> int:
    return math.comb(coordinates + degree, degree)


def _count_squares(coordinates: int) -> int:
    return coordinates * (coordinates + 1) // 2
