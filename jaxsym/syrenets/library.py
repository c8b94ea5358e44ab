"""Libraries of Lagrangian terms, and the torques that each term alone would need.

The Euler-Lagrange operator is linear in L: the torques of ``sum_k c_k phi_k`` are the sum of c_k
times those of ``phi_k``, so that a Lagrangian is a linear regression once its terms are there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym._indices import exponents_up_to
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression, apply, literal, variable
from jaxsym.mechanics import euler_lagrange
from jaxsym.simulate import variable_names

Columns: TypeAlias = Float[np.ndarray, "n D K"]


class Term(NamedTuple):
    """``prod q**powers * cos(waves . q) * prod qd**rates``, or the sine instead of the cosine.

    Products of sines and cosines are sums of such terms, so that ``cos(q1 - q2)`` is one term.
    """

    powers: tuple[int, ...]
    waves: tuple[int, ...]
    sine: bool
    rates: tuple[int, ...]


@dataclass(frozen=True)
class WaveLibrary:
    """Terms of powers, waves and velocities; columns by closed forms, all terms at once.

    Attributes:
      terms: K of them.

    >>> kinetic = Term((0, 0), (1, -1), False, (1, 1))
    >>> WaveLibrary((kinetic,)).expressions
    [Expression(qd1*qd2*cos(q1 - q2))]
    """

    terms: tuple[Term, ...]

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def expressions(self) -> list[Expression]:
        """The terms in ``q1 .. qD qd1 .. qdD``."""
        return [term_expression(term) for term in self.terms]

    def columns(self, data: MechanicalData) -> Columns:
        """Torques of every term for its own: ``d/dt dphi/dqd_i - dphi/dq_i``.

        With ``phi = f(q) w(qd)`` that is ``f sum_j w_ij qdd_j + w_i (df/dq . qd) - f_i w``, where
        indices are derivatives.
        """
        q, qd, qdd, _ = data
        powers, waves, _, rates = (np.array(part) for part in zip(*self.terms, strict=True))
        f, slopes = self._shapes(q, powers, waves)
        along = np.einsum("nkd,nd->nk", slopes, qd)
        # many terms share their velocities
        distinct, place = np.unique(rates, axis=0, return_inverse=True)
        w, w_first, w_second = _monomials(qd, distinct)
        pushed = np.einsum("nrdj,nj->nrd", w_second, qdd)
        place = place.ravel()
        result = f[..., None] * pushed[:, place] + w_first[:, place] * along[..., None]
        result -= slopes * w[:, place, None]
        return np.swapaxes(result, 1, 2)

    def part(self, places: Sequence[int]) -> WaveLibrary:
        """The library of some of the terms."""
        return WaveLibrary(tuple(self.terms[place] for place in places))

    def _shapes(
        self, q: np.ndarray, powers: Int[np.ndarray, "K D"], waves: Int[np.ndarray, "K D"]
    ) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "n K D"]]:
        """f and its slopes."""
        sine = np.array([term.sine for term in self.terms])
        # many terms share a wave
        distinct, place = np.unique(waves, axis=0, return_inverse=True)
        angle = q @ distinct.T
        cos, sin = np.cos(angle)[:, place.ravel()], np.sin(angle)[:, place.ravel()]
        wave, turned = np.where(sine, sin, cos), np.where(sine, cos, -sin)
        monomial, first, _ = _monomials(q, powers)
        slopes = first * wave[..., None] + (monomial * turned)[..., None] * waves
        return monomial * wave, slopes


@dataclass(frozen=True)
class ExpressionLibrary:
    """Any terms; columns by automatic differentiation.

    Attributes:
      expressions: K of them, in ``q1 .. qD qd1 .. qdD``.
    """

    expressions: list[Expression]

    def __len__(self) -> int:
        return len(self.expressions)

    def columns(self, data: MechanicalData) -> Columns:
        """Torques of every term for its own, in float64."""
        names = variable_names(data.q.shape[1])
        parts = [expression.jax(names) for expression in self.expressions]

        def torque(weights: Array) -> Array:
            def lagrangian(q: Array, qd: Array) -> Array:
                point = jnp.concatenate([q, qd])
                return weights @ jnp.stack([f(point, constants) for f, constants in parts])

            return euler_lagrange(lagrangian)(*data[:3])

        with jax.enable_x64(True):
            return np.asarray(jax.jit(jax.jacfwd(torque))(jnp.zeros(len(parts))))

    def part(self, places: Sequence[int]) -> ExpressionLibrary:
        """The library of some of the terms."""
        return ExpressionLibrary([self.expressions[place] for place in places])


Library: TypeAlias = WaveLibrary | ExpressionLibrary


def term_expression(term: Term) -> Expression:
    """A term in ``q1 .. qD qd1 .. qdD``.

    >>> term_expression(Term((2, 0), (0, 1), True, (0, 1)))
    Expression(qd2*q1**2*sin(q2))
    """
    coordinates = [variable(f"q{i + 1}") for i in range(len(term.powers))]
    velocities = [variable(f"qd{i + 1}") for i in range(len(term.rates))]
    factors = [_power(v, e) for v, e in zip(velocities, term.rates, strict=True) if e]
    factors += [_power(v, e) for v, e in zip(coordinates, term.powers, strict=True) if e]
    angle = _combination(coordinates, term.waves)
    if angle is not None:
        factors.append(apply("sin" if term.sine else "cos", angle))
    return reduce(lambda a, b: a * b, factors) if factors else literal(1)


def _power(base: Expression, exponent: int) -> Expression:
    return base if exponent == 1 else base**exponent


def _combination(coordinates: Sequence[Expression], waves: tuple[int, ...]) -> Expression | None:
    """``waves . q``, the positive parts first."""
    parts = sorted((-k, i) for i, k in enumerate(waves) if k)
    total = None
    for negated, i in parts:
        size = abs(negated)
        part = coordinates[i] if size == 1 else size * coordinates[i]
        if total is None:
            total = part if negated < 0 else -part
        else:
            total = total + part if negated < 0 else total - part
    return total


def _monomials(
    x: Float[np.ndarray, "n D"], exponents: Int[np.ndarray, "K D"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``prod x**e`` as ``[n, K]``, its slopes ``[n, K, D]`` and curvatures ``[n, K, D, D]``."""
    dims = x.shape[1]
    lowest = exponents.min(initial=0) - 2
    ladder = np.arange(lowest, exponents.max(initial=0) + 1)
    # powers below zero are asked for only where their factor is not zero
    with np.errstate(divide="ignore"):
        table = np.where(
            (ladder < 0) & (exponents.min(initial=0) >= 0),
            0.0,
            x[..., None] ** ladder.astype(float),
        )

    def product(lowered: np.ndarray) -> np.ndarray:
        parts = [table[:, j, exponents[:, j] - lowered[j] - lowest] for j in range(dims)]
        return reduce(np.multiply, parts)

    unit = np.eye(dims, dtype=int)
    value = product(np.zeros(dims, int))
    first = np.stack([exponents[:, i] * product(unit[i]) for i in range(dims)], axis=-1)
    second = np.empty((*value.shape, dims, dims))
    for i, j in itertools.combinations_with_replacement(range(dims), 2):
        factor = exponents[:, i] * (exponents[:, j] - (i == j))
        second[..., i, j] = second[..., j, i] = factor * product(unit[i] + unit[j])
    return value, first, second


def stages(coordinates: int) -> Iterator[WaveLibrary]:
    """Libraries from small to large; the first that explains the motion is the right one.

    1. Waves of two angles at most, of all that may be added once; springs.
    2. Waves of all angles together.
    3. Waves of double angles, polynomials up to the fourth degree, terms linear in velocities.
    4. Each coordinate a length or an angle, one or two of them lengths: powers of lengths times
       waves of angles, potentials of lengths from the inverse fourth to the fourth degree.
    5. Inverse powers, of potentials down to the fourth, and powers times waves, also of one
       coordinate. Over a narrow range such terms are nearly sums of others.
    """
    zero = (0,) * coordinates
    springs = [p for p in _exponents(coordinates, 2) if any(p)]
    narrow = _waves(coordinates, reach=1, order=2)
    wide = _waves(coordinates, reach=1, order=coordinates)
    double = _waves(coordinates, reach=2, order=max(3, coordinates))
    low, high = _exponents(coordinates, 2), _exponents(coordinates, 4)
    squares = [r for r in _exponents(coordinates, 2) if sum(r) == 2]
    linear = [r for r in _exponents(coordinates, 1) if sum(r) == 1] if coordinates > 1 else []
    pure = [(zero, k, s) for k, s in double]
    mixed = [(p, k, s) for p in low for k, s in narrow]
    inverse = [tuple(-e for e in p) for p in low if any(p)]
    yield _library([(zero, k, s) for k, s in narrow], squares, springs)
    if coordinates > 2:
        yield _library([(zero, k, s) for k, s in wide], squares, springs)
    yield _library(pure + [(p, zero, False) for p in low if any(p)], squares + linear, high)
    for count in range(1, min(2, coordinates - 1) + 1):
        for lengths in itertools.combinations(range(coordinates), count):
            yield _lengths_and_angles(coordinates, set(lengths), squares + linear)
    powers = [(p, zero, False) for p in inverse]
    wells = [tuple(-e for e in p) for p in high]
    yield _library(mixed + powers, squares + linear, high + wells)


def _lengths_and_angles(
    coordinates: int, lengths: set[int], kinetic: Sequence[tuple[int, ...]]
) -> WaveLibrary:
    """Powers of the lengths times waves of the other coordinates."""

    def of_lengths(exponents: tuple[int, ...]) -> bool:
        return all(i in lengths for i, e in enumerate(exponents) if e)

    waves = [
        (k, sine)
        for k, sine in _waves(coordinates, reach=1, order=2)
        if not any(k[i] for i in lengths)
    ]
    shapes = [(p, k, s) for p in filter(of_lengths, _exponents(coordinates, 2)) for k, s in waves]
    wells = [p for p in filter(of_lengths, _exponents(coordinates, 4)) if any(p)]
    return _library(shapes, kinetic, wells + [tuple(-e for e in p) for p in wells])


def _library(
    shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...], bool]],
    kinetic: Sequence[tuple[int, ...]],
    polynomials: Sequence[tuple[int, ...]],
) -> WaveLibrary:
    """Every shape times every product of velocities, and as a potential; and polynomials."""
    zero = (0,) * len(kinetic[0])
    terms = [Term(p, k, s, r) for r in kinetic for p, k, s in shapes]
    terms += [Term(p, k, s, zero) for p, k, s in shapes if any(p) or any(k)]
    terms += [Term(p, zero, False, zero) for p in polynomials if any(p)]
    return WaveLibrary(tuple(dict.fromkeys(t for t in terms if not is_gauge(t))))


def is_gauge(term: Term) -> bool:
    """Whether a term alone leaves all torques as they are: a constant, or ``f(q_i) qd_i``.

    >>> is_gauge(Term((0, 0), (1, 0), False, (1, 0)))
    True
    >>> is_gauge(Term((0, 0), (0, 1), False, (1, 0)))
    False
    """
    if sum(term.rates) == 0:
        return not any(term.powers) and not any(term.waves)
    used = {i for part in (term.powers, term.waves) for i, e in enumerate(part) if e}
    return sum(term.rates) == 1 and used <= {term.rates.index(1)}


def _waves(coordinates: int, reach: int, order: int) -> list[tuple[tuple[int, ...], bool]]:
    """``(k, sine)`` with ``|k_i| <= reach`` and ``sum |k_i| <= order``, one of k and -k."""
    found = [((0,) * coordinates, False)]
    for k in itertools.product(range(-reach, reach + 1), repeat=coordinates):
        leading = next((e for e in k if e), 0)
        if leading > 0 and sum(map(abs, k)) <= order:
            found += [(k, False), (k, True)]
    return found


def _exponents(coordinates: int, degree: int) -> list[tuple[int, ...]]:
    """Exponents of all monomials up to a degree."""
    return sorted(exponents_up_to(coordinates, degree), key=lambda e: (sum(e), e))
